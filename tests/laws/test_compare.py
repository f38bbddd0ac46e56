"""The comparison on held-out runs: who is in it, and that nobody sees what is held out."""

from __future__ import annotations

import numpy as np
import pytest

from langmix.errors import InputError
from langmix.laws import FORMS, RIVALS, fit, held_out_predictions
from langmix.laws import _compare as comparison
from langmix.laws.rivals import PREDICTORS, Predictor, Training
from langmix.runs import RunTable
from planted import plant, truth


@pytest.fixture(scope="module")
def few_languages() -> RunTable:
    rng = np.random.default_rng(9)
    frame = plant(truth(rng, count=2), rng).frame
    return RunTable.from_frame(frame.drop(columns="loss.java"))


def test_all_forms_and_rivals_are_compared_on_the_same_checkpoints(
    few_languages: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightgbm")
    largest = few_languages.tokens > few_languages.tokens.max() / 1.2
    monkeypatch.setattr(comparison, "_splits", lambda runs, seed: {"larger D": [largest]})
    laws = fit(few_languages, draws=0, delta=0.01, all_forms=True)
    assert {e.form for e in laws.held_out} == {*FORMS, "capacity", "trees", "stack"}
    assert laws.form in ("ces", "progress", "transfer", "chinchilla")
    assert len({e.rows for e in laws.held_out}) == 1
    assert all(np.isfinite(e.error) for e in laws.held_out)


def test_forms_that_one_budget_cannot_tell_apart_do_not_compete(few_languages: RunTable) -> None:
    largest = few_languages.tokens > few_languages.tokens.max() / 1.2
    compared = {e.form for e in fit(few_languages.select(largest), draws=0, delta=0.01).held_out}
    assert "ces" in compared
    assert "progress" not in compared


@pytest.mark.parametrize("name", PREDICTORS)
def test_what_only_predicts_is_no_law_to_fit(name: str, few_languages: RunTable) -> None:
    with pytest.raises(
        InputError, match=f"'{name}' only predicts, .* expected one of ces, progress, transfer"
    ):
        fit(few_languages, law=name)


def test_held_out_losses_change_no_prediction(
    few_languages: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault injected: the losses that are held out are doubled, and all predict as before."""
    pytest.importorskip("lightgbm")
    rivals = ("ces", *PREDICTORS)
    largest = few_languages.tokens > few_languages.tokens.max() / 1.2
    monkeypatch.setattr(comparison, "_splits", lambda runs, seed: {"larger D": [largest]})
    wrong = few_languages.frame.copy()
    columns = [f"loss.{target}" for target in few_languages.targets]
    wrong.loc[largest, columns] *= 2.0

    def predictions(runs: RunTable) -> dict[str, np.ndarray]:
        seen: dict[str, np.ndarray] = {}

        class Recorded:
            def __init__(self, name: str) -> None:
                self.name, self.description = name, ""

            def missing(self, runs: RunTable) -> str:
                return ""

            def fit(self, training: Training) -> Predictor:
                learnt = RIVALS[self.name].fit(training)

                def predict(held: RunTable) -> np.ndarray:
                    seen[self.name] = learnt(held)
                    return seen[self.name]

                return predict

        monkeypatch.setattr(comparison, "RIVALS", {name: Recorded(name) for name in rivals})
        comparison.compare(runs, seed=0, delta=0.01, all_forms=True)
        return seen

    right, other = predictions(few_languages), predictions(RunTable.from_frame(wrong))
    assert set(right) == set(rivals)
    for name in rivals:
        np.testing.assert_array_equal(other[name], right[name])


def test_predictions_that_are_shown_are_those_by_which_the_form_was_chosen(few_languages: RunTable) -> None:
    laws = fit(few_languages, draws=0)
    shown = held_out_predictions(few_languages, laws)
    error = (shown["predicted"] / shown["measured"] - 1).abs().groupby(shown["split"])
    mine = {e.split: (e.error, e.rows) for e in laws.held_out if e.form == laws.form}
    assert set(mine) == {"new runs", "larger N", "larger D"}
    assert error.mean().to_dict() == pytest.approx({s: e for s, (e, _) in mine.items()}, rel=1e-9)
    assert error.size().to_dict() == {s: n for s, (_, n) in mine.items()}
    # Every run is held out once among the new runs, and the largest models in their split alone.
    new = shown[shown["split"] == "new runs"]
    assert not new.duplicated(["run", "params", "tokens", "target"]).any()
    larger = shown[shown["split"] == "larger N"]
    assert set(larger["params"]) == {few_languages.params.max()}


def test_too_few_runs_to_hold_any_out_have_no_predictions(few_languages: RunTable) -> None:
    alone = few_languages.select(few_languages.is_alone("python"))
    few = alone.select(np.arange(len(alone)) < 10)
    laws = fit(few, law="chinchilla", draws=0)
    found = held_out_predictions(few, laws)
    assert len(found) == 0
    assert {"split", "target", "measured", "predicted"} <= set(found.columns)
