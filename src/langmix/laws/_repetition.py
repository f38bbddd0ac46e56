r"""What repeated tokens are worth (Muennighoff et al. 2023, arXiv 2305.16264, equation 5).

d = p D                                            while p D <= U
d = U (1 + R (1 - exp(-(p D / U - 1) / R)))        beyond
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Worth(NamedTuple):
    """Tokens of fresh data that tokens are worth, and derivatives of that."""

    value: Floats
    slope: Floats
    """In the tokens; continuous where repetition begins."""
    bend: Floats
    """Second derivative in the tokens."""
    by_constant: Floats
    """In R."""


def worth(tokens: Floats, unique: Floats, constant: Floats) -> Worth:
    """What tokens that repeat a limited supply are worth.

    Args:
        tokens: tokens trained on, any shape.
        unique: distinct tokens available, infinite where there is no limit; broadcasts with ``tokens``.
        constant: the repetition constant R; broadcasts with ``tokens``.
    """
    limited = np.isfinite(unique)
    supply = np.where(limited, unique, 1.0)
    beyond = np.where(limited, np.maximum(tokens / supply - 1.0, 0.0), 0.0)
    decay = np.exp(-beyond / constant)
    repeating = limited & (beyond > 0)
    return Worth(
        value=np.where(repeating, supply * (1.0 + constant * (1.0 - decay)), tokens),
        slope=np.where(repeating, decay, 1.0),
        bend=np.where(repeating, -decay / (constant * supply), 0.0),
        by_constant=np.where(repeating, supply * (1.0 - decay * (1.0 + beyond / constant)), 0.0),
    )
