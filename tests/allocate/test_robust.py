from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from allocations import D, N, laws_of, oracle, random_laws

from langmix.allocate import allocate
from langmix.laws import Laws
from planted import NAMES


def objectives(laws: Laws, shares: object, *, worst: bool = False) -> np.ndarray:
    losses = laws.draws.loss(N, D, np.array([shares[name] for name in NAMES]))  # type: ignore[index]
    return losses.max(axis=1) if worst else losses.mean(axis=1)


@pytest.mark.filterwarnings("ignore")  # of the oracle
@pytest.mark.parametrize("how", ["mean", "cvar"])
@pytest.mark.parametrize(
    ("worst", "no_worse"),
    [(False, None), (True, None), (False, 0.004)],
)
def test_one_mixture_for_all_laws_is_that_of_an_independent_solver(
    how: str, worst: bool, no_worse: float | None
) -> None:
    laws = random_laws(3, draws=25)
    mix = allocate(
        laws,
        params=N,
        tokens=D,
        objective="worst" if worst else "nats_per_token",
        robust=how,
        no_worse_than={} if no_worse is None else {"uniform": no_worse},
    )
    shares, value = oracle(laws, robust=how, worst=worst, no_worse=no_worse)
    each = np.sort(objectives(laws, mix.shares, worst=worst))[::-1]
    ours = each.mean() if how == "mean" else (each[0] + each[1] + each[2] / 2) / 2.5
    assert ours == pytest.approx(value, rel=1e-6)
    assert [mix.shares[name] for name in NAMES] == pytest.approx(shares, abs=2e-4)
    assert mix.kkt_residual < 1e-8
    assert mix.robust == how


def test_each_choice_is_best_at_what_it_minimises() -> None:
    laws = random_laws(6, draws=60, spread=0.3)
    plain, mean, tail = (allocate(laws, params=N, tokens=D, robust=how) for how in (None, "mean", "cvar"))
    means = [objectives(laws, mix.shares).mean() for mix in (mean, plain, tail)]
    tails = [np.sort(objectives(laws, mix.shares))[-6:].mean() for mix in (tail, plain, mean)]
    assert means[0] == min(means)
    assert tails[0] == min(tails)


@pytest.mark.parametrize("how", ["mean", "cvar"])
def test_laws_that_agree_need_no_robustness(how: str) -> None:
    laws = random_laws(2)
    same = laws_of(laws.best, draws=20)
    robust, plain = (allocate(same, params=N, tokens=D, robust=h).shares for h in (how, None))
    assert robust == pytest.approx(plain, abs=1e-4)


@pytest.mark.parametrize("how", ["mean", "cvar"])
def test_robust_prices_are_equal_where_no_bound_holds(how: str) -> None:
    mix = allocate(random_laws(0, draws=40), params=N, tokens=D, robust=how, floors={"java": 0.4})
    free = [price for name, price in mix.prices.items() if name != "java"]
    assert free == pytest.approx([free[0]] * 6, rel=1e-4)
    assert mix.prices["java"] < free[0]


def test_the_order_of_the_laws_does_not_matter() -> None:
    laws = random_laws(5, draws=30)
    turned = laws.draws[::-1]
    other = dataclasses.replace(laws, draws=turned)
    here, there = (allocate(x, params=N, tokens=D, robust="cvar").shares for x in (laws, other))
    assert there == pytest.approx(here, rel=1e-9, abs=1e-9)


def test_comparisons_count_the_laws_that_agree() -> None:
    laws = random_laws(5, draws=50, spread=0.5)
    available = dict.fromkeys(NAMES, 1e7) | {"rust": 1e6}
    current = {**dict.fromkeys(NAMES, 0.1), "python": 0.4}
    mix = allocate(laws, params=N, tokens=D, available=available, mixtures={"current": current})
    assert set(mix.against) == {"uniform", "proportional", "current"}
    ours = objectives(laws, mix.shares)
    for other in mix.against.values():
        assert other.probability == pytest.approx((ours < objectives(laws, other.shares)).mean())


def test_without_draws_nothing_is_claimed_about_certainty() -> None:
    mix = allocate(random_laws(1), params=N, tokens=D)
    assert np.isnan(mix.expected_gain.low)
    assert np.isnan(mix.expected_gain.high)
    assert np.isnan(mix.against["uniform"].probability)
    assert all(np.isnan(bound) for interval in mix.intervals.values() for bound in interval)
    assert mix.draws == 0
    assert any("no bootstrap draws" in warning for warning in mix.warnings)
