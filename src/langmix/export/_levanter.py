"""Levanter: ``train_weights`` of a data configuration."""

from __future__ import annotations

from typing import Final

import yaml

from langmix.errors import InputError
from langmix.export._blend import Blend

# A block's rows are indexed with 16 bits; 2048 is Levanter's default.
_BLOCKS: Final = (2048, 4096, 8192, 16384, 32768)
_TOLERANCE: Final = 0.01


def data(blend: Blend) -> str:
    """The ``data`` block of Levanter's YAML, with a block size that keeps small languages.

    Unit: packed rows: every component is cut into rows of the sequence length before mixing.

    Source: marin-community/marin, ``lib/levanter/src/levanter/data/mixture.py`` (``MixtureDataset``,
    ``_compute_expected_counts_per_block``) and ``data/text/datasets.py`` (``LmDataConfig``).

    Pitfalls:
        - Weights are normalised and weights of 0 dropped; the rest is whole rows per block of
          ``mixture_block_size``: **rounded down**, and what is missing goes to the largest language. At the
          default of 2048 a share of 0.04% gets nothing (a warning), one of 0.09% gets half of it. The block
          is made as large as needed for every language to be within 1% of its weight, up to 32768.
        - A language that runs out starts again (``restart``, the only strategy that there is).
        - ``cache_dir`` holds a folder ``train``; add a ``source`` to have Levanter build it.
        - Levanter before ``LmDataConfig`` called ``components`` ``configs``.
    """
    content = {
        "data": {
            "components": {part.language: {"type": "cached", "cache_dir": part.path} for part in blend.parts},
            "train_weights": {part.language: part.weight for part in blend.parts},
            "mixture_block_size": _block_size(blend),
        }
    }
    return "# weights count packed rows\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def realised(blend: Blend) -> dict[str, float]:
    """Weights as Levanter's whole rows per block realise them."""
    block = _block_size(blend)
    return {name: rows / block for name, rows in _rows(blend, block).items()}


def _block_size(blend: Blend) -> int:
    for block in _BLOCKS:
        rows = _rows(blend, block)
        if all(abs(rows[p.language] / block - p.weight) <= _TOLERANCE * p.weight for p in blend.parts):
            return block
    largest = _BLOCKS[-1]
    for part in blend.parts:
        if _rows(blend, largest)[part.language] == 0:
            raise InputError(
                f"levanter: {part.language} has a share of {part.weight:.3g}, less than one row in a block "
                f"of {largest}, so it would get no tokens; allocate with a floor of {1 / largest:.2g}, "
                "or with a ceiling of 0"
            )
    return largest


def _rows(blend: Blend, block: int) -> dict[str, int]:
    """Rows per block: rounded down, the rest to the language with most rows."""
    total = sum(part.weight for part in blend.parts)  # Levanter divides by it, which may cost the last row
    rows = {part.language: int(part.weight / total * block) for part in blend.parts}
    largest = max(rows, key=lambda name: rows[name])
    return {**rows, largest: rows[largest] + block - sum(rows.values())}
