"""Numbers with intervals, some of which may be infinite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix.laws import INTERVAL

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimate:
    """Numbers with 90% intervals, arrays of one shape; NaN where nothing is known."""

    value: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, value: Floats, draws: Floats) -> Estimate:
        """From draws, shape (S, ...): quantiles are draws themselves, since infinite ones count.

        Draws that are NaN are left out; without any the interval is NaN. It is widened to the value.
        """
        count = (~np.isnan(draws)).sum(axis=0)
        ordered = np.sort(draws, axis=0)  # NaN last

        def quantile(q: float) -> Floats:
            if len(draws) == 0:
                return np.full_like(value, np.nan)
            rank = np.rint(q * np.maximum(count - 1, 0)).astype(np.intp)
            return np.where(np.isnan(value), np.nan, np.take_along_axis(ordered, rank[None], axis=0)[0])

        tail = (1 - INTERVAL) / 2
        low, high = np.minimum(quantile(tail), value), np.maximum(quantile(1 - tail), value)
        return cls(value=value, low=low, high=high)
