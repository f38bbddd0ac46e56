"""The plan: which runs to buy next, by what they are worth to the decision per FLOP."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix._version import VERSION
from langmix.design._belief import Belief, from_laws, from_prior
from langmix.design._candidates import Candidate, candidates
from langmix.design._greedy import Purchase, expected_regret, local_regret, purchases
from langmix.design._planned import PlannedRun
from langmix.design._prior import Prior
from langmix.errors import InputError
from langmix.laws import Laws, check_names, check_positive, refuse_proportion
from langmix.quantities import count

Floats = NDArray[np.float64]

NOISE: Final = 0.01
"""Relative standard deviation of a loss that is assumed where no runs tell it: that of small runs."""
_TOKENS_PER_PARAMETER: Final = (5, 10, 20, 40, 80)
_FAR: Final = 10.0
_LITTLE: Final = 0.1
_SHAPE: Final = 5
"""Parameters of a law beside the transfer from every other language: E, A, alpha, B, beta."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One purchase of a plan.

    Attributes:
        run: what the purchase makes of the run: with all budgets bought so far.
        extends: whether the run is an earlier one of the plan, trained further.
        flops: price of this purchase, 6 N D over trunk and branches.
        total_flops: of the plan up to here.
        regret: expected part of the objective that is lost by deciding with the runs up to here.
        removed: part of the regret before the plan that is gone by now.
    """

    run: PlannedRun
    extends: bool
    flops: float
    total_flops: float
    regret: float
    removed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Runs to buy, in order.

    Attributes:
        params, tokens: the training run that is to be decided about.
        sizes: parameters by name of the size.
        steps: purchases, the most valuable per FLOP first.
        regret: expected, before any purchase: part of the objective lost by deciding now.
        least_regret: if every candidate run were bought: no plan of these sizes and budgets gets below.
        noise: relative standard deviation of a loss, per target.
        based_on: ``prior`` and its name if it has one, or the SHA-256 of the run table of the laws.
        warnings: what makes the plan doubtful, in sentences.
        seed, langmix_version: provenance.
    """

    params: float
    tokens: float
    sizes: Mapping[str, float]
    steps: tuple[Step, ...]
    regret: float
    least_regret: float
    noise: Mapping[str, float]
    based_on: str
    warnings: tuple[str, ...]
    seed: int
    langmix_version: str

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """What to train: each run once, with all its budgets, in the order of first purchase."""
        return tuple({step.run.run: step.run for step in self.steps}.values())

    @property
    def flops(self) -> float:
        """Price of the whole plan."""
        return self.steps[-1].total_flops if self.steps else 0.0

    @property
    def final_regret(self) -> float:
        """Expected regret of deciding after the plan."""
        return self.steps[-1].regret if self.steps else self.regret


def plan(
    laws: Laws | None = None,
    *,
    params: float,
    tokens: float,
    sizes: Mapping[str, float],
    budgets: Sequence[float] | None = None,
    budget: float | None = None,
    regret: float | None = None,
    languages: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    available: Mapping[str, float] | None = None,
    largest: float | None = None,
    noise: float | None = None,
    prior: Prior | None = None,
    random_mixtures: int = 16,
    concentration: float = 1.0,
    worlds: int = 24,
    seed: int = 0,
) -> Plan:
    """Choose the runs whose losses would improve the choice of a mixture most per FLOP.

    Args:
        laws: fitted to the runs so far; without them the plan starts from ``prior``.
        params, tokens: of the training run whose mixture is to be chosen.
        sizes: parameters by name of the sizes that may be trained.
        budgets: training tokens at which a run may end; by default 5 to 80 tokens per parameter.
        budget: FLOPs to spend, 6 N D per run; by default as many as ``regret`` takes.
        regret: stop where the expected regret is this part of the objective (0.001 is 0.1%) and, without
            laws, every language has two checkpoints per parameter of a law, for the fit.
        languages: to mix; needed without laws, and known with them.
        weights: importance per target; by default equal.
        available: distinct tokens per language in the training run; runs that repeat are candidates then.
        largest: most FLOPs of one run.
        noise: relative standard deviation of a measured loss; by default that of the fits, or 1%.
        prior: over laws; by default `Prior`. With laws only its drift counts: their draws say the rest.
        random_mixtures: candidates per size, beside every language, every pair and the uniform mixture.
        concentration: of the Dirichlet distribution of random mixtures.
        worlds: laws drawn from the prior over which a run's worth is averaged.
        seed: of draws and runs; give every round of runs its own.

    Raises:
        InputError: a value out of range, neither ``budget`` nor ``regret``, nothing affordable.
    """
    refuse_proportion(laws)
    check_positive(params=params, tokens=tokens)
    _check_limits(sizes, budget=budget, regret=regret, largest=largest, noise=noise, worlds=worlds)
    names = _languages(laws, languages)
    lengths = {size: _lengths(size, n, budgets) for size, n in sizes.items()}
    pool = candidates(
        names,
        sizes=sizes,
        budgets=lengths,
        repetition=bool(available),
        random_mixtures=random_mixtures,
        concentration=concentration,
        seed=seed,
    )
    prices = _prices(pool, largest)
    cheapest = float(prices.min())
    if cheapest > (budget or math.inf):
        raise InputError(
            f"budget: {budget:.3g} FLOPs; the cheapest run costs {cheapest:.3g} (6 N D, branches included); "
            "raise the budget, or add smaller sizes or shorter runs"
        )
    if laws is None:
        belief = from_prior(
            prior or Prior(),
            pool,
            languages=names,
            params=params,
            tokens=tokens,
            weights=_weights(names, weights),
            supply=_supply(names, available),
            noise=noise or NOISE,
            worlds=worlds,
            seed=seed,
        )
        noises = dict.fromkeys(names, noise or NOISE)
    else:
        belief = from_laws(
            laws,
            pool,
            params=params,
            tokens=tokens,
            weights=weights,
            available=available,
            noise=noise,
            drift=(prior or Prior()).drift,
        )
        noises = {s.target: noise or s.noise for s in laws.summaries}
    before = _regret_before(belief)
    steps = _steps(
        purchases(belief, prices, budget=budget or math.inf),
        pool,
        before,
        stop=regret or 0.0,
        each=names if laws is None else (),
    )
    least = _least_regret(belief, prices)
    return Plan(
        params=float(params),
        tokens=float(tokens),
        sizes=dict(sizes),
        steps=steps,
        regret=before,
        least_regret=least,
        noise=noises,
        based_on=_prior_name(prior) if laws is None else laws.provenance.runs_sha256,
        warnings=(
            *_too_few(_short(steps, names if laws is None else ()), least_checkpoints(len(names))),
            *_warnings(steps, before, least, regret, params, tokens, pool),
        ),
        seed=seed,
        langmix_version=VERSION,
    )


def _prior_name(prior: Prior | None) -> str:
    return f"prior {prior.name}" if prior and prior.name else "prior"


def _steps(
    bought: Iterator[Purchase], pool: Sequence[Candidate], before: float, *, stop: float, each: Sequence[str]
) -> tuple[Step, ...]:
    """Purchases until the regret is reached, and ``each`` language has the checkpoints of a fit."""
    steps: list[Step] = []
    total = 0.0
    if before <= stop and not each:
        return ()
    for one in bought:
        total += one.flops
        steps.append(
            Step(
                run=pool[one.candidate].until(one.budgets),
                extends=one.extends,
                flops=one.flops,
                total_flops=total,
                regret=one.regret,
                removed=1 - one.regret / before,
            )
        )
        if one.regret <= stop and not _short(steps, each):
            break
    return tuple(steps)


def _short(steps: Sequence[Step], each: Sequence[str]) -> dict[str, int]:
    """Checkpoints of the languages that have too few of them for a fit."""
    runs = {step.run.run: step.run for step in steps}.values()
    counts = {n: sum(len(run.budgets) for run in runs if run.shares.get(n, 0.0) > 0) for n in each}
    return {name: number for name, number in counts.items() if number < least_checkpoints(len(each))}


def least_checkpoints(languages: int) -> int:
    """Checkpoints per language below which fits know less than the prior: two per parameter of a law."""
    return 2 * (_SHAPE + languages)


def _regret_before(belief: Belief) -> float:
    return float(expected_regret(local_regret(belief.decision), belief.ceiling))


def _least_regret(belief: Belief, prices: Floats) -> float:
    """Expected regret if all candidates were bought: the information of all rows at once."""
    exists = np.isfinite(prices)
    rows = np.where(exists[..., None], belief.responses, 0.0)
    information = np.einsum("mtcbp,mtcbq->mtpq", rows, rows, optimize=True)
    values, vectors = np.linalg.eigh(information)
    move = (
        np.einsum("mtvq,mtqr->mtvr", belief.decision, vectors)
        / np.sqrt(1 + np.maximum(values, 0))[:, :, None]
    )
    return float(expected_regret(local_regret(move), belief.ceiling))


def _lengths(size: str, params: float, budgets: Sequence[float] | None) -> tuple[int, ...]:
    """Training tokens of the runs of one size, ascending."""
    asked = [n * params for n in _TOKENS_PER_PARAMETER] if budgets is None else budgets
    if len(asked) == 0 or not all(math.isfinite(b) and b >= 1 for b in asked):
        raise InputError(f"budgets: {list(asked)} of size {size}; expected token counts of at least 1")
    return tuple(sorted({round(b) for b in asked}))


def _prices(pool: Sequence[Candidate], largest: float | None) -> Floats:
    """FLOPs of each candidate up to each budget, shape (C, B); infinite where it may not be bought."""
    most = max(len(c.run.budgets) for c in pool)
    prices = np.full((len(pool), most), np.inf)
    for row, c in zip(prices, pool, strict=True):
        row[: len(c.run.budgets)] = [c.flops(k + 1) for k in range(len(c.run.budgets))]
    if largest is not None:
        if prices.min() > largest:
            raise InputError(
                f"largest: {largest:.3g} FLOPs; the cheapest run costs {prices.min():.3g} (6 N D, branches "
                "included); raise it, or add smaller sizes or shorter runs"
            )
        prices[prices > largest] = np.inf
    return prices


def _check_limits(
    sizes: Mapping[str, float],
    *,
    budget: float | None,
    regret: float | None,
    largest: float | None,
    noise: float | None,
    worlds: int,
) -> None:
    if not sizes:
        raise InputError("sizes: none; expected parameters by name, such as 100M and 300M")
    check_positive(**{f"size {name}": n for name, n in sizes.items()})
    if budget is None and regret is None:
        raise InputError("budget: not given; expected FLOPs to spend, or the regret that is good enough")
    check_positive(**{k: v for k, v in {"budget": budget, "largest": largest}.items() if v is not None})
    for name, part in (("regret", regret), ("noise", noise)):
        if part is not None and not 0 < part < 1:
            raise InputError(f"{name}: {part}; expected a part between 0 and 1, such as 0.001 for 0.1%")
    if worlds < 1:
        raise InputError(f"worlds: {worlds}; expected at least 1 law drawn from the prior")


def _languages(laws: Laws | None, given: Sequence[str] | None) -> tuple[str, ...]:
    if laws is not None:
        check_names(dict.fromkeys(given or ()), laws.languages, what="languages")
        return laws.languages
    names = tuple(dict.fromkeys(given or ()))
    if len(names) < 2:
        raise InputError(
            f"languages: {', '.join(names) or 'none'}; a plan without laws needs the names of at least 2 "
            "languages to mix"
        )
    return names


def _weights(names: Sequence[str], weights: Mapping[str, float] | None) -> Floats:
    """Importance of the losses, shape (T,), summing to 1."""
    check_names(weights or {}, names, what="weights")
    given = np.array([1.0 if weights is None else weights.get(name, 0.0) for name in names])
    if not (np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
        raise InputError(f"weights: {dict(weights or {})}; expected numbers >= 0, at least one above 0")
    normalised: Floats = given / given.sum()
    return normalised


def _supply(names: Sequence[str], available: Mapping[str, float] | None) -> Floats:
    """Distinct tokens, shape (K,), infinite where not given."""
    check_names(available or {}, names, what="available")
    check_positive(**{f"available {name}": n for name, n in (available or {}).items()})
    return np.array([float((available or {}).get(name, np.inf)) for name in names])


def _too_few(short: Mapping[str, int], least: int) -> tuple[str, ...]:
    if not short:
        return ()
    listed = ", ".join(f"{name} {number}" for name, number in short.items())
    return (
        f"checkpoints with {listed}: a law needs at least {least} to be fitted with any confidence; "
        "raise the budget, or add smaller sizes or shorter runs",
    )


def _warnings(
    steps: Sequence[Step],
    before: float,
    least: float,
    asked: float | None,
    params: float,
    tokens: float,
    pool: Sequence[Candidate],
) -> tuple[str, ...]:
    found = []
    after = steps[-1].regret if steps else before
    if asked is not None and after > asked:
        found.append(
            f"the regret asked for, {100 * asked:.2g}%, is not reached: {100 * after:.2g}% is left, and all "
            f"candidate runs together would leave {100 * least:.2g}%; "
            + ("raise the budget" if least <= asked else "add larger sizes or longer runs")
        )
    if before > (asked or 0) and before - after < _LITTLE * before:
        found.append(
            f"the plan removes {100 * (1 - after / before):.2g}% of the expected regret of deciding now: "
            "at this noise such runs tell little; add larger sizes or longer runs, or spend more"
        )
    reached = {
        "parameters": (params, max(c.params for c in pool)),
        "tokens": (tokens, max(c.run.budgets[-1] for c in pool)),
    }
    found += [
        f"{count(value)} {what} are {value / most:,.3g} times the largest candidate run ({count(most)}): the "
        "regret holds only if the law keeps its form that far out"
        for what, (value, most) in reached.items()
        if value > _FAR * most
    ]
    return tuple(found)
