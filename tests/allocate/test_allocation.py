from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from allocations import D, N, changed, laws_of, oracle, random_laws
from hypothesis import given, settings
from hypothesis import strategies as st

from langmix.allocate import allocate
from langmix.errors import InfeasibleError
from langmix.laws import Laws
from planted import NAMES


@pytest.mark.filterwarnings("ignore")  # of the oracle
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("floors", "ceilings", "no_worse"),
    [
        ({}, {}, None),
        ({"rust": 0.3}, {"go": 0.1}, None),
        ({}, {"python": 0.15}, 0.003),
    ],
)
def test_the_optimum_is_that_of_an_independent_solver(
    seed: int, floors: dict[str, float], ceilings: dict[str, float], no_worse: float | None
) -> None:
    laws = random_laws(seed)
    mix = allocate(
        laws,
        params=N,
        tokens=D,
        floors=floors,
        ceilings=ceilings,
        no_worse_than={} if no_worse is None else {"uniform": no_worse},
    )
    shares, value = oracle(laws, floors=floors, ceilings=ceilings, no_worse=no_worse)
    ours = np.array([mix.shares[name] for name in laws.languages])
    assert np.mean([loss.value for loss in mix.losses.values()]) == pytest.approx(value, rel=1e-6)
    assert ours == pytest.approx(shares, abs=2e-5)  # flat there: 1e-9 of the objective
    assert mix.kkt_residual < 1e-8


def test_prices_are_equal_where_no_bound_holds() -> None:
    mix = allocate(random_laws(0), params=N, tokens=D, floors={"java": 0.4})
    free = [price for name, price in mix.prices.items() if name != "java"]
    assert free == pytest.approx([free[0]] * 6, rel=1e-6)
    assert mix.prices["java"] < free[0]
    assert mix.shares["java"] == pytest.approx(0.4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    supply=st.lists(st.floats(1e5, 1e7), min_size=7, max_size=7),
    epochs=st.floats(1.0, 8.0),
)
def test_shares_lie_on_the_simplex_and_within_the_caps(seed: int, supply: list[float], epochs: float) -> None:
    laws, available = random_laws(seed), dict(zip(NAMES, supply, strict=True))
    if epochs * sum(supply) < D:
        with pytest.raises(InfeasibleError, match="tokens"):
            allocate(laws, params=N, tokens=D, available=available, max_epochs=epochs)
        return
    mix = allocate(laws, params=N, tokens=D, available=available, max_epochs=epochs)
    assert sum(mix.shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert sum(mix.token_counts().values()) == D
    for name, share in mix.shares.items():
        assert -1e-12 <= share <= min(1.0, epochs * available[name] / D) + 1e-9
    assert mix.expected_gain.value >= -1e-9 or mix.bounds  # uniform may break a cap


def test_more_tokens_lower_the_objective() -> None:
    values = [
        np.mean([v.value for v in allocate(random_laws(3), params=N, tokens=t).losses.values()])
        for t in (1e6, 2e6, 4e6)
    ]
    assert values == sorted(values, reverse=True)


def test_the_order_of_languages_does_not_matter() -> None:
    laws = random_laws(5)
    # tau is flipped along both axes: targets and sources.
    turned = changed(laws.best, **{name: np.flip(value).copy() for name, value in laws.best.values.items()})
    other = dataclasses.replace(laws_of(turned), languages=NAMES[::-1], targets=NAMES[::-1])
    here, there = (allocate(x, params=N, tokens=D) for x in (laws, other))
    assert there.shares == pytest.approx(here.shares, rel=1e-9)
    assert there.prices == pytest.approx(here.prices, rel=1e-9)


@pytest.mark.parametrize("objective", ["nats_per_token", "relative", "worst"])
def test_no_mixture_nearby_is_better(objective: str) -> None:
    laws = random_laws(7)
    mix = allocate(laws, params=N, tokens=D, objective=objective)
    shares = np.array([mix.shares[name] for name in NAMES])
    uniform = laws.best.loss(N, D, np.full(7, 1 / 7))

    def value(p: np.ndarray) -> float:
        loss = laws.best.loss(N, D, p)
        return float(
            {"nats_per_token": loss.mean(), "relative": (loss / uniform).mean(), "worst": loss.max()}[
                objective
            ]
        )

    rng = np.random.default_rng(0)
    for _ in range(200):
        other = np.abs(shares + 0.02 * rng.standard_normal(7))
        assert value(other / other.sum()) >= value(shares) - 1e-9


def test_a_target_far_outside_the_runs_carries_a_warning() -> None:
    drawn = laws_of(random_laws(1).best, draws=3)
    assert not allocate(drawn, params=1e5, tokens=1e6).warnings
    warnings = allocate(random_laws(1), params=1.5e9, tokens=350e9).warnings
    assert "1,500 times the largest run" in warnings[0]
    assert "35,000 times the largest run" in warnings[1]


def test_a_language_keeps_the_smallest_share_that_was_measured() -> None:
    laws = random_laws(2)
    # Languages that are nearly one, and a law that would give all to one of them.
    tau = np.where(np.arange(7) == 3, 1.0, 0.2) * np.ones((7, 1))
    np.fill_diagonal(tau, 1.0)
    level = np.where(np.arange(7) == 3, 2.0, 0.01)
    best = changed(laws.best, B=level, tau=tau, s=np.ones(7), b=np.zeros(7))
    reach = dataclasses.replace(laws.reach, least_share={"java": 0.02, "rust": 0.01})
    held = dataclasses.replace(laws_of(best), reach=reach)
    mix = allocate(held, params=N, tokens=D)
    assert mix.shares["java"] == pytest.approx(0.02)
    assert any("smallest share that the runs measured" in w for w in mix.warnings)
    assert allocate(held, params=N, tokens=D, floors={"java": 0.0}).shares["java"] < 0.01


def test_intervals_and_gain_come_from_the_draws(planted_fit: Laws) -> None:
    mix = allocate(planted_fit, params=N, tokens=D)
    for name, share in mix.shares.items():
        low, high = mix.intervals[name]
        assert low - 1e-9 <= share <= high + 1e-9 or high - low > 0
    gain = mix.expected_gain
    assert gain.low <= gain.value <= gain.high
    assert 0 <= mix.against["uniform"].probability <= 1
