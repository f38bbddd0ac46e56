"""The capacity-coupled law: its inner optimum, its derivatives, and planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from langmix.laws.rivals import RIVALS, Training
from langmix.laws.rivals._capacity import share_capacity
from langmix.laws.rivals._coupled import CoupledSpace
from langmix.runs import RunTable
from planted import NAMES, scaled

Floats = NDArray[np.float64]

COUNT = 3
E, A, a = np.array([0.4, 0.6, 0.5]), np.array([0.8, 0.5, 0.6]), np.array([0.3, 0.5, 0.4])
c, b, H = np.array([1.2, 0.7, 0.9]), np.array([0.3, 0.5, 0.7]), 5e3 / 1e5


def true_loss(params: Floats, tokens: Floats, shares: Floats) -> Floats:
    """Shape (n, 3), in units of 1e5 parameters and 1e6 tokens; infinite without own tokens."""
    one = np.ones_like(params)
    log_x = share_capacity(shares, params / 1e5, np.log(c), np.log(b), np.log(H) * one)
    with np.errstate(divide="ignore"):
        return E + c * np.exp(-b * log_x) + A * (tokens[:, None] / 1e6 * shares) ** -a


@pytest.fixture(scope="module")
def coupled_runs() -> RunTable:
    rng = np.random.default_rng(0)
    count = 60
    params, tokens = rng.choice([25e3, 1e5, 3e5], count), rng.choice([2e5, 8e5, 3.2e6], count)
    shares = rng.dirichlet(np.full(COUNT, 0.7), count)
    shares[:12] = np.eye(COUNT)[rng.integers(COUNT, size=12)]
    losses = true_loss(params, tokens, shares)
    names = NAMES[:COUNT]
    frame = pd.DataFrame({"run": [f"r{k}" for k in range(count)], "params": params, "tokens": tokens})
    frame[[f"share.{name}" for name in names]] = shares
    frame[[f"loss.{name}" for name in names]] = np.where(np.isfinite(losses), losses, np.nan)
    return RunTable.from_frame(frame)


def test_capacity_is_shared_as_a_general_optimiser_would() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        count = int(rng.integers(2, 7))
        h, size = rng.dirichlet(np.full(count, 0.6)), float(np.exp(rng.normal(0, 1)))
        cost, power = np.exp(rng.normal(0, 1, count)), rng.uniform(0.1, 1.5, count)
        floor = size * rng.uniform(0.01, 0.9)
        ours = np.exp(share_capacity(h, np.array(size), np.log(cost), np.log(power), np.array(np.log(floor))))
        assert ours.sum() == pytest.approx(size + (count - 1) * floor, rel=1e-12)
        general = _slsqp(h, size, cost, power, floor)
        found = float((h * cost * ours**-power).sum())
        assert found <= float((h * cost * general**-power).sum()) * (1 + 1e-12)
        np.testing.assert_allclose(ours, general, rtol=1e-6)


def _slsqp(h: Floats, size: float, cost: Floats, power: Floats, floor: float) -> Floats:
    total = size + (len(h) - 1) * floor
    found = minimize(
        lambda x: float((h * cost * x**-power).sum()),
        np.full(len(h), total / len(h)),
        jac=lambda x: -h * cost * power * x ** (-power - 1),
        bounds=[(floor, None)] * len(h),
        constraints={"type": "eq", "fun": lambda x: x.sum() - total, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    return np.asarray(found.x)


def test_a_language_without_tokens_keeps_what_is_shared() -> None:
    log_x = share_capacity(
        np.array([1.0, 0.0]), np.array(2.0), np.zeros(2), np.zeros(2), np.array(np.log(0.5))
    )
    np.testing.assert_allclose(np.exp(log_x), [2.0, 0.5])


def test_derivatives_agree_with_finite_differences(coupled_runs: RunTable) -> None:
    space = CoupledSpace(coupled_runs)
    rng = np.random.default_rng(2)
    theta = space.starts()[:2] + rng.normal(0, 0.1, (2, len(space.lower)))
    _, jacobian = space.residuals(theta)
    for k in range(theta.shape[1]):
        step = 1e-6 * np.eye(theta.shape[1])[k]
        up, down = (space.residuals(theta + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose((up - down) / 2e-6, jacobian[..., k], rtol=1e-4, atol=1e-7)


def test_planted_competition_is_recovered(coupled_runs: RunTable) -> None:
    """New mixtures, within 0.5% without noise; laws without coupling miss them by more."""
    rng = np.random.default_rng(3)
    shares, (params, tokens) = rng.dirichlet(np.ones(COUNT), 40), np.array([[1e5], [1.6e6]]) * np.ones(40)
    frame = pd.DataFrame({"run": range(40), "params": params, "tokens": tokens})
    frame[[f"share.{name}" for name in NAMES[:COUNT]]] = shares
    frame[[f"loss.{name}" for name in NAMES[:COUNT]]] = 1.0  # not looked at
    new, true = RunTable.from_frame(frame), true_loss(params, tokens, shares)
    training = Training(coupled_runs)
    off = {n: np.abs(RIVALS[n].fit(training)(new) / true - 1) for n in ("capacity", "chinchilla")}
    assert off["capacity"].max() < 0.005
    assert off["chinchilla"].mean() > 0.01
    large = RIVALS["capacity"].fit(Training(scaled(coupled_runs, params=1e4, tokens=1e6)))
    again = large(scaled(new, params=1e4, tokens=1e6))
    np.testing.assert_allclose(again, RIVALS["capacity"].fit(training)(new), rtol=1e-6)


def test_it_says_nothing_without_own_tokens_and_of_what_is_no_language(coupled_runs: RunTable) -> None:
    found = RIVALS["capacity"].fit(Training(coupled_runs))(coupled_runs)
    np.testing.assert_array_equal(np.isnan(found), coupled_runs.shares == 0)
    assert RIVALS["capacity"].missing(coupled_runs) == ""
    other = RunTable.from_frame(coupled_runs.frame.rename(columns={"loss.python": "loss.python>java"}))
    assert "'python>java' is none" in RIVALS["capacity"].missing(other)
