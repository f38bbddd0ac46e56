"""MosaicML streaming: one ``Stream`` per language."""

from __future__ import annotations

from typing import Any

import yaml

from langmix.export._blend import Blend


def streams(blend: Blend) -> str:
    """YAML of the ``streams`` of a ``StreamingDataset``, as llm-foundry reads them.

    Unit: samples of the shards, so documents, unless rows were packed when the shards were written (as
    llm-foundry's ``convert_dataset_hf.py --concat_tokens`` does).

    Source: mosaicml/streaming, ``streaming/base/stream.py`` (``Stream``, ``Stream.apply_weights``).

    Pitfalls:
        - ``proportion`` is relative and normalised; ``repeat`` and ``choose`` are absolute, and the two kinds
          exclude each other over all streams.
        - With ``proportion`` an epoch has ``epoch_size`` samples, and without it as many as the shards hold:
          it is set to the samples of the budget where their size is known, so that one epoch is the budget.
        - Samples per stream are rounded down and the rest goes to streams drawn at random: a stream is
          right within one sample.
        - A proportion of 0 is allowed, but its index is downloaded all the same: left out.
        - A path is the folder that holds ``index.json``: there is no ``split`` below it. A path with ``://``
          is written as ``remote``; add a ``local`` to it, one per stream, to keep its shards.
    """
    content: dict[str, Any] = {
        "streams": {
            part.language: {_place(part.path): part.path, "proportion": part.weight} for part in blend.parts
        }
    }
    missing = ""
    if blend.draws is None:
        missing = "# set epoch_size to the samples of the budget: tokens / sequence length\n"
    else:
        content["epoch_size"] = blend.draws
    head = f"# proportions count {blend.unit}\n{missing}"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _place(path: str) -> str:
    return "remote" if "://" in path else "local"
