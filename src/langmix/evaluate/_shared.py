"""What measurements have in common: the lab that they need, and the resampling of what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from langmix.errors import MissingExtraError


@contextmanager
def lab_needed() -> Iterator[None]:
    """Around imports of the lab's.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "safetensors"):
            raise
        raise MissingExtraError(extra="lab", module=str(error.name), purpose="evaluating a model") from None


def resampled(count: int, *, draws: int, seed: int = 0) -> NDArray[np.int64]:
    """How often each of ``count`` items is drawn with replacement, shape (draws, count)."""
    rng = np.random.default_rng(seed)
    weights: NDArray[np.int64] = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    return weights
