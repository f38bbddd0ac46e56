"""Which of many effects noise does not explain."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Floats = NDArray[np.float64]

_FALSE_DISCOVERIES: Final = 0.1


def resolved(effect: Floats, error: Floats, freedom: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Effects that are not noise, by the procedure of Benjamini and Hochberg 1995 over all of them.

    The false discovery rate is controlled at 10%.

    Args:
        effect: any shape; NaN where nothing was measured.
        error: of the same shape, standard deviations.
        freedom: of the same shape, their degrees of freedom.
    """
    known = np.isfinite(effect) & (error > 0) & (freedom > 0)
    found = np.zeros(effect.shape, dtype=bool)
    if not known.any():
        return found
    p = 2 * stdtr(freedom[known], -np.abs(effect[known]) / error[known])
    order = np.argsort(p)
    allowed = _FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p)
    passed = np.flatnonzero(p[order] <= allowed)
    kept = np.zeros(len(p), dtype=bool)
    if len(passed):
        kept[order[: passed[-1] + 1]] = True
    found[known] = kept
    return found
