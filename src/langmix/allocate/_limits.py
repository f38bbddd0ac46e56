"""Limits on the shares: floors, ceilings, fixed shares, data with epochs, distance from a mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix.allocate._collisions import Limit, explain, feasible
from langmix.errors import InfeasibleError, InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Near:
    """At most ``distance`` of the tokens may move from a mixture: half the sum of absolute differences.

    Attributes:
        name: of the mixture.
        centre: its shares, shape (K,).
        distance: the total variation allowed, 0 to 1.
    """

    name: str
    centre: Floats
    distance: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Limits:
    """Bounds of the shares, shape (K,), and distances, with a mixture that keeps them all."""

    lower: Floats
    upper: Floats
    near: tuple[Near, ...] = ()


def share_limits(
    languages: Sequence[str],
    *,
    tokens: float,
    supply: Floats,
    max_epochs: float | None,
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
    fixed: Mapping[str, float],
    near: Sequence[Near] = (),
    least: Mapping[str, float] | None = None,
    trained: Floats | None = None,
) -> Limits:
    """Bounds of the shares, shape (K,), with a mixture between them.

    Args:
        languages: names, K of them.
        tokens: the budget.
        supply: shape (K,), distinct tokens available, infinite where unlimited.
        max_epochs: how often a language's tokens may be repeated; None is unlimited.
        floors, ceilings, fixed: least, largest and exact share per language.
        near: distances from mixtures.
        least: floors that give way where the other limits leave no room for them.
        trained: shape (K,), tokens of each language already used up.

    Raises:
        InputError: an unknown language or a share outside 0..1.
        InfeasibleError: no mixture satisfies all; says which limits collide, by how many tokens.
    """
    check_epochs(max_epochs, supply)
    for what, given in (("floors", floors), ("ceilings", ceilings), ("fixed", fixed)):
        _check_shares(languages, given, what=what)
    for name in fixed:
        for what, given in (("floors", floors), ("ceilings", ceilings)):
            if name in given:
                raise InputError(f"{what}: {name} has a fixed share; leave it out of {what} or of fixed")
    for one in near:
        if not 0 <= one.distance <= 1:
            raise InputError(
                f"near: {one.name} is {one.distance}; expected the part of the tokens that may move, 0 to 1"
            )

    left = supply * max_epochs - (0.0 if trained is None else trained) if max_epochs is not None else None
    limits = [Limit(kind="floor", name=n, share=s) for n, s in floors.items() if s > 0]
    limits += [Limit(kind="fixed", name=n, share=s) for n, s in fixed.items()]
    limits += [Limit(kind="ceiling", name=n, share=s) for n, s in ceilings.items() if s < 1]
    if left is not None:
        limits += [
            Limit(kind="data", name=name, share=max(float(cap), 0.0) / tokens)
            for name, cap in zip(languages, left, strict=True)
            if cap < tokens
        ]
    limits += [Limit(kind="near", name=n.name, share=n.distance, centre=n.centre) for n in near]

    lower, upper = np.zeros(len(languages)), np.ones(len(languages))
    for limit in limits:
        if limit.kind == "near":
            continue
        k = languages.index(limit.name)
        if limit.kind in ("floor", "fixed"):
            lower[k] = max(lower[k], limit.share)
        if limit.kind != "floor":
            upper[k] = min(upper[k], limit.share)
    if not _clearly_feasible(lower, upper, near) and not feasible(languages, limits):
        raise InfeasibleError(explain(languages, limits, tokens=tokens, max_epochs=max_epochs))
    held = _with_least(languages, lower, upper, near, least or {})
    if held is not lower and near and not _clearly_feasible(held, upper, near):
        soft = [Limit(kind="floor", name=n, share=float(s)) for n, s in zip(languages, held, strict=True)]
        held = held if feasible(languages, [*limits, *soft]) else lower
    # One mixture may have no distance to move: then it is the answer.
    for one in near:
        if one.distance < 1e-9:
            return Limits(lower=one.centre, upper=one.centre, near=())
    return Limits(lower=held, upper=upper, near=tuple(near))


def check_epochs(max_epochs: float | None, supply: Floats) -> None:
    """Refuse epochs that are not above 0, or that nothing is known to be repeated of.

    Raises:
        InputError: with the remedy.
    """
    if max_epochs is None:
        return
    if not max_epochs > 0:
        raise InputError(f"max_epochs: {max_epochs}; expected a number above 0")
    if not np.isfinite(supply).any():
        raise InputError(
            f"max_epochs: {max_epochs:g} limits nothing, since no language's available tokens are given; "
            "give them as available (--available LANGUAGE=TOKENS), or leave max_epochs out"
        )


def _clearly_feasible(lower: Floats, upper: Floats, near: Sequence[Near]) -> bool:
    """Whether a mixture keeps the bounds, and at most one distance (more need a linear programme)."""
    within = bool((lower <= upper).all() and lower.sum() <= 1 + 1e-9 and upper.sum() >= 1 - 1e-9)
    if not within or len(near) > 1:
        return within and not near
    return all(
        max(np.maximum(lower - n.centre, 0).sum(), np.maximum(n.centre - upper, 0).sum()) <= n.distance
        for n in near
    )


def _with_least(
    languages: Sequence[str],
    lower: Floats,
    upper: Floats,
    near: Sequence[Near],
    least: Mapping[str, float],
) -> Floats:
    """The lower bounds with the floors that give way, as far as the others leave room."""
    wanted = np.minimum([least.get(name, 0.0) for name in languages], upper)
    for one in near:
        wanted = np.minimum(wanted, one.centre)
    more = np.maximum(wanted - lower, 0.0)
    if not more.any():
        return lower
    room = 0.9 * max(1.0 - lower.sum(), 0.0)
    held: Floats = lower + more * min(1.0, room / float(more.sum()))
    return held


def _check_shares(languages: Sequence[str], given: Mapping[str, float], *, what: str) -> None:
    for name, share in given.items():
        if name not in languages:
            raise InputError(f"{what}: unknown language {name!r}; expected one of {', '.join(languages)}")
        if not 0 <= share <= 1:
            raise InputError(f"{what}: {name} is {share}; expected a share from 0 to 1")
