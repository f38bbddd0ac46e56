"""The Megatron family: Megatron-LM, Megatron-Bridge and NeMo 2 read the same blend.

Unit: packed rows. ``GPTDataset`` concatenates the documents of one prefix and cuts rows of the sequence
length before ``BlendedDataset`` mixes, so a weight counts rows, hence tokens.

Sources (NVIDIA/Megatron-LM): ``megatron/core/datasets/utils.py`` (``get_blend_from_list``, ``normalize``),
``blended_megatron_dataset_builder.py`` (``_get_size_per_split_per_dataset``), ``blended_dataset.py`` and
``helpers.cpp`` (``build_blending_indices``).

Pitfalls:
    - Weights are normalised to sum to 1. The blend is deterministic: after n rows every prefix is within a
      few rows of n times its weight.
    - A weight of 0 fails (``BlendedDataset`` asserts that all are above 0): languages without tokens are left
      out.
    - Weights and prefixes alternate. If any weight is no number, the whole list is read as prefixes without
      weights, that is, mixed by size.
    - A prefix has no suffix: ``/data/python_text_document`` stands for its ``.bin`` and ``.idx``.
    - The budget is not in the blend: it is the number of training samples (``--train-samples``, or iterations
      times the global batch). A prefix with too few rows is repeated without a word, each pass shuffled anew.
"""

from __future__ import annotations

import json
import shlex

import yaml

from langmix.errors import InputError
from langmix.export._blend import Blend


def data_path(blend: Blend) -> str:
    """``--data-path`` of Megatron-LM: weights and prefixes in turn, quoted for a shell.

    The words after ``--data-path`` may also stand in a file given as ``--data-args-path``, which splits at
    white space and knows no quotes.
    """
    return "--data-path " + " ".join(shlex.quote(word) for word in _words(blend)) + "\n"


def per_split(blend: Blend) -> str:
    """The JSON file of ``--per-split-data-args-path`` (Megatron-LM and Megatron-Bridge).

    Source: ``get_blend_and_blend_per_split`` in ``megatron/training/utils.py`` and in Megatron-Bridge's
    ``src/megatron/bridge/data/loaders.py``. All three keys must be there; null means no such split, so set
    ``valid`` to your held-out prefixes before evaluating. It excludes ``--data-path`` and ``--split``.
    """
    return json.dumps({"train": _words(blend), "valid": None, "test": None}, indent=1) + "\n"


def bridge(blend: Blend) -> str:
    """A YAML override file of Megatron-Bridge: ``dataset.blend``, a pair of prefixes and weights.

    Source: NVIDIA-NeMo/Megatron-Bridge, ``src/megatron/bridge/training/config.py`` (``GPTDatasetConfig``, a
    deferred ``BlendedMegatronDatasetConfig``, whose ``blend`` is this pair). Versions that have
    ``dataset.data_path`` convert it to ``blend``; ``blend`` works in all. ``split`` must be set beside it.
    """
    prefixes = [_prefix(part.language, part.path) for part in blend.parts]
    content = {"dataset": {"blend": [prefixes, [part.weight for part in blend.parts]]}}
    return "# weights count packed rows\n" + yaml.safe_dump(content, allow_unicode=True)


def nemo(blend: Blend) -> str:
    """The ``paths`` argument of NeMo 2's ``PreTrainingDataModule``, as a JSON list (a Python literal too).

    Source: NVIDIA/NeMo up to 2.7, ``nemo/collections/llm/gpt/data/pre_training.py`` (``is_zipped_list``, then
    Megatron's ``get_blend_from_list``). Weights are text there. NeMo 3 has no language models any more: use
    Megatron-Bridge. Files are checked when the module is made, so the list only loads where the data lies.
    """
    return json.dumps(_words(blend)) + "\n"


def _words(blend: Blend) -> list[str]:
    return [
        word for part in blend.parts for word in (f"{part.weight:.12g}", _prefix(part.language, part.path))
    ]


def _prefix(language: str, path: str) -> str:
    if path.endswith((".bin", ".idx")):
        raise InputError(
            f"paths: {language} is {path!r}; expected Megatron's prefix without .bin or .idx: {path[:-4]!r}"
        )
    return path
