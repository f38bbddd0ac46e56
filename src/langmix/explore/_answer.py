"""What the page shows of a scenario: the allocation, or why there is none, and curves along the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import BaseModel

from langmix.allocate import Allocation, AtBudget, Interval, allocate, prices_along
from langmix.errors import InfeasibleError
from langmix.explore._scenario import Scenario
from langmix.laws import Laws, interval

_SPAN: Final = 10.0
"""The curves reach from the tokens over this to the tokens times this."""

_POINTS: Final = 11
_POINTS_ROBUST: Final = 5
"""Fewer where every point is solved for over all bootstrap laws together."""


class Answer(BaseModel):
    """An allocation, and what follows from it.

    Attributes:
        allocation: what `langmix.allocate` gives.
        token_counts: whole tokens per language.
        epochs: passes over the available tokens, of languages for which these are given.
        price_unit: what prices are shown as multiples of, as on the page of `langmix report`.
    """

    allocation: Allocation
    token_counts: Mapping[str, int]
    epochs: Mapping[str, float]
    price_unit: float


class Infeasible(BaseModel):
    """Why no mixture keeps the limits, in tokens."""

    infeasible: str


class Curves(BaseModel):
    """The optimum at budgets around the scenario's.

    Attributes:
        tokens: budgets, shape (B,), rising; those that no mixture of the limits can fill are left out.
        shares, prices: per language, shape (B,); see `langmix.prices_along`.
        losses: per target, shape (B,), nats per token at the optimum, with intervals.
        uniform: per target, shape (B,), the loss under the uniform mixture.
        left_out: why budgets are left out, if any are.
    """

    tokens: list[float]
    shares: dict[str, list[float]]
    prices: dict[str, list[float]]
    losses: dict[str, list[Interval]]
    uniform: dict[str, list[float]]
    left_out: str | None = None


def answer(laws: Laws, scenario: Scenario) -> Answer | Infeasible:
    """The allocation of a scenario, or why there is none.

    Raises:
        InputError: an unknown name or a value out of range.
    """
    try:
        found = allocate(laws, params=scenario.params, tokens=scenario.tokens, **scenario.asked())
    except InfeasibleError as error:
        return Infeasible(infeasible=str(error))
    counts = found.token_counts()
    return Answer(
        allocation=found,
        token_counts=counts,
        epochs={name: counts[name] / tokens for name, tokens in scenario.available.items()},
        price_unit=found.price_unit,
    )


def curves(laws: Laws, scenario: Scenario) -> Curves | Infeasible:
    """Losses, shares and prices of the best mixture along the tokens.

    Raises:
        InputError: an unknown name or a value out of range.
    """
    here = answer(laws, scenario)
    if isinstance(here, Infeasible):
        return here
    points = _POINTS if scenario.robust is None else _POINTS_ROBUST
    budgets = scenario.tokens * np.geomspace(1 / _SPAN, _SPAN, points)
    budgets[points // 2] = scenario.tokens
    found: list[AtBudget] = []
    left_out = None
    for tokens in budgets:
        try:
            found += prices_along(laws, params=scenario.params, budgets=[tokens], **scenario.asked())
        except InfeasibleError as error:
            left_out = str(error)
    supply = laws.supply_vector(scenario.available)
    even = laws.share_vector(here.allocation.against["uniform"].shares)
    losses: list[tuple[Interval, ...]] = []
    for at in found:
        shares = laws.share_vector(at.shares)
        value, drawn = (
            law.loss(scenario.params, at.tokens, shares, supply) for law in (laws.best, laws.draws)
        )
        losses.append(
            tuple(
                Interval(value=float(v), low=float(low), high=float(high))
                for v, low, high in zip(value, *interval(drawn, value), strict=True)
            )
        )
    uniform = [laws.best.loss(scenario.params, at.tokens, even, supply) for at in found]
    return Curves(
        tokens=[at.tokens for at in found],
        shares={name: [at.shares[name] for at in found] for name in laws.languages},
        prices={name: [at.prices[name] for at in found] for name in laws.languages},
        losses={target: [each[k] for each in losses] for k, target in enumerate(laws.targets)},
        uniform={target: [float(each[k]) for each in uniform] for k, target in enumerate(laws.targets)},
        left_out=left_out,
    )
