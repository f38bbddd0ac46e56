"""What an allocation says: shares, losses and prices with intervals, and comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from langmix.laws import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

Unknown = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number that is NaN where there are no bootstrap laws to tell it; null in JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number with the 5% and 95% quantiles of its bootstrap draws, NaN where nothing was drawn."""

    value: float
    low: Unknown
    high: Unknown

    @classmethod
    def of(cls, value: float, draws: Floats) -> Interval:
        """The interval of one number from its draws, shape (S,)."""
        low, high = interval(draws[:, None], np.array([value]))
        return cls(value=float(value), low=float(low[0]), high=float(high[0]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The allocation against another mixture at the same parameters and tokens.

    Attributes:
        shares: the other mixture.
        gain: fall of the objective from the other mixture to the allocation, relative to it (0.01 = 1%).
        probability: part of the bootstrap laws under which the allocation is better; NaN without any.
        losses: predicted loss of every target under the other mixture, nats per token.
        prices: of every language at the other mixture; see `Allocation.prices`.
        left_out: targets that the other mixture gives no token: the laws say nothing about their loss
            there, so that the gain is over the rest.
    """

    shares: Mapping[str, float]
    gain: Interval
    probability: Unknown
    losses: Mapping[str, float]
    prices: Mapping[str, float]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """A recommended split of a token budget.

    Attributes:
        params, tokens: the training run that it is for.
        objective: which objective was minimised (see `OBJECTIVES`), or with ``weighted``.
        weights: weight of each target's loss in nats per token; empty for ``worst``.
        shares: part of the tokens per language, with the interval of the optimum over the bootstrap laws.
        losses: predicted loss of every target, nats per token, with intervals.
        prices: fall of the objective per extra percent of the budget given to a language on top: equal for
            all languages that are at no bound, distance or loss limit, lower at a floor, higher at a cap.
        bounds: the least and largest share allowed per language.
        against: comparisons with other mixtures, ``uniform`` always among them, ``proportional`` where the
            available tokens of every language are known.
        kkt_residual: violation of the optimality conditions, relative to the objective; small certifies the
            optimum.
        warnings: what makes the answer doubtful, in sentences.
        runs_sha256, langmix_version: provenance.
        robust: how the bootstrap laws were taken together (see `ROBUST`); None minimises under the best laws.
        draws: bootstrap laws that the intervals rest on; with 0 there are none, and they are NaN.
        asked: the arguments of `allocate` besides the laws, params and tokens that were given, to ask the
            same at another budget; None where that is not known, or of tokens that follow others.
    """

    params: float
    tokens: float
    objective: str
    weights: Mapping[str, float]
    shares: Mapping[str, float]
    intervals: Mapping[str, tuple[Unknown, Unknown]]
    losses: Mapping[str, Interval]
    prices: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    against: Mapping[str, Comparison]
    kkt_residual: float
    warnings: tuple[str, ...]
    runs_sha256: str
    langmix_version: str
    robust: str | None = None
    draws: int = field(default=0)
    asked: Mapping[str, Any] | None = None

    @property
    def expected_gain(self) -> Interval:
        """Relative fall of the objective against the uniform mixture."""
        return self.against["uniform"].gain

    @property
    def price_unit(self) -> float:
        """What prices are shown as multiples of: the highest at the uniform mixture."""
        return max(self.against["uniform"].prices.values()) or 1.0

    def plot(self) -> Figure:
        """Shares with intervals beside the other mixtures, and prices, as on the page.

        ``mix.plot().savefig("allocation.svg")`` writes it.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from langmix.report import plots  # late: the room of figures comes after this one

        return plots.allocation(self)

    def token_counts(self) -> dict[str, int]:
        """Whole tokens per language, summing to the budget exactly (largest remainders)."""
        total = round(self.tokens)
        exact = {name: share * total for name, share in self.shares.items()}
        counts = {name: math.floor(value) for name, value in exact.items()}
        short = sorted(exact, key=lambda name: counts[name] - exact[name])[: total - sum(counts.values())]
        return {name: n + (name in short) for name, n in counts.items()}
