from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from allocations import losses_of, random_laws

from langmix.allocate import Addition, add_language, allocate
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Laws
from planted import NAMES

N, TRAINED, REMAINING = 1e5, 2e6, 2e6
CURRENT = dict(zip(NAMES, (0.3, 0.2, 0.15, 0.15, 0.1, 0.1, 0.0), strict=True))
ASK = {"params": N, "trained": TRAINED, "remaining": REMAINING, "current": CURRENT, "language": "rust"}


def added(laws: Laws, **more: object) -> Addition:
    return add_language(laws, **{**ASK, **more})  # type: ignore[arg-type]


def oracle(laws: Laws, *, target: float, no_worse: float) -> float:
    """The least disturbance through CVXPY."""
    c, best, total = np.array([CURRENT[n] for n in NAMES]), laws.best, TRAINED + REMAINING
    q = cp.Variable(7)
    d = (TRAINED * c + REMAINING * q) / best.reference_tokens
    losses = losses_of(best, N, d)
    before = best.loss(N, total, c)
    limits = [cp.sum(q) == 1, q >= 0, losses[6] <= target]
    limits += [losses[i] <= (1 + no_worse) * before[i] for i in range(6)]
    problem = cp.Problem(cp.Minimize(cp.norm1(q - c) / 2), limits)
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value)


@pytest.mark.filterwarnings("ignore")  # of the oracle
@pytest.mark.parametrize("seed", range(4))
def test_the_disturbance_is_the_least_that_an_independent_solver_finds(seed: int) -> None:
    laws = random_laws(seed)
    lowest = added(laws, share=0.01, no_worse=0.02).curve[-1].loss.value
    target = lowest + 0.1
    found = added(laws, target_loss=target, no_worse=0.02)
    assert found.disturbance == pytest.approx(oracle(laws, target=target, no_worse=0.02), abs=2e-5)
    assert found.loss.value == pytest.approx(target, abs=1e-5)
    assert max(change.value for change in found.changes.values()) <= 0.02 + 1e-6
    assert found.allocation.kkt_residual < 1e-8


def test_the_law_sees_all_tokens_of_a_language_together() -> None:
    laws = random_laws(1)
    found = added(laws, share=0.1, no_worse=0.1)
    total = np.array([found.total_shares[name] for name in NAMES])
    assert total.sum() == pytest.approx(1)
    assert found.total_shares["rust"] == pytest.approx(0.1 * REMAINING / (TRAINED + REMAINING), rel=1e-4)
    losses = laws.best.loss(N, TRAINED + REMAINING, total)
    assert [found.allocation.losses[name].value for name in NAMES] == pytest.approx(losses, rel=1e-9)


def test_a_share_alone_moves_that_share_and_nothing_else() -> None:
    found = added(random_laws(1), share=0.08, no_worse=0.2)
    assert found.disturbance == pytest.approx(0.08, abs=1e-5)
    assert all(
        found.allocation.shares[name] <= share + 1e-5 for name, share in CURRENT.items() if name != "rust"
    )


def test_the_curve_falls_with_disturbance() -> None:
    curve = added(random_laws(1, draws=20), share=0.02).curve
    assert len(curve) >= 8
    losses = [point.loss.value for point in curve]
    assert losses == sorted(losses, reverse=True)
    moved = [point.disturbance for point in curve]
    assert moved == sorted(moved)
    assert all(point.loss.low <= point.loss.high for point in curve)
    assert all(point.worst_change <= 0.01 + 1e-6 for point in curve)


def test_more_training_behind_leaves_less_to_change() -> None:
    laws = random_laws(2)
    early, late = (added(laws, share=0.05, trained=t, remaining=4e6 - t, no_worse=0.1) for t in (1e5, 3e6))
    assert late.total_shares["rust"] < early.total_shares["rust"]


def test_tokens_trained_on_count_as_used_up() -> None:
    with pytest.raises(InfeasibleError, match="can be had"):
        added(random_laws(1), share=0.5, available={"rust": 5e5}, max_epochs=1)
    available = {name: 6e5 for name in NAMES if name != "rust"} | {"rust": 2e6}
    found = added(random_laws(1), share=0.1, available=available, max_epochs=1, no_worse=0.5)
    # Of python 600k exist, and 600k were trained on.
    assert found.allocation.shares["python"] == pytest.approx(0, abs=1e-6)


def test_a_target_out_of_reach_says_what_is_in_reach() -> None:
    with pytest.raises(InfeasibleError, match=r"cannot reach 0\.1 within 2M tokens .* lowest is [\d.]+"):
        added(random_laws(1), target_loss=0.1)
    with pytest.raises(InfeasibleError, match="no_worse_than"):
        added(random_laws(1), share=0.9, no_worse=0.001)


def test_without_a_past_it_is_an_allocation_near_the_current_mixture() -> None:
    laws = random_laws(3)
    found = add_language(
        laws,
        **{**ASK, "trained": 1e-3, "remaining": 4e6},
        share=0.1,
        no_worse=0.5,  # type: ignore[arg-type]
    )
    near = allocate(
        laws,
        params=N,
        tokens=4e6,
        floors={"rust": 0.1},
        mixtures={"current": CURRENT},
        near={"current": found.disturbance + 1e-6},
    )
    assert near.shares == pytest.approx(found.allocation.shares, abs=1e-3)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "share: give the least share of rust"),
        ({"share": 0.0}, r"share: 0\.0"),
        ({"share": 0.1, "language": "cobol"}, "language: unknown language 'cobol'"),
        ({"share": 0.1, "trained": -1}, "trained: -1"),
        ({"share": 0.1, "no_worse": -1}, "no_worse"),
        ({"target_loss": float("nan")}, "target_loss"),
    ],
)
def test_wrong_arguments_are_named(more: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        added(random_laws(1), **more)
