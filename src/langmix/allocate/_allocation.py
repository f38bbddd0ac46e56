"""The allocation: a mixture chosen under a budget, with intervals, prices and the gain to expect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix import _version
from langmix.allocate._interior import Losses, Optimum, solve
from langmix.allocate._limits import share_bounds
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Coefficients, Laws, check_names, check_positive, interval

Floats = NDArray[np.float64]

OBJECTIVES: Final = {
    "bits_per_byte": "mean over the targets of bits per byte (needs bytes per token in the run table)",
    "nats_per_token": "mean over the targets of nats per token",
    "relative": "mean over the targets of the loss relative to the uniform mixture",
    "worst": "the largest loss over the targets, in bits per byte where known, else in nats per token",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number with the 5% and 95% quantiles of its bootstrap draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The allocation against another mixture at the same parameters and tokens.

    Attributes:
        shares: the other mixture.
        gain: fall of the objective from the other mixture to the allocation, relative to it (0.01 = 1%).
        probability: part of the bootstrap laws under which the allocation is better.
        losses: predicted loss of every target under the other mixture, nats per token.
        prices: of every language at the other mixture; see `Allocation.prices`.
    """

    shares: Mapping[str, float]
    gain: Interval
    probability: float
    losses: Mapping[str, float]
    prices: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """A recommended split of a token budget.

    Attributes:
        params, tokens: the training run that it is for.
        objective: which objective was minimised (see `OBJECTIVES`), or ``weights``.
        weights: weight of each target's loss in nats per token; empty for ``worst``.
        shares: part of the tokens per language, with the interval of the optimum over the bootstrap laws.
        losses: predicted loss of every target, nats per token, with intervals.
        prices: fall of the objective per extra percent of the budget given to a language on top: equal for
            all languages that are at no bound and no loss limit, lower at a floor, higher at a cap.
        bounds: the least and largest share allowed per language.
        against: comparisons with other mixtures, ``uniform`` always among them.
        kkt_residual: violation of the optimality conditions, relative to the objective; small certifies the
            optimum.
        warnings: what makes the answer doubtful, in sentences.
        runs_sha256, langmix_version: provenance.
    """

    params: float
    tokens: float
    objective: str
    weights: Mapping[str, float]
    shares: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    losses: Mapping[str, Interval]
    prices: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    against: Mapping[str, Comparison]
    kkt_residual: float
    warnings: tuple[str, ...]
    runs_sha256: str
    langmix_version: str

    @property
    def expected_gain(self) -> Interval:
        """Relative fall of the objective against the uniform mixture."""
        return self.against["uniform"].gain

    def token_counts(self) -> dict[str, int]:
        """Whole tokens per language, summing to the budget exactly (largest remainders)."""
        total = round(self.tokens)
        exact = {name: share * total for name, share in self.shares.items()}
        counts = {name: math.floor(value) for name, value in exact.items()}
        short = sorted(exact, key=lambda name: counts[name] - exact[name])[: total - sum(counts.values())]
        return {name: n + (name in short) for name, n in counts.items()}


def allocate(
    laws: Laws,
    *,
    params: float,
    tokens: float,
    objective: str | None = None,
    weights: Mapping[str, float] | None = None,
    available: Mapping[str, float] | None = None,
    max_epochs: float | None = None,
    floors: Mapping[str, float] | None = None,
    ceilings: Mapping[str, float] | None = None,
    no_worse_than: Mapping[str, float] | None = None,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
) -> Allocation:
    """Solve for the split of a token budget that minimises the predicted losses.

    Args:
        laws: fitted laws whose targets are what the model should be good at.
        params: parameters of the training run, in the run table's convention.
        tokens: its budget in tokens, over all languages.
        objective: one of `OBJECTIVES`; by default ``bits_per_byte`` where bytes per token are known for all
            targets, so that languages compare fairly, else ``nats_per_token``.
        weights: importance per target on top of the objective; by default equal, and 0 for targets left out.
        available: distinct tokens per language; repetition is discounted beyond. By default unlimited.
        max_epochs: how often a language may be repeated at most.
        floors, ceilings: least and largest share per language. A language whose loss counts keeps at least
            the smallest share at which the runs measured it, but no more than half of its uniform share: laws
            say nothing about less. A floor of 0 lifts that.
        no_worse_than: per mixture name (``uniform`` or one of ``mixtures``), by what part a target's loss may
            be above its loss under that mixture: ``{"uniform": 0.01}``.
        mixtures: further mixtures to compare with, by name.

    Raises:
        InputError: an unknown name or a value out of range.
        InfeasibleError: no mixture satisfies the constraints; states the tokens or the losses.
    """
    check_positive(params=params, tokens=tokens)
    supply = laws.supply_vector(available)
    lower, upper = share_bounds(
        laws.languages,
        tokens=tokens,
        supply=supply,
        max_epochs=max_epochs,
        floors={**_least_shares(laws, tokens, supply, max_epochs, ceilings or {}), **(floors or {})},
        ceilings=ceilings or {},
    )
    named = {"uniform": dict.fromkeys(laws.languages, 1 / len(laws.languages)), **(mixtures or {})}
    others = {name: laws.share_vector(shares) for name, shares in named.items()}
    tolerated = _tolerated(no_worse_than or {}, others)
    chosen = objective or (
        "bits_per_byte" if set(laws.targets) <= set(laws.bytes_per_token) else "nats_per_token"
    )
    importance = _importance(laws, weights)

    def programme(c: Coefficients) -> _Programme:
        def losses(p: Floats) -> tuple[Floats, Floats, Floats, Floats]:
            return c.derivatives(params, tokens, p, supply)

        baseline = {name: c.loss(params, tokens, p, supply) for name, p in others.items()}
        limits = np.full(baseline["uniform"].shape, np.inf)
        for name, excess in tolerated.items():
            limits = np.minimum(limits, baseline[name] * (1 + excess))
        return _Programme(
            losses=losses,
            weights=_weights(laws, chosen, importance, baseline["uniform"]),
            limits=limits,
            levels=_levels(laws, importance, limits) if chosen == "worst" else None,
        )

    point = programme(laws.best[None])
    best = point.optimum(lower, upper)
    _require_feasible(best, point, laws, lower, upper, tolerated)
    shares = best.shares[0] / best.shares[0].sum()
    spread = programme(laws.draws)
    draws = spread.optimum(lower, upper)
    settled = draws.solved
    share_low, share_high = interval(draws.shares[settled], shares)

    value, loss_draws = point.losses(best.shares)[0][0], spread.losses(shares)[0]
    loss_low, loss_high = interval(loss_draws, value)
    return Allocation(
        params=float(params),
        tokens=float(tokens),
        objective=chosen if weights is None else f"{chosen}, weighted",
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
        prices=_by_name(laws.languages, point.prices(shares)),
        bounds={
            name: (float(low), float(high))
            for name, low, high in zip(laws.languages, lower, upper, strict=True)
        },
        against={
            name: _compare(laws, name_shares, shares, point, spread) for name, name_shares in others.items()
        },
        kkt_residual=float(best.kkt[0]),
        warnings=(
            *laws.reach.warnings(params=params, tokens=tokens),
            *_at_least_share(laws, shares, lower, floors or {}),
            *_unsettled(settled),
        ),
        runs_sha256=laws.provenance.runs_sha256,
        langmix_version=_version.VERSION,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Programme:
    """The objective and the loss limits under one or many sets of coefficients, shapes (S, T)."""

    losses: Losses
    weights: Floats
    limits: Floats
    levels: Floats | None

    def optimum(self, lower: Floats, upper: Floats) -> Optimum:
        if len(self.limits) == 0:
            return Optimum(np.empty((0, len(lower))), np.empty(0), np.empty((0, self.limits.shape[1])))
        return solve(
            self.losses,
            weights=self.weights,
            limits=self.limits,
            lower=lower,
            upper=upper,
            levels=self.levels,
        )

    def value(self, shares: Floats) -> Floats:
        """The objective of one mixture, shape (S,)."""
        loss = self.losses(shares)[0]
        value: Floats = (
            (self.weights * loss).sum(axis=1) if self.levels is None else (loss / self.levels).max(axis=1)
        )
        return value

    def prices(self, shares: Floats) -> Floats:
        """Fall of the objective per extra percent of the budget, shape (K,), under the first coefficients."""
        loss, gradient, _, _ = self.losses(shares)
        weights = self.weights[0]
        if self.levels is not None:
            worst = int(np.argmax(loss[0] / self.levels[0]))
            weights = np.where(np.arange(loss.shape[1]) == worst, 1 / self.levels[0], 0.0)
        marginal: Floats = -0.01 * (weights[:, None] * gradient[0]).sum(axis=0)
        return marginal


def _compare(laws: Laws, other: Floats, shares: Floats, point: _Programme, spread: _Programme) -> Comparison:
    def gain(programme: _Programme) -> Floats:
        before = programme.value(other)
        relative: Floats = (before - programme.value(shares)) / before
        return relative

    value, draws = gain(point), gain(spread)
    low, high = interval(draws, value[0])
    return Comparison(
        shares=_by_name(laws.languages, other),
        gain=Interval(value=float(value[0]), low=float(low), high=float(high)),
        probability=float((draws > 0).mean()) if len(draws) else float(value[0] > 0),
        losses=laws.by_target(point.losses(other)[0][0]),
        prices=_by_name(laws.languages, point.prices(other)),
    )


def _weights(laws: Laws, objective: str, importance: Floats, uniform: Floats) -> Floats:
    """Weight of each target's nats per token, shape (S, T)."""
    if objective not in OBJECTIVES:
        raise InputError(f"objective: {objective!r} is not known; expected one of {', '.join(OBJECTIVES)}")
    if objective == "bits_per_byte":
        missing = [t for t in laws.targets if t not in laws.bytes_per_token]
        if missing:
            raise InputError(
                f"objective: bits_per_byte needs the column bytes_per_token.{missing[0]} in the run table; "
                "add it and fit again, or choose nats_per_token or relative"
            )
        return np.broadcast_to(importance / _nats_per_bit(laws), uniform.shape)
    if objective == "relative":
        return importance / uniform
    return np.broadcast_to(importance, uniform.shape)


def _levels(laws: Laws, importance: Floats, like: Floats) -> Floats:
    """The unit in which the worst target is sought, shape (S, T); infinite for one without weight."""
    known = set(laws.targets) <= set(laws.bytes_per_token)
    unit = _nats_per_bit(laws) if known else np.ones(len(importance))
    return np.broadcast_to(np.where(importance > 0, unit, np.inf), like.shape)


def _nats_per_bit(laws: Laws) -> Floats:
    """Nats per token that are one bit per byte, shape (T,)."""
    return np.array([laws.bytes_per_token[t] for t in laws.targets]) * math.log(2)


def _importance(laws: Laws, weights: Mapping[str, float] | None) -> Floats:
    """Importance of the targets, shape (T,), summing to 1."""
    if weights is None:
        return np.full(len(laws.targets), 1 / len(laws.targets))
    check_names(weights, laws.targets, what="weights")
    given = np.array([float(weights.get(t, 0.0)) for t in laws.targets])
    if np.any(given < 0) or not given.sum() > 0 or not np.isfinite(given).all():
        raise InputError(f"weights: {dict(weights)}; expected numbers >= 0, at least one above 0")
    normalised: Floats = given / given.sum()
    return normalised


def _tolerated(no_worse_than: Mapping[str, float], mixtures: Mapping[str, Floats]) -> dict[str, float]:
    for name, excess in no_worse_than.items():
        if name not in mixtures:
            raise InputError(
                f"no_worse_than: unknown mixture {name!r}; expected one of {', '.join(mixtures)}"
            )
        if not 0 <= excess < 1:
            raise InputError(
                f"no_worse_than: {name} is {excess}; expected a part of the loss, such as 0.01 for 1%"
            )
    return dict(no_worse_than)


def _require_feasible(
    best: Optimum,
    point: _Programme,
    laws: Laws,
    lower: Floats,
    upper: Floats,
    tolerated: Mapping[str, float],
) -> None:
    if bool(best.solved[0]):
        return
    nearest = solve(
        point.losses,
        weights=point.weights,
        limits=np.full_like(point.limits, np.inf),
        lower=lower,
        upper=upper,
        levels=point.limits,
    )
    excess = point.losses(nearest.shares)[0][0] / point.limits[0] - 1.0
    worst = int(np.argmax(excess))
    if tolerated and excess[worst] > 0:
        asked = ", ".join(f"{part:.3g} over {name}" for name, part in tolerated.items())
        raise InfeasibleError(
            f"no_worse_than ({asked}): no mixture within the floors and caps keeps all limits; the nearest "
            f"leaves {laws.targets[worst]} {100 * excess[worst]:.3g}% above its limit; allow that "
            "much more, or loosen a floor or cap"
        )
    raise InfeasibleError(
        f"the solver did not certify an optimum (KKT residual {best.kkt[0]:.1e}); the laws may be "
        "degenerate: see the status of the fits"
    )


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


def _at_least_share(
    laws: Laws, shares: Floats, lower: Floats, floors: Mapping[str, float]
) -> tuple[str, ...]:
    held = [
        f"{name} {100 * low:.2g}%"
        for name, share, low in zip(laws.languages, shares, lower, strict=True)
        if low > 0 and share <= low + 1e-6 and name not in floors
    ]
    if not held:
        return ()
    return (
        f"held at the smallest share that the runs measured: {', '.join(held)}; the laws would go lower, "
        "where no run was; runs with less would tell, and a floor of 0 lifts this",
    )


def _unsettled(settled: NDArray[np.bool_]) -> tuple[str, ...]:
    lost = int((~settled).sum())
    if lost == 0:
        return ()
    return (
        f"{lost} of {len(settled)} bootstrap laws admit no mixture within the limits; the intervals are over "
        "the rest",
    )


def _by_name(names: tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))
