"""Reference units: what a fit sees does not depend on the units of N and D, to the last bit.

The same table in other units differs by rounding, and a search makes more of that: along a flat valley it may
end elsewhere. So numbers in reference units are rounded to far more digits than any run table has.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BITS: Final = 34
"""Of the mantissa: relative steps of 6e-11, a hundred thousand times what a change of units rounds."""


def geometric_mean(values: Floats) -> float:
    """Of positive numbers, by their ratios to the least: exact under powers of two, and in any order."""
    least = float(values.min())
    return least * float(np.exp(np.sort(np.log(values / least)).mean()))


def in_units(values: Floats, unit: float) -> Floats:
    """Values over a unit, rounded to 34 bits; 0 and infinity stay."""
    mantissa, exponent = np.frexp(values / unit)
    rounded: Floats = np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS)
    return rounded


def alike(values: Floats) -> bool:
    """Whether positive numbers are one and the same, but for rounding."""
    return bool(np.ptp(np.log(values)) < 1e-6)
