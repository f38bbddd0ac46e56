from __future__ import annotations

import numpy as np
import pytest

from langmix import allocate, prices_along
from langmix.errors import InputError
from langmix.explore import Answer, Curves, Infeasible, Scenario, answer, curves
from langmix.laws import Laws

QUERIES = [
    "params=1e6&tokens=16e6",
    "params=1e6&tokens=16e6&available.rust=1M&available.go=500k&max_epochs=2&floors.java=0.1&ceilings.python=0.2",
    "params=1e6&tokens=16e6&no_worse_than.uniform=0.01&weights.python=3&weights.java=1&weights.rust=1",
    "params=1e6&tokens=16e6&current.python=0.4&current.java=0.6&near.current=0.7&objective=worst",
    "params=1e6&tokens=16e6&fixed.csharp=0.125&robust=mean&objective=relative",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_answer_is_what_allocate_gives(planted_fit: Laws, query: str) -> None:
    scenario = Scenario.from_query(query)
    found = answer(planted_fit, scenario)
    assert isinstance(found, Answer)
    expected = allocate(planted_fit, params=scenario.params, tokens=scenario.tokens, **scenario.asked())
    assert found.allocation == expected
    assert found.token_counts == expected.token_counts()
    assert set(found.epochs) == set(scenario.available)
    for name, tokens in scenario.available.items():
        assert found.epochs[name] == pytest.approx(expected.shares[name] * scenario.tokens / tokens, rel=1e-5)


@pytest.mark.parametrize("query", QUERIES)
def test_curves_pass_through_the_answer(planted_fit: Laws, query: str) -> None:
    scenario = Scenario.from_query(query)
    found, here = curves(planted_fit, scenario), answer(planted_fit, scenario)
    assert isinstance(found, Curves)
    assert isinstance(here, Answer)
    k = found.tokens.index(scenario.tokens)
    for target, loss in here.allocation.losses.items():
        at = found.losses[target][k]
        assert (at.value, at.low, at.high) == pytest.approx((loss.value, loss.low, loss.high), rel=1e-7)
        assert found.uniform[target][k] == pytest.approx(here.allocation.against["uniform"].losses[target])
    for name, price in here.allocation.prices.items():
        assert found.prices[name][k] == pytest.approx(price, rel=1e-5)
        assert found.shares[name][k] == pytest.approx(here.allocation.shares[name], abs=1e-6)


def test_curves_are_those_of_the_library_at_every_budget(planted_fit: Laws) -> None:
    scenario = Scenario.from_query(QUERIES[1])
    found = curves(planted_fit, scenario)
    assert isinstance(found, Curves)
    along = prices_along(planted_fit, params=scenario.params, budgets=found.tokens, **scenario.asked())
    for k, at in enumerate(along):
        predicted = planted_fit.predict(
            params=scenario.params, tokens=at.tokens, shares=at.shares, available=scenario.available
        )
        assert {name: values[k] for name, values in found.shares.items()} == dict(at.shares)
        assert {name: values[k] for name, values in found.prices.items()} == dict(at.prices)
        for target, loss in predicted.loss.items():
            each = found.losses[target][k]
            assert (each.value, each.low, each.high) == (loss, predicted.low[target], predicted.high[target])
    assert np.all(np.diff(found.tokens) > 0)


def test_budgets_that_cannot_be_filled_are_left_out_and_told(planted_fit: Laws) -> None:
    data = "&".join(f"available.{name}=4M" for name in planted_fit.languages)
    scenario = Scenario.from_query(f"params=1e6&tokens=16e6&max_epochs=1&{data}")
    found = curves(planted_fit, scenario)
    assert isinstance(found, Curves)
    assert max(found.tokens) <= 28e6
    assert found.left_out is not None
    assert "28M can be had at 1 epochs" in found.left_out


def test_a_collision_is_explained_in_tokens(planted_fit: Laws) -> None:
    scenario = Scenario.from_query("params=1e6&tokens=16e6&floors.rust=0.6&floors.go=0.6")
    for found in (answer(planted_fit, scenario), curves(planted_fit, scenario)):
        assert isinstance(found, Infeasible)
        assert "the floors ask for 19.2M in all" in found.infeasible
        assert "loosen them by 3.2M tokens" in found.infeasible


def test_an_unknown_language_is_named(planted_fit: Laws) -> None:
    with pytest.raises(InputError, match=r"floors: unknown language 'cobol'"):
        answer(planted_fit, Scenario.from_query("params=1e6&tokens=16e6&floors.cobol=0.1"))
