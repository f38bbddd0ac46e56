"""OLMo-core: the list of a source mixture."""

from __future__ import annotations

import math
from typing import Any

import yaml

from langmix.export._blend import Blend


def sources(blend: Blend) -> str:
    """The YAML that ``SourceMixtureList.from_yaml`` reads.

    Unit: tokens. OLMo-core counts the tokens of the files, takes ``target_ratio`` of ``requested_tokens`` and
    rounds to whole rows by largest remainders.

    Source: allenai/OLMo-core, ``src/olmo_core/data/source_mixture.py`` (``SourceMixtureConfig``,
    ``SourceMixtureList.validate``, ``SourceMixtureDatasetConfig.build``).

    Pitfalls:
        - Ratios must sum to 1 (relative tolerance 1e-5); they are not normalised.
        - ``max_repetition_ratio`` is an upper limit of epochs, 1 by default: a language that needs more
          tokens than its files hold raises "Insufficient tokens". It is written from the available tokens,
          rounded up to thousandths; without them the default stays: repetition is never an accident.
        - ``requested_tokens`` stands in ``SourceMixtureDatasetConfig``, not in this file: give the budget
          there. Rounding to whole batches makes the data slightly larger.
        - Paths are files, or patterns with ``*``; files of another token width are counted wrongly
          (``npdtype``).
    """
    taken = blend.tokens()
    listed = []
    for part in blend.parts:
        source: dict[str, Any] = {
            "source_name": part.language,
            "target_ratio": part.weight,
            "paths": [part.path],
        }
        if part.available is not None and taken[part.language] > part.available:
            source["max_repetition_ratio"] = math.ceil(1000 * taken[part.language] / part.available) / 1000
        listed.append(source)
    head = f"# ratios count tokens; requested_tokens: {round(blend.allocation.tokens)}\n"
    return head + yaml.safe_dump({"sources": listed}, sort_keys=False, allow_unicode=True)
