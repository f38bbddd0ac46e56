"""Shares and prices along the budget: what more tokens would go to, and what they would be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from langmix.allocate._allocation import least_shares
from langmix.allocate._question import Asked, Question
from langmix.allocate._robust import together
from langmix.errors import InputError
from langmix.laws import Laws, check_positive


@dataclass(frozen=True, kw_only=True, slots=True)
class AtBudget:
    """The best mixture at one token budget.

    Attributes:
        objective: its value there, in the objective's unit.
        prices: see `Allocation.prices`.
    """

    tokens: float
    shares: Mapping[str, float]
    prices: Mapping[str, float]
    objective: float


def prices_along(
    laws: Laws, *, params: float, budgets: Sequence[float], **asked: Unpack[Asked]
) -> tuple[AtBudget, ...]:
    """The best mixture and its prices at several token budgets, without intervals.

    Args:
        laws: fitted laws.
        params: parameters of the training run.
        budgets: tokens, in any order; the answers keep it.
        asked: the objective, limits and mixtures, as for `allocate`.

    Raises:
        InputError: a value out of range.
        InfeasibleError: no mixture keeps the limits at one of the budgets.
    """
    if len(budgets) == 0:
        raise InputError("budgets: there are none; expected one or more token budgets")
    question = Question.of(laws, **asked)
    found = []
    for tokens in budgets:
        check_positive(params=params, tokens=tokens)
        limits = question.limits(tokens, least_shares(question, tokens))
        point, spread = question.programmes(params, tokens)
        best = question.optimum(point, spread, limits)
        question.require_solved(best, point, limits, tokens)
        shares = best.shares[0] / best.shares[0].sum()
        priced = point if question.robust is None else spread
        value = (
            float(point.value(shares)[0])
            if question.robust is None
            else together(spread.value(shares), question.robust)
        )
        found.append(
            AtBudget(
                tokens=float(tokens),
                shares=dict(zip(laws.languages, map(float, shares), strict=True)),
                prices=dict(
                    zip(laws.languages, map(float, priced.prices(shares, best.marginal)), strict=True)
                ),
                objective=value,
            )
        )
    return tuple(found)
