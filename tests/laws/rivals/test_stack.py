"""Stacking: what its weights are, and that they never see a held-out run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from langmix.laws._fit import leave_out
from langmix.laws.rivals import Training
from langmix.laws.rivals._stack import MEMBERS, Stack, weigh
from langmix.runs import RunTable
from planted import plant, truth


@pytest.fixture(scope="module")
def few_languages() -> RunTable:
    rng = np.random.default_rng(8)
    return plant(truth(rng, count=3, elasticity=0.6), rng)


def test_weights_are_the_best_on_the_simplex() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        errors = rng.normal(0, 0.01, (30, 4)) * rng.uniform(0.5, 3, 4) + rng.normal(0, 0.01, 4)
        weights = weigh(errors)
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1.0, abs=1e-12)
        general = minimize(
            lambda w, errors: 1e4 * float(((errors @ w) ** 2).sum()),
            np.full(4, 0.25),
            args=(errors,),
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        assert 1e4 * ((errors @ weights) ** 2).sum() <= general.fun * (1 + 1e-9)


def test_a_member_without_error_gets_all_weight() -> None:
    errors = np.column_stack([np.full(10, 0.02), np.zeros(10), np.linspace(-0.01, 0.01, 10)])
    np.testing.assert_allclose(weigh(errors), [0, 1, 0], atol=1e-12)


def test_inner_fits_do_not_see_the_runs_that_they_leave_out(few_languages: RunTable) -> None:
    """A fault injected: losses of the left-out runs are raised by half, and their fit stays what it was."""
    training = Training(few_languages, delta=0.01)
    fold = training.folds(5)
    fitted = training.fitted("ces")
    problem, outcome = fitted.problems[0], fitted.outcomes[0]
    _, first = np.unique(few_languages.run, return_index=True)
    left = (fold[first][problem.run] == 2)[None]
    wrong = replace(problem, loss=np.where(left[0], 1.5, 1.0) * problem.loss)
    at = {"reference": (1e5, 1e6), "tolerance": 1e-5}
    before, after = leave_out(problem, outcome, left, **at), leave_out(wrong, outcome, left, **at)
    for name, value in before.values.items():
        np.testing.assert_array_equal(after.values[name], value)
    assert any((before.values[name] != outcome.best.values[name]).any() for name in before.values)
    for name in np.unique(few_languages.run):
        assert len(set(fold[few_languages.run == name])) == 1


def test_the_stack_is_a_mean_of_its_members(few_languages: RunTable) -> None:
    training = Training(
        RunTable.from_frame(few_languages.frame.drop(columns=["loss.java", "loss.javascript"]))
    )
    found = Stack().fit(training)
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    members = np.array([training.fitted(name)(few_languages) for name in MEMBERS])
    stacked = found(few_languages)
    assert (stacked <= members.max(axis=0) + 1e-12).all()
    assert (stacked >= members.min(axis=0) - 1e-12).all()
