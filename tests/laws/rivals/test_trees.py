"""Boosted trees as a rival, where LightGBM is installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from langmix.laws.rivals import RIVALS, Training, left_out
from langmix.runs import RunTable
from planted import plant, truth


@pytest.fixture(scope="module")
def few_languages() -> RunTable:
    rng = np.random.default_rng(8)
    frame = plant(truth(rng, count=2), rng).frame
    return RunTable.from_frame(frame.drop(columns="loss.java"))


def test_trees_follow_the_runs_and_are_the_same_again(few_languages: RunTable) -> None:
    pytest.importorskip("lightgbm")
    held = Training(few_languages).folds(5) == 1
    training, rest = Training(few_languages.select(~held)), few_languages.select(held)
    found = RIVALS["trees"].fit(training)(rest)
    own = rest.shares[:, :1] > 0
    mean = np.nanmean(np.where(training.runs.shares[:, :1] > 0, training.runs.losses, np.nan), axis=0)
    assert np.abs(found / rest.losses - 1)[own].mean() < 0.5 * np.abs(mean / rest.losses - 1)[own].mean()
    np.testing.assert_array_equal(found, RIVALS["trees"].fit(Training(training.runs))(rest))


def test_without_lightgbm_the_command_is_given(
    few_languages: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (reason,) = left_out(few_languages)
    assert "pip install 'langmix[trees]'" in reason
