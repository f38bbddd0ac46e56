"""An allocation put to the test: runs of it and of the uniform mixture, predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from langmix.allocate._results import Allocation, Floats, Interval
from langmix.errors import InputError
from langmix.laws import Laws, Prediction
from langmix.runs import RunTable

_SAME: Final = 0.01
"""Largest difference of a share at which a run still is of a mixture: schedules round to whole sequences."""

_LEVEL: Final = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    """One mixture at the scale of the test.

    Attributes:
        shares: of the tokens.
        predicted: loss of every target, nats per token, with the law's interval.
        measured: mean over the runs, with the 90% interval of the mean (Student's t); NaN from one run.
        runs: names of the runs.
    """

    shares: Mapping[str, float]
    predicted: Prediction
    measured: Mapping[str, Interval]
    runs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """Uniform against recommended, predicted and measured.

    Attributes:
        params, tokens: of the runs.
        times_params, times_tokens: how far that is beyond the largest run of the fit.
        uniform, recommended: the mixtures.
        predicted_gain: relative fall of the allocation's objective from uniform to recommended, by the laws.
        measured_gain: the same of the runs, with the 90% interval of the mean over seeds (Student's t on the
            difference per seed where both mixtures have the same seeds, Welch's otherwise).
    """

    params: float
    tokens: float
    times_params: float
    times_tokens: float
    uniform: Tested
    recommended: Tested
    predicted_gain: Interval
    measured_gain: Interval

    @property
    def verdict(self) -> str:
        """What the runs say, in a sentence."""
        low, high = self.measured_gain.low, self.measured_gain.high
        if not low <= high:
            return "one run per mixture: the noise between seeds is not known"
        if low > 0:
            return "the recommended mixture is better than uniform"
        if high < 0:
            return "the recommended mixture is worse than uniform"
        return "the runs can't tell the recommended mixture from uniform"


def validate(laws: Laws, allocation: Allocation, runs: RunTable) -> Validation:
    """Compare runs of the recommended and of the uniform mixture with what the laws predict for them.

    Args:
        laws: that the allocation was solved for.
        allocation: whose objective is measured.
        runs: checkpoints of both mixtures at one size; the largest budget that all of them have is compared.

    Raises:
        InputError: a mixture has no run, or the runs are of several sizes.
    """
    mixtures = {"uniform": allocation.against["uniform"].shares, "recommended": allocation.shares}
    uniform = mixtures["uniform"]
    rows = _rows_of(runs, mixtures)
    sizes, budgets = np.unique(runs.params), np.unique(runs.tokens)
    if len(sizes) != 1:
        raise InputError(
            f"validation runs: have {len(sizes)} sizes; expected one, larger than those of the fit"
        )
    common = [
        budget
        for budget in budgets
        if all(set(runs.run[mask & (runs.tokens == budget)]) == set(runs.run[mask]) for mask in rows.values())
    ]
    for name, mask in rows.items():
        if not mask.any() or not common:
            raise InputError(f"validation runs: none is of the {name} mixture at a budget that all have")
    params, tokens = float(sizes[0]), float(common[-1])
    at = {name: np.flatnonzero(mask & (runs.tokens == tokens)) for name, mask in rows.items()}
    weights = np.array([allocation.weights.get(target, 0.0) for target in laws.targets])
    columns = np.array([runs.targets.index(target) for target in laws.targets])
    supply = runs.unique[at["uniform"][0]] if np.isfinite(runs.unique[at["uniform"][0]]).all() else None

    def tested(name: str, shares: Mapping[str, float]) -> Tested:
        losses = runs.losses[np.ix_(at[name], columns)]
        available = None if supply is None else dict(zip(runs.languages, supply, strict=True))
        return Tested(
            shares=dict(shares),
            predicted=laws.predict(params=params, tokens=tokens, shares=shares, available=available),
            measured={t: _mean(losses[:, k]) for k, t in enumerate(laws.targets)},
            runs=tuple(runs.run[at[name]]),
        )

    available = laws.supply_vector(None if supply is None else dict(zip(runs.languages, supply, strict=True)))
    best, drawn = (
        {
            name: coefficients.loss(params, tokens, laws.share_vector(shares), available) @ weights
            for name, shares in (("uniform", uniform), ("recommended", allocation.shares))
        }
        for coefficients in (laws.best, laws.draws)
    )
    measured = {name: runs.losses[np.ix_(at[name], columns)] @ weights for name in rows}
    seeds = {name: _seeds(runs, where) for name, where in at.items()}
    return Validation(
        params=params,
        tokens=tokens,
        times_params=params / laws.reach.params[1],
        times_tokens=tokens / laws.reach.tokens[1],
        uniform=tested("uniform", uniform),
        recommended=tested("recommended", allocation.shares),
        predicted_gain=Interval.of(
            float(1 - best["recommended"] / best["uniform"]), 1 - drawn["recommended"] / drawn["uniform"]
        ),
        measured_gain=_gain(
            measured["uniform"], measured["recommended"], paired=len(set(seeds.values())) == 1
        ),
    )


def _rows_of(runs: RunTable, mixtures: Mapping[str, Mapping[str, float]]) -> dict[str, NDArray[np.bool_]]:
    """Which rows are of which mixture: the nearest one, if it is near."""
    wanted = np.array([[shares.get(n, 0.0) for n in runs.languages] for shares in mixtures.values()])
    distance = np.abs(runs.shares[:, None, :] - wanted).max(axis=2)
    nearest = distance.argmin(axis=1)
    near = distance.min(axis=1) <= _SAME
    return {name: near & (nearest == k) for k, name in enumerate(mixtures)}


def _seeds(runs: RunTable, where: NDArray[np.intp]) -> tuple[float, ...] | None:
    if "seed" not in runs.frame:
        return None
    return tuple(runs.frame["seed"].to_numpy(dtype=float)[where])


def _mean(values: Floats) -> Interval:
    """The mean with its 90% interval."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(value=mean, low=np.nan, high=np.nan)
    half = stats.t.ppf(0.5 + _LEVEL / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(value=mean, low=mean - half, high=mean + half)


def _gain(uniform: Floats, recommended: Floats, *, paired: bool) -> Interval:
    if paired:
        return _mean(1 - recommended / uniform)
    gain = float(1 - recommended.mean() / uniform.mean())
    if min(len(uniform), len(recommended)) < 2:
        return Interval(value=gain, low=np.nan, high=np.nan)
    low, high = stats.ttest_ind(uniform, recommended, equal_var=False).confidence_interval(_LEVEL)
    return Interval(value=gain, low=low / uniform.mean(), high=high / uniform.mean())
