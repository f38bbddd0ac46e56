from __future__ import annotations

import pytest
from allocations import D, N, random_laws

from langmix.allocate import allocate, prices_along
from langmix.errors import InputError


def test_each_budget_has_the_prices_of_its_own_allocation() -> None:
    laws = random_laws(1)
    found = prices_along(laws, params=N, budgets=[1e6, D, 2e7], floors={"java": 0.3})
    mix = allocate(laws, params=N, tokens=D, floors={"java": 0.3})
    assert [point.tokens for point in found] == [1e6, D, 2e7]
    assert found[1].shares == pytest.approx(mix.shares)
    assert found[1].prices == pytest.approx(mix.prices)
    assert [p.objective for p in found] == sorted((p.objective for p in found), reverse=True)


def test_a_percent_of_a_larger_budget_is_worth_less() -> None:
    found = prices_along(random_laws(1), params=N, budgets=[1e6, 1e7, 1e8, 1e9])
    highest = [max(point.prices.values()) for point in found]
    assert highest == sorted(highest, reverse=True)


def test_a_price_is_what_a_percent_more_of_the_budget_takes_off_the_objective() -> None:
    here, more = prices_along(random_laws(4), params=N, budgets=[D, 1.0001 * D])
    assert max(here.prices.values()) == pytest.approx(100 * (here.objective - more.objective), rel=1e-3)


def test_no_budget_is_refused() -> None:
    with pytest.raises(InputError, match="budgets: there are none"):
        prices_along(random_laws(1), params=N, budgets=[])
