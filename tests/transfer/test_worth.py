from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.laws import Coefficients, Laws, fit
from langmix.runs import RunTable
from langmix.transfer import Estimate, predict_synergy, synergy, token_worth
from langmix.transfer._worth import repetition_constant
from planted import NAMES, plant, truth

OFF = ~np.eye(7, dtype=bool)


def test_planted_transfer_and_second_passes_are_told_apart(planted_law: Coefficients) -> None:
    """Fixed rates: the worth of j is tau, that of a second pass R (1 - exp(-1 / R))."""
    (found,) = token_worth(plant(planted_law, np.random.default_rng(0), noise=1e-5), draws=20)
    assert found.auxiliary.value[OFF] == pytest.approx(planted_law.values["tau"][OFF], rel=0.01, abs=2e-3)
    assert found.second_pass.value == pytest.approx(np.full(7, 10 * (1 - np.exp(-0.1))), rel=0.01)
    assert found.repetition.value == pytest.approx(np.full(7, 10.0), rel=0.25)  # 0.95 of a pass: R is steep


def test_intervals_of_worth_cover_the_planted_one_in_about_nine_of_ten_cases() -> None:
    covered = []
    for seed in range(4):
        law = truth(np.random.default_rng(seed))
        (found,) = token_worth(plant(law, np.random.default_rng(100 + seed)), seed=seed)
        true, of = law.values["tau"], found.auxiliary
        covered += list(((of.low <= true) & (true <= of.high))[OFF])
    assert 0.8 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("R", [0.05, 0.5, 2.0, 15.4, 200.0])
def test_the_repetition_constant_inverts_the_law_of_repetition(R: float) -> None:
    assert repetition_constant(np.array(R * (1 - np.exp(-1 / R)))) == pytest.approx(R, rel=1e-6)


def test_a_second_pass_as_good_as_new_has_no_finite_constant() -> None:
    found = repetition_constant(np.array([1.0, 1.4, 0.0, -0.2, np.nan]))
    np.testing.assert_array_equal(found, [np.inf, np.inf, 0.0, 0.0, np.nan])


def test_infinite_draws_count_in_intervals_and_missing_ones_do_not() -> None:
    draws = np.array([[1.0, 1.0], [np.inf, np.nan], [np.inf, 3.0], [2.0, 2.0]])
    of = Estimate.of(np.array([1.5, 2.0]), draws)
    assert (of.low.tolist(), of.high.tolist()) == ([1.0, 1.0], [np.inf, 3.0])


def test_without_curves_of_single_languages_it_says_which_runs_give_one(planted_runs: RunTable) -> None:
    arms = planted_runs.frame[~planted_runs.frame["run"].str.startswith("grid")]
    with pytest.raises(InputError, match="no language has 8 checkpoints alone"):
        token_worth(RunTable.from_frame(arms))


def test_predicted_synergy_is_that_of_the_laws(planted_fit: Laws) -> None:
    found = predict_synergy(planted_fit, params=1e6, tokens=4e6, passes=4)
    again = planted_fit.predict(params=1e6, tokens=4e6, shares={"go": 1.0}, available={"go": 1e6}).loss["go"]
    mixed = planted_fit.predict(params=1e6, tokens=4e6, shares={"go": 0.25, "rust": 0.75}).loss["go"]
    at = NAMES.index("go"), NAMES.index("rust")
    assert found.gain.value[at] == pytest.approx((again - mixed) / again, rel=1e-12)
    assert found.gain.low[at] <= found.gain.value[at] <= found.gain.high[at]


def test_at_the_scale_of_the_runs_it_agrees_with_the_measured_synergy(planted_law: Coefficients) -> None:
    runs = plant(planted_law, np.random.default_rng(0), noise=0.0)
    (measured,) = synergy(runs)
    found = predict_synergy(fit(runs, law="transfer", draws=0), params=1e5, tokens=8e5)
    np.testing.assert_allclose(found.gain.value, measured.gain, atol=2e-3)
    assert np.isnan(found.probability).all()
    assert np.isnan(found.gain.low).all()


def test_the_sign_turns_where_both_ways_to_spend_the_budget_are_worth_the_same(planted_fit: Laws) -> None:
    """tau below 1 and R finite: in the end fresh tokens of any language beat another pass."""
    found = predict_synergy(planted_fit, params=1e5, tokens=8e5)
    turned = np.isfinite(found.turn.value) & OFF & (found.turn.value > 2)
    assert turned.sum() > 10
    for i, j in list(zip(*np.nonzero(turned), strict=True))[:4]:
        k = float(found.turn.value[i, j])
        at = predict_synergy(planted_fit, params=1e5, tokens=k * 4e5, passes=k).gain.value[i, j]
        assert at == pytest.approx(0.0, abs=2e-4)
    assert (found.turn.low <= found.turn.high)[OFF].all()


@pytest.mark.parametrize("passes", [1.0, 0.5, 65.0, np.nan])
def test_passes_that_make_no_regime_are_refused(planted_fit: Laws, passes: float) -> None:
    with pytest.raises(InputError, match="passes"):
        predict_synergy(planted_fit, params=1e5, tokens=8e5, passes=passes)


def test_a_law_without_transfer_predicts_no_synergy(planted_runs: RunTable) -> None:
    with pytest.raises(InputError, match="knows no repetition"):
        predict_synergy(fit(planted_runs, law="chinchilla", draws=0), params=1e5, tokens=8e5)


def test_tables_list_every_pair(planted_runs: RunTable, planted_fit: Laws) -> None:
    (found,) = token_worth(planted_runs, draws=20)
    assert len(found.frame()) == 49
    assert found.repetition_frame()["language"].tolist() == list(NAMES)
    predicted = predict_synergy(planted_fit, params=1e5, tokens=8e5).frame()
    assert len(predicted) == 42
    assert isinstance(predicted, pd.DataFrame)
