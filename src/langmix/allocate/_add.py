"""A language added to a mixture that a model is being trained on, with the least disturbance.

The law sees all tokens of a language together, those already trained on and those that follow. With T tokens
trained on under the current mixture c, and R that remain at shares q:

    minimise    half of sum_k |q_k - c_k|                        the part of the remaining tokens that moves
    subject to  L_new((T c + R q) / (T + R)) <= target, or q_new >= share
                L_t <= (1 + x) L_t of going on with c            for every other target

Several mixtures may disturb equally; the objective decides between them, with a weight that is too small to
buy disturbance.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.allocate._allocation import Solved, report
from langmix.allocate._interior import Optimum, Problem
from langmix.allocate._limits import Limits, Near
from langmix.allocate._programme import Programme, add_moved, limit_losses
from langmix.allocate._question import Question
from langmix.allocate._results import Allocation, Interval, Unknown
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Laws, check_positive, refuse_proportion
from langmix.quantities import count

Floats = NDArray[np.float64]

_CURRENT: Final = "current"
_TIE: Final = 1e-3
"""Disturbance that the objective may buy at most by halving itself, and more: it only breaks ties."""
_POINTS: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Tradeoff:
    """The lowest loss of the new language at one disturbance.

    Attributes:
        disturbance: part of the remaining tokens that differs from the current mixture.
        share: of the new language in the remaining tokens.
        loss: of the new language at the end, nats per token.
        worst_change: the largest relative change of another target's loss against going on as before.
    """

    disturbance: float
    share: float
    loss: Interval
    worst_change: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Addition:
    """How to go on training with one more language.

    Attributes:
        language: the new one.
        trained, remaining: tokens trained on under the current mixture, and tokens that follow.
        no_worse: by what part the loss of another target may rise against going on as before.
        allocation: of the remaining tokens; its losses are those at the end, its ``against["current"]``
            compares with going on as before.
        total_shares: part of all tokens per language, at the end.
        disturbance: part of the remaining tokens that differs from the current mixture.
        loss: of the new language at the end, nats per token.
        reached: part of the bootstrap laws under which the target loss is reached; NaN without draws or
            where a share was asked for.
        changes: relative change of every other target's loss against going on as before (0.01 = 1% worse).
        curve: the lowest loss of the new language at growing disturbance, under the same limits.
    """

    language: str
    trained: float
    remaining: float
    no_worse: float
    allocation: Allocation
    total_shares: Mapping[str, float]
    disturbance: float
    loss: Interval
    reached: Unknown
    changes: Mapping[str, Interval]
    curve: tuple[Tradeoff, ...]


def add_language(
    laws: Laws,
    *,
    params: float,
    trained: float,
    remaining: float,
    current: Mapping[str, float],
    language: str,
    share: float | None = None,
    target_loss: float | None = None,
    no_worse: float = 0.01,
    objective: str | None = None,
    weights: Mapping[str, float] | None = None,
    available: Mapping[str, float] | None = None,
    max_epochs: float | None = None,
    floors: Mapping[str, float] | None = None,
    ceilings: Mapping[str, float] | None = None,
) -> Addition:
    """Shares for the tokens that remain, so that a language is added with the least disturbance.

    Args:
        laws: fitted laws, among whose languages and targets is the new one.
        params: parameters of the model.
        trained: tokens it has been trained on under ``current``.
        remaining: tokens that follow.
        current: the mixture so far.
        language: the language to add (or to raise).
        share: least share of it in the remaining tokens; this or ``target_loss``, or both.
        target_loss: loss of it to reach at the end, nats per token.
        no_worse: by what part any other target's loss may be above that of going on with ``current``.
        objective, weights: decide between mixtures of equal disturbance, and measure the gain.
        available, max_epochs: as for `allocate`; tokens already trained on count.
        floors, ceilings: least and largest share in the remaining tokens.

    Raises:
        InputError: an unknown name or a value out of range.
        InfeasibleError: the target cannot be reached within the limits; says what can.
    """
    refuse_proportion(laws)
    check_positive(params=params, trained=trained, remaining=remaining)
    if language not in laws.languages or language not in laws.targets:
        both = [name for name in laws.languages if name in laws.targets]
        raise InputError(f"language: unknown language {language!r}; expected one of {', '.join(both)}")
    if share is None and target_loss is None:
        raise InputError(f"share: give the least share of {language}, or the target_loss it is to reach")
    if share is not None and not 0 < share <= 1:
        raise InputError(f"share: {share}; expected a share above 0, up to 1")
    if target_loss is not None:
        check_positive(target_loss=target_loss)
    floors = {**(floors or {})}
    bounds = {**floors, language: max(share or 0.0, floors.get(language, 0.0))}
    question = Question.of(
        laws,
        objective=objective,
        weights=weights,
        available=available,
        max_epochs=max_epochs,
        floors=bounds,
        ceilings=ceilings,
        no_worse_than={_CURRENT: no_worse},
        mixtures={_CURRENT: current},
        trained=trained * laws.share_vector(current),
    )
    centre, new = question.others[_CURRENT], laws.targets.index(language)
    point, spread = (
        dataclasses.replace(one, limits=_without(one.limits, new))
        for one in question.programmes(params, remaining)
    )
    limits = question.limits(remaining, {})
    lowest = dataclasses.replace(point, weights=_only(point.weights, new), levels=None)
    furthest = lowest.optimum(limits)
    question.require_solved(furthest, point, limits, remaining)
    reachable = float(point.losses(furthest.shares)[0][0, new])
    if target_loss is not None and target_loss < reachable * (1 - 1e-9):
        moved = _distance(furthest.shares[0], centre)
        raise InfeasibleError(
            f"target_loss: {language} cannot reach {target_loss:.4g} within {count(remaining)} tokens with "
            f"no other target more than {100 * no_worse:.3g}% worse; the lowest is {reachable:.4g}, with "
            f"{count(moved * remaining)} tokens moved; ask for that, let the others be worse, or train longer"
        )
    if target_loss is not None:
        point, spread = (
            dataclasses.replace(one, limits=_with(one.limits, new, target_loss)) for one in (point, spread)
        )
    best = _least_disturbance(point, limits, centre)
    question.require_solved(best, point, limits, remaining)
    best = best._replace(marginal=point.marginal(best.shares[0]))
    solved = Solved(
        limits=limits,
        point=point,
        spread=spread,
        best=best,
        draws=_least_disturbance(spread, limits, centre),
    )
    allocation = report(question, solved, params=params, tokens=remaining, least={})
    shares = best.shares[0] / best.shares[0].sum()
    total = (question.trained + remaining * shares) / question.total(remaining)
    draws = spread.losses(shares)[0][:, new]
    return Addition(
        language=language,
        trained=float(trained),
        remaining=float(remaining),
        no_worse=no_worse,
        allocation=allocation,
        total_shares=dict(zip(laws.languages, map(float, total), strict=True)),
        disturbance=_distance(shares, centre),
        loss=allocation.losses[language],
        reached=float((draws <= target_loss).mean()) if target_loss and len(draws) else math.nan,
        changes=_changes(question, point, spread, shares, language),
        curve=_curve(question, lowest, spread, limits, furthest, language),
    )


def _least_disturbance(programme: Programme, limits: Limits, centre: Floats) -> Optimum:
    """The mixture that moves the fewest tokens from ``centre``, under each law."""
    if len(programme.limits) == 0:
        return programme.optimum(limits)
    problem = Problem(
        losses=programme.losses,
        weights=np.zeros_like(programme.weights),
        lower=limits.lower,
        upper=limits.upper,
    )
    marginal = programme.marginal(problem.centre)
    value = (marginal * programme.losses(problem.centre)[0]).sum(axis=1, keepdims=True)
    problem.weights = _TIE * marginal / value
    limit_losses(problem, programme.limits)
    add_moved(problem, centre, cost=1.0)
    return problem.solve()


def _changes(
    question: Question, point: Programme, spread: Programme, shares: Floats, language: str
) -> dict[str, Interval]:
    def change(programme: Programme) -> Floats:
        relative: Floats = programme.losses(shares)[0] / programme.losses(question.others[_CURRENT])[0] - 1.0
        return relative

    value, draws, known = change(point)[0], change(spread), question.counted(_CURRENT)
    return {
        target: Interval.of(value[t], draws[:, t])
        for t, target in enumerate(question.laws.targets)
        if target != language and known[t]
    }


def _curve(
    question: Question,
    lowest: Programme,
    spread: Programme,
    limits: Limits,
    furthest: Optimum,
    language: str,
) -> tuple[Tradeoff, ...]:
    """From as near as the limits allow to the lowest loss of the new language."""
    laws, centre = question.laws, question.others[_CURRENT]
    new, at = laws.targets.index(language), laws.languages.index(language)
    least = max(
        float(np.maximum(limits.lower - centre, 0).sum()), float(np.maximum(centre - limits.upper, 0).sum())
    )
    found, most = [], _distance(furthest.shares[0], centre)
    for part in (np.arange(1, _POINTS + 1) / _POINTS) ** 2:  # the first tokens gain the most
        near = Near(name=_CURRENT, centre=centre, distance=float(least + (most - least) * part))
        optimum = lowest.optimum(dataclasses.replace(limits, near=(near,)))
        if not optimum.solved[0]:
            continue
        shares = optimum.shares[0] / optimum.shares[0].sum()
        changes = _changes(question, lowest, spread, shares, language)
        found.append(
            Tradeoff(
                disturbance=_distance(shares, centre),
                share=float(shares[at]),
                loss=Interval.of(float(lowest.losses(shares)[0][0, new]), spread.losses(shares)[0][:, new]),
                worst_change=max((change.value for change in changes.values()), default=math.nan),
            )
        )
    return tuple(found)


def _distance(one: Floats, other: Floats) -> float:
    return float(0.5 * np.abs(one - other).sum())


def _only(weights: Floats, target: int) -> Floats:
    alone = np.zeros_like(weights)
    alone[:, target] = 1.0
    return alone


def _without(limits: Floats, target: int) -> Floats:
    """No limit on the new language against going on without it."""
    return _with(limits, target, math.inf)


def _with(limits: Floats, target: int, limit: float) -> Floats:
    changed = limits.copy()
    changed[:, target] = limit
    return changed
