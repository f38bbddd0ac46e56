"""What is minimised: a weighted mean of the losses, or the worst of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws import Laws, check_names

Floats = NDArray[np.float64]

OBJECTIVES: Final = {
    "bits_per_byte": "mean over the targets of bits per byte (needs bytes per token in the run table)",
    "nats_per_token": "mean over the targets of nats per token",
    "relative": "mean over the targets of the loss relative to a baseline mixture, by default uniform",
    "worst": "the largest loss over the targets, in bits per byte where known, else in nats per token",
}


def choose(laws: Laws, objective: str | None) -> str:
    """The objective that was asked for, or the default; checked.

    Raises:
        InputError: it is unknown, or needs bytes per token that are not there.
    """
    if objective is None:
        return "bits_per_byte" if set(laws.targets) <= set(laws.bytes_per_token) else "nats_per_token"
    if objective not in OBJECTIVES:
        raise InputError(f"objective: {objective!r} is not known; expected one of {', '.join(OBJECTIVES)}")
    if objective == "bits_per_byte":
        missing = [t for t in laws.targets if t not in laws.bytes_per_token]
        if missing:
            raise InputError(
                f"objective: bits_per_byte needs the column bytes_per_token.{missing[0]} in the run table; "
                "add it and fit again, or choose nats_per_token or relative"
            )
    return objective


def importance(laws: Laws, weights: Mapping[str, float] | None) -> Floats:
    """Importance of the targets, shape (T,), summing to 1."""
    if weights is None:
        return np.full(len(laws.targets), 1 / len(laws.targets))
    check_names(weights, laws.targets, what="weights")
    given = np.array([float(weights.get(t, 0.0)) for t in laws.targets])
    if np.any(given < 0) or not given.sum() > 0 or not np.isfinite(given).all():
        raise InputError(f"weights: {dict(weights)}; expected numbers >= 0, at least one above 0")
    normalised: Floats = given / given.sum()
    return normalised


def weights_of(laws: Laws, objective: str, importance: Floats, baseline: Floats) -> Floats:
    """Weight of each target's nats per token, shape (S, T); ``baseline`` are the losses to be relative to."""
    if objective == "bits_per_byte":
        return np.broadcast_to(importance / _nats_per_bit(laws), baseline.shape)
    if objective == "relative":
        return importance / baseline
    return np.broadcast_to(importance, baseline.shape)


def levels_of(laws: Laws, importance: Floats, shape: tuple[int, ...]) -> Floats:
    """The unit in which the worst target is sought, shape (S, T); infinite for one without weight."""
    known = set(laws.targets) <= set(laws.bytes_per_token)
    unit = _nats_per_bit(laws) if known else np.ones(len(importance))
    return np.broadcast_to(np.where(importance > 0, unit, np.inf), shape)


def _nats_per_bit(laws: Laws) -> Floats:
    """Nats per token that are one bit per byte, shape (T,)."""
    return np.array([laws.bytes_per_token[t] for t in laws.targets]) * math.log(2)
