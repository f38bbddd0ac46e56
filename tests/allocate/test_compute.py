from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from allocations import changed, laws_of, random_laws

from langmix.allocate import allocate, allocate_compute
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Coefficients, Laws
from planted import NAMES


def chinchilla(*, draws: int = 0, spread: float = 0.0) -> Laws:
    """Seven languages that are all alike and teach each other fully, so that all D tokens count for each."""
    one = np.ones(7)
    same = Coefficients(
        form="ces",
        values={
            "E": 0.5 * one,
            "A": 0.4 * one,
            "alpha": 0.34 * one,
            "B": 0.6 * one,
            "beta": 0.28 * one,
            "R": 10 * one,
            "s": one,
            "b": 0 * one,
            "tau": np.ones((7, 7)),
        },
        own=np.arange(7),
        reference_params=1e5,
        reference_tokens=1e6,
    )
    laws = laws_of(same, draws=draws, spread=spread)
    if draws:  # their exponents alone differ
        steady = {f: np.repeat(same.values[f][None], draws, axis=0) for f in ("tau", "b", "s", "R")}
        laws = dataclasses.replace(laws, draws=changed(laws.draws, **steady))
    return laws


def analytic(c: Coefficients, flops: float) -> float:
    """The best N of one language (Hoffmann et al. 2022, equation 4)."""
    A, alpha, B, beta = (c.values[name][0] for name in ("A", "alpha", "B", "beta"))
    a, b = A * c.reference_params**alpha, B * c.reference_tokens**beta
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    return float(g * (flops / 6) ** (beta / (alpha + beta)))


@pytest.mark.parametrize("flops", [1e12, 1e15, 1e20])
def test_languages_that_are_one_have_the_known_optimum(flops: float) -> None:
    laws = chinchilla()
    found = allocate_compute(laws, flops=flops)
    assert found.params.value == pytest.approx(analytic(laws.best, flops), rel=2e-3)
    assert 6 * found.params.value * found.tokens.value == pytest.approx(flops)
    assert found.tokens_per_parameter.value == pytest.approx(found.tokens.value / found.params.value)


def test_no_other_size_is_better() -> None:
    laws, flops, inference = random_laws(2), 3e12, 4e6
    found = allocate_compute(laws, flops=flops, inference_tokens=inference, floors={"rust": 0.2})
    best = np.mean([loss.value for loss in found.allocation.losses.values()])
    n, d = found.params.value, found.tokens.value
    assert 6 * n * d + 2 * n * inference == pytest.approx(flops)
    for factor in (0.5, 0.9, 1.1, 2.0):
        other = allocate(
            laws,
            params=n * factor,
            tokens=(flops / (n * factor) - 2 * inference) / 6,
            floors={"rust": 0.2},
        )
        assert np.mean([loss.value for loss in other.losses.values()]) > best


def test_inference_makes_the_model_smaller() -> None:
    sizes = [
        allocate_compute(chinchilla(), flops=1e15, inference_tokens=tokens).params.value
        for tokens in (0, 1e7, 1e8, 1e9)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.05 * sizes[-1]


def test_intervals_are_those_of_the_laws_own_optima() -> None:
    laws = chinchilla(draws=30, spread=0.1)
    each = laws.draws
    # A law of one language per draw: all seven alike in it.
    alike = {f: np.repeat(each.values[f][:, :1], 7, axis=1) for f in ("E", "A", "alpha", "B", "beta")}
    laws = dataclasses.replace(laws, draws=changed(each, **alike))
    found = allocate_compute(laws, flops=1e15)
    truth = [analytic(laws.draws[s], 1e15) for s in range(30)]
    low, high = np.percentile(truth, [5, 95])
    assert found.params.low == pytest.approx(low, rel=0.02)
    assert found.params.high == pytest.approx(high, rel=0.02)
    assert found.tokens_per_parameter.low < found.tokens_per_parameter.value < found.tokens_per_parameter.high


def test_data_that_run_out_decide_the_size_and_are_named() -> None:
    found = allocate_compute(chinchilla(), flops=1e15, available=dict.fromkeys(NAMES, 1e7), max_epochs=1)
    assert found.tokens.value == pytest.approx(7e7, rel=1e-6)
    assert any("70M tokens that can be had are used" in warning for warning in found.warnings)


def test_a_far_optimum_carries_a_warning_and_so_does_an_edge() -> None:
    found = allocate_compute(chinchilla(), flops=1e22)
    assert any("times the largest run" in warning for warning in found.allocation.warnings)
    flat = chinchilla()
    flat = dataclasses.replace(flat, best=changed(flat.best, A=np.zeros(7)))
    assert any("edge of the search" in warning for warning in allocate_compute(flat, flops=1e15).warnings)


def test_the_unit_of_compute_does_not_matter() -> None:
    laws = random_laws(3)
    c = dataclasses.replace(laws.best, reference_params=1e8, reference_tokens=1e9)
    here, there = (allocate_compute(x, flops=f) for x, f in ((laws, 2e12), (laws_of(c), 2e18)))
    # Values alone tell where the best size is: to the square root of their rounding.
    assert there.params.value == pytest.approx(1e3 * here.params.value, rel=1e-6)
    assert there.allocation.shares == pytest.approx(here.allocation.shares, abs=1e-6)


def test_wrong_budgets_are_refused() -> None:
    with pytest.raises(InputError, match="flops: 0"):
        allocate_compute(chinchilla(), flops=0)
    with pytest.raises(InputError, match="inference_tokens: -1"):
        allocate_compute(chinchilla(), flops=1e15, inference_tokens=-1)
    with pytest.raises(InputError, match=r"objective: relative .* cannot compare sizes"):
        allocate_compute(chinchilla(), flops=1e15, objective="relative")
    with pytest.raises(InfeasibleError, match=r"floors ask for"):
        allocate_compute(chinchilla(), flops=1e15, floors={"go": 0.6, "rust": 0.6})


def test_tokens_of_some_languages_and_epochs_leave_the_others_without_limit() -> None:
    laws = random_laws(0)
    free = allocate_compute(laws, flops=1e16)
    scarce = allocate_compute(laws, flops=1e16, available={"rust": 1e5}, max_epochs=2)
    given = scarce.allocation
    assert free.allocation.shares["rust"] * free.tokens.value > 2e5
    assert given.shares["rust"] * scarce.tokens.value == pytest.approx(2e5)
    assert scarce.tokens.value > 1e6
    # Where ceilings leave the others no room for all, the scarce one bounds the budget: 2e5 are 40% of 5e5.
    rest = {name: 0.1 for name in NAMES if name != "rust"}
    bounded = allocate_compute(laws, flops=1e12, available={"rust": 1e5}, max_epochs=2, ceilings=rest)
    assert bounded.tokens.value == pytest.approx(5e5, rel=1e-6)
