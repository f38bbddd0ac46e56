"""Stacking: what its weights are, and that they never see a held-out run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

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


def test_inner_fits_are_those_of_the_runs_that_are_left(few_languages: RunTable) -> None:
    """Left out by weights of zero, from the whole fit: nearer to a fit of the other runs than to the whole."""
    training = Training(few_languages)
    fold = training.folds(5)
    inner, whole = training.fitted("ces").without(fold), training.fitted("ces")(few_languages)
    alone = Training(few_languages.select(fold != 2)).fitted("ces")(few_languages)
    mine = (few_languages.shares > 0) & (fold == 2)[:, None]
    assert np.abs(inner / alone - 1)[mine].mean() < 0.5 * np.abs(whole / alone - 1)[mine].mean()
    for name in np.unique(few_languages.run):
        assert len(set(fold[few_languages.run == name])) == 1


def test_the_stack_is_a_mean_of_its_members(few_languages: RunTable) -> None:
    training = Training(few_languages)
    found = Stack().fit(training)
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    members = np.array([training.fitted(name)(few_languages) for name in MEMBERS])
    stacked = found(few_languages)
    assert (stacked <= members.max(axis=0) + 1e-12).all()
    assert (stacked >= members.min(axis=0) - 1e-12).all()
