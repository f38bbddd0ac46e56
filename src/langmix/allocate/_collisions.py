"""Why no mixture keeps all limits: which of them collide, and by how many tokens.

Every collision is an irreducible set of limits, found by leaving out one after the other (Chinneck &
Dravnieks, Locating minimal infeasible constraint sets in linear programs, 1991); the tokens are the least
that some of them have to give way in all. Limits that collide independently are all reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from langmix.quantities import count

Floats = NDArray[np.float64]
Kind = Literal["floor", "fixed", "ceiling", "data", "near"]

_TOLERANCE: Final = 1e-9
_LISTED: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Limit:
    """One limit of the user: ``share`` is a least, exact or largest share, or a distance from ``centre``."""

    kind: Kind
    name: str
    share: float
    centre: Floats | None = None


def feasible(languages: Sequence[str], limits: Sequence[Limit]) -> bool:
    """Whether a mixture keeps all limits."""
    return _missing(languages, limits) <= _TOLERANCE


def explain(
    languages: Sequence[str], limits: Sequence[Limit], *, tokens: float, max_epochs: float | None
) -> str:
    """Every collision in words, with tokens."""
    rest, found = list(limits), []
    while rest and not feasible(languages, rest):
        colliding = _irreducible(languages, rest)
        found.append(_sentence(languages, colliding, tokens, max_epochs))
        rest = [limit for limit in rest if limit not in colliding]
    if len(found) > 1:
        found = [f"({k}) {sentence}" for k, sentence in enumerate(found, 1)]
    return f"no mixture of {count(tokens)} tokens keeps all limits: {'; '.join(found)}"


def _irreducible(languages: Sequence[str], limits: Sequence[Limit]) -> list[Limit]:
    """A set of limits that collide, of which none can be left out."""
    kept = list(limits)
    for limit in limits:
        without = [other for other in kept if other is not limit]
        if not feasible(languages, without):
            kept = without
    return kept


def _missing(languages: Sequence[str], limits: Sequence[Limit]) -> float:
    """The least sum of shares by which the limits have to give way for a mixture to exist."""
    size, near = len(languages), [limit for limit in limits if limit.kind == "near"]
    # Variables: the shares, what each limit gives way, and per distance the tokens moved to each language.
    first_give, first_moved = size, size + len(limits)
    width = first_moved + size * len(near)
    rows, bounds = [], []

    def add(entries: dict[int, float], bound: float) -> None:
        row = np.zeros(width)
        row[list(entries)] = list(entries.values())
        rows.append(row)
        bounds.append(bound)

    moved = first_moved
    for m, limit in enumerate(limits):
        give = first_give + m
        if limit.centre is not None:
            for k in range(size):
                add({k: 1.0, moved + k: -1.0}, limit.centre[k])
            add({**{moved + k: 1.0 for k in range(size)}, give: -1.0}, limit.share)
            moved += size
            continue
        k = languages.index(limit.name)
        if limit.kind in ("floor", "fixed"):
            add({k: -1.0, give: -1.0}, -limit.share)
        if limit.kind != "floor":
            add({k: 1.0, give: -1.0}, limit.share)
    cost = np.zeros(width)
    cost[first_give:first_moved] = 1.0
    whole = np.zeros((1, width))
    whole[0, :size] = 1.0
    found = linprog(
        cost,
        A_ub=np.array(rows) if rows else None,
        b_ub=bounds or None,
        A_eq=whole,
        b_eq=[1.0],
        bounds=[(0, 1)] * size + [(0, None)] * (width - size),
    )
    return float(found.fun or 0.0)


def _sentence(
    languages: Sequence[str], limits: Sequence[Limit], tokens: float, max_epochs: float | None
) -> str:
    def several(kind: Kind, one: str, many: str) -> str | None:
        of_kind = [limit for limit in limits if limit.kind == kind]
        if not of_kind:
            return None
        if len(of_kind) == 1:
            return one.format(name=of_kind[0].name, tokens=count(of_kind[0].share * tokens))
        listed = ", ".join(f"{x.name} {count(x.share * tokens)}" for x in of_kind[:_LISTED])
        more = f" and {len(of_kind) - _LISTED} more" if len(of_kind) > _LISTED else ""
        return many.format(tokens=count(sum(x.share for x in of_kind) * tokens), listed=listed + more)

    epochs = "" if max_epochs is None else f" at {max_epochs:g} epochs"
    parts = [
        several(
            "floor", "the floor of {name} asks for {tokens}", "the floors ask for {tokens} in all ({listed})"
        ),
        several(
            "fixed", "the fixed share of {name} is {tokens}", "the fixed shares take {tokens} ({listed})"
        ),
        several("ceiling", "the ceiling of {name} allows {tokens}", "the ceilings allow {tokens} ({listed})"),
        several(
            "data",
            f"{{tokens}} of {{name}} can be had{epochs}",
            f"{{tokens}} can be had{epochs} ({{listed}})",
        ),
        *(
            f"near {limit.name} lets {count(limit.share * tokens)} ({100 * limit.share:.3g}%) move from it"
            f"{_moves(languages, limit, limits, tokens)}"
            for limit in limits
            if limit.kind == "near"
        ),
    ]
    gap = count(_missing(languages, limits) * tokens)
    said = ", but ".join(part for part in parts if part)
    return f"{said}: loosen them by {gap} tokens in all{_remedy(limits)}"


def _moves(languages: Sequence[str], near: Limit, limits: Sequence[Limit], tokens: float) -> str:
    """What the other limits ask to be moved, language by language."""
    assert near.centre is not None
    asked = []
    for limit in limits:
        if limit.kind == "near":
            continue
        has = float(near.centre[languages.index(limit.name)])
        if abs(limit.share - has) > _TOLERANCE:
            asked.append(f"{limit.name} has {count(has * tokens)}")
    return f" (there {', '.join(asked[:_LISTED])})" if asked else ""


def _remedy(limits: Sequence[Limit]) -> str:
    kinds = {limit.kind for limit in limits}
    ways = []
    if "floor" in kinds:
        ways.append("lower a floor")
    if "fixed" in kinds:
        ways.append("change a fixed share")
    if "ceiling" in kinds:
        ways.append("raise a ceiling")
    if "data" in kinds:
        ways.append("raise max_epochs, find more data, or ask for fewer tokens")
    if "near" in kinds:
        ways.append("allow more distance")
    return f" ({', or '.join(ways)})"
