"""The allocation: a mixture chosen under a budget, with intervals, prices and the gain to expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix import _version
from langmix.allocate._interior import Optimum
from langmix.allocate._limits import Limits
from langmix.allocate._programme import Programme
from langmix.allocate._question import Question
from langmix.allocate._results import Allocation, Comparison, Interval
from langmix.allocate._robust import law_weights
from langmix.laws import Laws, check_positive, interval

Floats = NDArray[np.float64]

NEARLY = 1e-3
"""A share within this part of its least share is held there: the same in every digit that is printed."""


def allocate(
    laws: Laws,
    *,
    params: float,
    tokens: float,
    objective: str | None = None,
    weights: Mapping[str, float] | None = None,
    baseline: str = "uniform",
    available: Mapping[str, float] | None = None,
    max_epochs: float | None = None,
    floors: Mapping[str, float] | None = None,
    ceilings: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    near: Mapping[str, float] | None = None,
    no_worse_than: Mapping[str, float] | None = None,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    robust: str | None = None,
) -> Allocation:
    """Solve for the split of a token budget that minimises the predicted losses.

    Args:
        laws: fitted laws whose targets are what the model should be good at.
        params: parameters of the training run, in the run table's convention.
        tokens: its budget in tokens, over all languages.
        objective: one of `OBJECTIVES`; by default ``bits_per_byte`` where bytes per token are known for all
            targets, so that languages compare fairly, else ``nats_per_token``.
        weights: importance per target on top of the objective; by default equal, and 0 for targets left out.
        baseline: the mixture that the objective ``relative`` is relative to.
        available: distinct tokens per language; repetition is discounted beyond. By default unlimited.
        max_epochs: how often a language may be repeated at most; needs ``available``.
        floors, ceilings: least and largest share per language. A language whose loss counts keeps at least
            the smallest share at which the runs measured it, but no more than half of its uniform share, and
            as far as the other limits leave room: laws say nothing about less. A floor of 0 lifts that.
        fixed: exact share per language, such as natural-language text: ``{"text": 0.125}``.
        near: per mixture name, what part of the tokens may differ from it (half the sum of absolute
            differences of the shares): ``{"current": 0.1}``.
        no_worse_than: per mixture name (``uniform``, ``proportional`` or one of ``mixtures``), by what part a
            target's loss may be above its loss under that mixture: ``{"uniform": 0.01}``.
        mixtures: further mixtures to compare with, by name. ``uniform`` and ``proportional`` (to the
            available tokens, if given for all) are always there; both keep the fixed shares.
        robust: one mixture that is best over all bootstrap laws together: ``mean`` or ``cvar``, see `ROBUST`.
            Loss limits stay those of the best laws.

    Raises:
        InputError: an unknown name or a value out of range.
        InfeasibleError: no mixture satisfies the constraints; states the tokens or the losses.
    """
    question = Question.of(
        laws,
        objective=objective,
        weights=weights,
        baseline=baseline,
        available=available,
        max_epochs=max_epochs,
        floors=floors,
        ceilings=ceilings,
        fixed=fixed,
        near=near,
        no_worse_than=no_worse_than,
        mixtures=mixtures,
        robust=robust,
    )
    return answer(question, params=params, tokens=tokens)


def answer(question: Question, *, params: float, tokens: float) -> Allocation:
    """The allocation of a question at a number of parameters and tokens."""
    check_positive(params=params, tokens=tokens)
    least = least_shares(question, tokens)
    limits = question.limits(tokens, least)
    point, spread = question.programmes(params, tokens)
    best = question.optimum(point, spread, limits)
    question.require_solved(best, point, limits, tokens)
    solved = Solved(limits=limits, point=point, spread=spread, best=best, draws=spread.optimum(limits))
    return report(question, solved, params=params, tokens=tokens, least=least)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Solved:
    """A programme under the best laws (or over all of them) and under each bootstrap law, with its optima."""

    limits: Limits
    point: Programme
    spread: Programme
    best: Optimum
    draws: Optimum


def report(
    question: Question, solved: Solved, *, params: float, tokens: float, least: Mapping[str, float]
) -> Allocation:
    """What an optimum says: shares, losses and prices with intervals, comparisons and warnings."""
    laws, limits, point, spread, best, draws = (
        question.laws,
        solved.limits,
        solved.point,
        solved.spread,
        solved.best,
        solved.draws,
    )
    shares = best.shares[0] / best.shares[0].sum()
    share_low, share_high = interval(draws.shares[draws.solved], shares)

    value, loss_draws = point.losses(shares)[0][0], spread.losses(shares)[0]
    loss_low, loss_high = interval(loss_draws, value)
    priced = point if question.robust is None else spread
    return Allocation(
        params=float(params),
        tokens=float(tokens),
        objective=f"{question.objective}, weighted" if question.weighted else question.objective,
        weights={} if point.levels is not None else laws.by_target(point.weights[0]),
        shares=_by_name(laws.languages, shares),
        intervals={
            name: (float(low), float(high))
            for name, low, high in zip(laws.languages, share_low, share_high, strict=True)
        },
        losses={
            name: Interval(value=float(v), low=float(low), high=float(high))
            for name, v, low, high in zip(laws.targets, value, loss_low, loss_high, strict=True)
        },
        prices=_by_name(laws.languages, priced.prices(shares, best.marginal)),
        bounds={
            name: (float(low), float(high))
            for name, low, high in zip(laws.languages, limits.lower, limits.upper, strict=True)
        },
        against={name: _compare(question, name, shares, point, spread) for name in question.others},
        kkt_residual=float(best.kkt[0]),
        warnings=(
            *laws.reach.warnings(params=params, tokens=question.total(tokens)),
            *laws.repetition_warnings(shares * question.total(tokens), question.supply),
            *_held(question, shares, limits.lower, least),
            *_about_others(question),
            *_about_draws(draws.solved),
        ),
        runs_sha256=laws.provenance.runs_sha256,
        langmix_version=_version.VERSION,
        robust=question.robust,
        draws=int(draws.solved.sum()),
        asked=None
        if question.trained.any()
        else {name: given for name, given in question.asked.items() if given not in (None, {})},
    )


def least_shares(question: Question, tokens: float) -> dict[str, float]:
    """Default floors for a budget."""
    return _least_shares(question.laws, tokens, question.supply, question.max_epochs, question.ceilings)


def _least_shares(
    laws: Laws, tokens: float, supply: Floats, max_epochs: float | None, ceilings: Mapping[str, float]
) -> dict[str, float]:
    """Default floors: where the runs end, if the other limits leave room for it."""
    if laws.form == "chinchilla":
        return {}  # own tokens alone count: the loss itself keeps every share above 0
    caps = dict(zip(laws.languages, (max_epochs or np.inf) * supply / tokens, strict=True))
    half = 0.5 / len(laws.languages)
    return {
        name: min(share, half, float(caps[name]), ceilings.get(name, 1.0))
        for name, share in laws.reach.least_share.items()
    }


def _compare(
    question: Question, name: str, shares: Floats, point: Programme, spread: Programme
) -> Comparison:
    other, counted = question.others[name], question.counted(name)

    def gain(programme: Programme) -> Floats:
        before = programme.value(other, counted)
        relative: Floats = 1.0 - programme.value(shares, counted) / before
        return relative

    losses = question.laws.by_target(point.losses(other)[0][0])
    priced = point if question.robust is None else spread
    marginal = priced.marginal(other, counted)
    if question.robust is not None:
        marginal = marginal * law_weights(spread.value(other, counted), question.robust)[:, None]
    missing = question.left_out(name)
    weighed = bool((question.importance[counted] > 0).any())
    value = gain(point) if weighed else np.array([np.nan])
    draws = gain(spread) if weighed else np.empty(0)
    return Comparison(
        shares=_by_name(question.laws.languages, other),
        gain=Interval.of(value[0], draws),
        probability=float((draws > 0).mean()) if len(draws) else float("nan"),
        losses={target: loss for target, loss in losses.items() if target not in missing},
        prices=_by_name(question.laws.languages, priced.prices(other, marginal)),
        left_out=missing,
    )


def _held(question: Question, shares: Floats, lower: Floats, least: Mapping[str, float]) -> tuple[str, ...]:
    held = [
        f"{name} {100 * low:.2g}%"
        for name, share, low in zip(question.laws.languages, shares, lower, strict=True)
        if name in least
        and name not in question.floors
        and name not in question.fixed
        and low > 0
        and share <= low * (1 + NEARLY)
    ]
    if not held:
        return ()
    return (
        f"held at the smallest share that the runs measured: {', '.join(held)}; the laws would go lower, "
        "where no run was; runs with less would tell, and a floor of 0 lifts this",
    )


def _about_others(question: Question) -> tuple[str, ...]:
    """What the comparisons rest on: targets left out, and shares below every run."""
    sentences = []
    for name in question.others:
        missing = question.left_out(name)
        if missing:
            sentences.append(
                f"{name} has no {', '.join(missing)}: the laws say nothing about a language without any "
                f"tokens, so the gain over {name} is over the other targets, and no limit against it holds "
                f"for {', '.join(missing)}"
            )
        if name in question.given:
            shares = dict(zip(question.laws.languages, map(float, question.others[name]), strict=True))
            present = {n: s if s > 0 else 1.0 for n, s in shares.items()}
            sentences += [f"{name}: {s}" for s in question.laws.reach.share_warnings(present)]
    return tuple(sentences)


def _about_draws(settled: NDArray[np.bool_]) -> tuple[str, ...]:
    if len(settled) == 0:
        return (
            "the laws have no bootstrap draws, so there are no intervals and no probabilities; fit with "
            "--draws 200",
        )
    lost = int((~settled).sum())
    if lost == 0:
        return ()
    return (
        f"{lost} of {len(settled)} bootstrap laws admit no mixture within the limits; the intervals are over "
        "the rest",
    )


def _by_name(names: tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))
