"""Bounds on the shares, from tokens, epochs, floors and ceilings; infeasibility explained in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InfeasibleError, InputError

Floats = NDArray[np.float64]


def share_bounds(
    languages: Sequence[str],
    *,
    tokens: float,
    supply: Floats,
    max_epochs: float | None,
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
) -> tuple[Floats, Floats]:
    """Lower and upper bounds of the shares, shape (K,), with a mixture between them.

    Args:
        languages: names, K of them.
        tokens: the budget.
        supply: shape (K,), distinct tokens available, infinite where unlimited.
        max_epochs: how often a language's tokens may be repeated; None is unlimited.
        floors, ceilings: least and largest share per language.

    Raises:
        InputError: an unknown language or a share outside 0..1.
        InfeasibleError: no mixture satisfies all; states the tokens.
    """
    lower = _shares(languages, floors, default=0.0, what="floors")
    ceiling = _shares(languages, ceilings, default=1.0, what="ceilings")
    if max_epochs is not None and not max_epochs > 0:
        raise InputError(f"max_epochs: {max_epochs}; expected a number above 0")
    cap = supply * max_epochs / tokens if max_epochs is not None else np.full(len(languages), np.inf)
    upper = np.minimum(np.minimum(ceiling, cap), 1.0)

    for name, low, high, limit in zip(languages, lower, upper, cap, strict=True):
        if low > high:
            why = (
                f"{count(limit * tokens)} tokens can be had at {max_epochs:g} epochs"
                if limit <= high
                else f"its ceiling allows {count(high * tokens)}"
            )
            raise InfeasibleError(
                f"the floor of {name} asks for {count(low * tokens)} of {count(tokens)} tokens, but {why}; "
                "lower the floor or raise the other limit"
            )
    if lower.sum() > 1 + 1e-9:
        raise InfeasibleError(
            f"the floors ask for {count(lower.sum() * tokens)} tokens ({_listed(languages, lower, tokens)}), "
            f"more than the {count(tokens)} of the budget; lower some of them"
        )
    if upper.sum() < 1 - 1e-9:
        raise InfeasibleError(
            f"the caps allow {count(upper.sum() * tokens)} of the {count(tokens)} tokens asked for "
            f"({_listed(languages, upper, tokens)}); raise max_epochs or the ceilings, find more data, "
            "or ask for fewer tokens"
        )
    return lower, upper


def count(tokens: float) -> str:
    """Tokens for people: 38.2B, 1.5M, 800."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(tokens) >= size:
            return f"{tokens / size:.3g}{unit}"
    return f"{tokens:.3g}"


def _shares(languages: Sequence[str], given: Mapping[str, float], *, default: float, what: str) -> Floats:
    for name, share in given.items():
        if name not in languages:
            raise InputError(f"{what}: unknown language {name!r}; expected one of {', '.join(languages)}")
        if not 0 <= share <= 1:
            raise InputError(f"{what}: {name} is {share}; expected a share from 0 to 1")
    return np.array([float(given.get(name, default)) for name in languages])


def _listed(languages: Sequence[str], shares: Floats, tokens: float) -> str:
    listed = [f"{n} {count(s * tokens)}" for n, s in zip(languages, shares, strict=True) if s > 0]
    return ", ".join(listed)
