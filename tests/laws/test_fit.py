from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from langmix.allocate import allocate
from langmix.errors import InputError
from langmix.laws import FORMS, Coefficients, Laws, Status, fit, read_laws, write_laws
from langmix.laws._bootstrap import run_weights
from langmix.laws._search import Problem, Space
from langmix.runs import RunTable
from planted import NAMES, plant, scaled, truth


def test_a_noiseless_law_is_recovered(planted_law: Coefficients) -> None:
    runs = plant(planted_law, np.random.default_rng(0), noise=0.0)
    laws = fit(runs, law="transfer", draws=0)
    for params, tokens in ((1e5, 1e6), (3e5, 16e5), (1e6, 8e6)):
        for shares in np.random.default_rng(3).dirichlet(np.ones(7), size=5):
            predicted = laws.predict(
                params=params, tokens=tokens, shares=dict(zip(NAMES, shares, strict=True))
            )
            assert list(predicted.loss.values()) == pytest.approx(
                planted_law.loss(params, tokens, shares), rel=2e-3
            )


def test_exponents_and_transfer_lie_in_their_intervals(planted_law: Coefficients, planted_fit: Laws) -> None:
    table = planted_fit.exponents()
    for name in ("alpha", "beta"):
        true = planted_law.values[name]
        assert ((table[f"{name}_low"] <= true) & (true <= table[f"{name}_high"])).mean() >= 5 / 7
    transfer = planted_fit.transfer()
    true = np.array(
        [
            planted_law.values["tau"][NAMES.index(t), NAMES.index(s)]
            for t, s in transfer[["target", "source"]].to_numpy()
        ]
    )
    inside = (transfer["low"] <= true) & (true <= transfer["high"])
    assert 0.75 <= inside.mean() <= 1.0


def test_planted_diminishing_transfer_is_found() -> None:
    """First tokens of every language worth more than the next: only the CES form follows."""
    law = truth(np.random.default_rng(6), elasticity=0.5)
    runs = plant(law, np.random.default_rng(7))
    fitted = {form: fit(runs, law=form, draws=0) for form in ("ces", "transfer")}
    few = np.array([0.01] + [0.165] * 6)
    true = law.loss(1e5, 16e5, few)
    errors = {
        form: np.abs(
            list(
                laws.predict(params=1e5, tokens=16e5, shares=dict(zip(NAMES, few, strict=True))).loss.values()
            )
            / true
            - 1
        ).mean()
        for form, laws in fitted.items()
    }
    assert errors["ces"] < 0.01 < errors["transfer"]


def test_a_term_of_all_tokens_is_found_where_it_is_and_harmless_where_not() -> None:
    rng = np.random.default_rng(4)
    uniform = dict.fromkeys(NAMES[:3], 1 / 3)
    errors = {}
    for progress in (0.5, 0.0):
        law = truth(rng, count=3, elasticity=0.6, progress=progress)
        runs = plant(law, rng, noise=0.002)
        true = law.loss(6e5, 6.4e6, np.full(3, 1 / 3))  # twice the largest N, four times the largest D
        for form in ("ces", "progress"):
            shown = fit(runs, law=form, draws=0).predict(params=6e5, tokens=6.4e6, shares=uniform)
            errors[form, progress] = np.abs(np.array(list(shown.loss.values())) / true - 1).mean()
    assert errors["progress", 0.5] < 0.01 < errors["ces", 0.5]
    assert errors["progress", 0.0] < 0.01


@pytest.mark.parametrize("form", FORMS)
def test_partial_derivatives_of_every_form_agree_with_finite_differences(
    form: str, planted_runs: RunTable
) -> None:
    rng = np.random.default_rng(3)
    used = planted_runs.select(planted_runs.shares[:, 2] > 0)
    _, run = np.unique(used.run, return_inverse=True)
    space = Space(
        Problem(
            target="javascript",
            form=form,
            own=2,
            params=used.params / 1e5,
            tokens=used.tokens[:, None] * used.shares / 1e6,
            unique=used.unique / 1e6,
            loss=used.losses[:, 2],
            run=run,
        )
    )
    low, high = (np.clip(b, -1.5, 1.2) for b in (space.lower, space.upper))
    theta = low + (high - low) * rng.uniform(0.2, 0.8, len(low))
    _, jacobian = space.residuals(theta[None])
    for k in range(len(theta)):
        step = 1e-6 * np.eye(len(theta))[k]
        up, down = (space.residuals((theta + sign * step)[None])[0] for sign in (1, -1))
        np.testing.assert_allclose((up - down)[0] / 2e-6, jacobian[0, :, k], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("form", [name for name in FORMS if FORMS[name].convex])
def test_curvature_of_every_convex_form_agrees_with_finite_differences(
    form: str, planted_runs: RunTable
) -> None:
    law = fit(planted_runs, law=form, draws=0).best
    shares = np.random.default_rng(5).dirichlet(np.full(7, 3.0))
    _, gradient, factor, diagonal = law.derivatives(1e5, 1e6, shares)
    hessian = factor[:, :, None] * factor[:, None, :] + diagonal[:, :, None] * np.eye(7)
    assert (diagonal >= 0).all()
    inside = np.eye(7) - 1 / 7  # forms of shares know them on the simplex alone
    for direction in inside:
        up, down = (law.derivatives(1e5, 1e6, shares + s * 1e-6 * direction) for s in (1, -1))
        np.testing.assert_allclose((up[0] - down[0]) / 2e-6, gradient @ direction, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(
            (up[1] - down[1]) @ direction / 2e-6, hessian @ direction @ direction, rtol=1e-3, atol=1e-5
        )


def test_a_form_that_is_not_convex_predicts_and_is_not_minimised(planted_runs: RunTable) -> None:
    laws = fit(planted_runs, law="joint", draws=0)
    shares = dict.fromkeys(NAMES, 1 / 7)
    assert min(laws.predict(params=1e5, tokens=1e6, shares=shares).loss.values()) > 0
    with pytest.raises(InputError, match="not convex"):
        allocate(laws, params=1e5, tokens=1e6)


@pytest.mark.slow
def test_intervals_of_predictions_cover_the_truth_in_about_nine_of_ten_cases() -> None:
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        law = truth(rng)
        laws = fit(plant(law, rng), law="transfer")
        uniform = np.full(7, 1 / 7)
        shown = laws.predict(params=3e5, tokens=16e5, shares=dict(zip(NAMES, uniform, strict=True)))
        true = law.loss(3e5, 16e5, uniform)
        covered += [shown.low[n] <= t <= shown.high[n] for n, t in zip(NAMES, true, strict=True)]
    assert 0.8 <= np.mean(covered) <= 0.97


def answers(runs: RunTable, law: str, *, params: float = 5e5, tokens: float = 4e6) -> dict[str, float]:
    """Losses, their intervals, shares and prices, by name."""
    laws = fit(runs, law=law, draws=8)
    even = dict.fromkeys(runs.languages, 1 / len(runs.languages))
    told = laws.predict(params=params, tokens=tokens, shares=even)
    mix = allocate(laws, params=params, tokens=tokens)
    parts = {"loss": told.loss, "low": told.low, "high": told.high, "share": mix.shares, "price": mix.prices}
    found = {f"{part} of {name}": value for part, by in parts.items() for name, value in by.items()}
    return found | {"gain": 1 + mix.expected_gain.value}


@pytest.mark.parametrize(
    ("law", "params", "tokens"), [("ces", 1e3, 1e9), ("transfer", 1.7, 0.3), ("additive", 1e-6, 7e-9)]
)
def test_no_answer_depends_on_units(law: str, params: float, tokens: float) -> None:
    runs = plant(truth(np.random.default_rng(8), count=3, elasticity=0.6), np.random.default_rng(9))
    here = answers(runs, law)
    there = answers(scaled(runs, params=params, tokens=tokens), law, params=5e5 * params, tokens=4e6 * tokens)
    assert there == pytest.approx(here, rel=1e-9)


def test_no_answer_depends_on_the_order_of_languages_or_rows(planted_runs: RunTable) -> None:
    frame = planted_runs.frame.sample(frac=1, random_state=1)
    other = RunTable.from_frame(frame[frame.columns[::-1]])
    assert answers(other, "transfer") == pytest.approx(answers(planted_runs, "transfer"), rel=1e-9)


def test_a_target_of_many_languages_does_not_depend_on_their_order() -> None:
    """All languages have as many tokens: whichever stands for the target must not be the first column."""
    rng = np.random.default_rng(10)
    shares = np.vstack([np.roll([0.6, 0.3, 0.1], k) for k in range(3)] * 4)
    frame = pd.DataFrame(shares, columns=["share.c", "share.a", "share.b"])
    frame = frame.assign(
        run=[f"r{k}" for k in range(12)],
        params=np.repeat([1e5, 3e5], 6),
        tokens=np.repeat([1e6, 3e6, 1e6, 3e6], 3),
    )
    frame["loss.text"] = 2.0 + frame["share.a"] + rng.uniform(0, 0.1, 12)
    ask = {"params": 1e5, "tokens": 1e6, "shares": {"a": 0.2, "b": 0.3, "c": 0.5}}
    tables = (RunTable.from_frame(f) for f in (frame, frame[frame.columns[::-1]]))
    here, there = (fit(runs, law="transfer", draws=0).predict(**ask).loss["text"] for runs in tables)
    assert there == pytest.approx(here, rel=1e-9)


def test_intervals_hold_the_value_they_are_of(planted_runs: RunTable) -> None:
    """Few draws may all lie on one side of the fit."""
    laws = fit(planted_runs, law="transfer", draws=2)
    told = laws.predict(params=1e5, tokens=1e6, shares=dict.fromkeys(NAMES, 1 / 7))
    assert all(told.low[name] <= loss <= told.high[name] for name, loss in told.loss.items())


def test_derivatives_agree_with_finite_differences(planted_law: Coefficients) -> None:
    rng = np.random.default_rng(5)
    shares, supply = rng.dirichlet(np.ones(7)), rng.uniform(2e4, 1e6, 7)
    _, gradient, factor, diagonal = planted_law.derivatives(1e5, 1e6, shares, supply)
    hessian = factor[:, :, None] * factor[:, None, :]
    hessian += diagonal[:, :, None] * np.eye(7)
    for k in range(7):
        step = 1e-6 * np.eye(7)[k]
        up, down = (planted_law.derivatives(1e5, 1e6, shares + s * step, supply) for s in (1, -1))
        assert (up[0] - down[0]) / 2e-6 == pytest.approx(gradient[:, k], rel=1e-4)
        assert (up[1] - down[1]) / 2e-6 == pytest.approx(hessian[:, k, :], rel=1e-3, abs=1e-6)


def test_the_optimum_is_no_worse_than_that_of_a_general_optimiser() -> None:
    """One language: the objective that langmix reaches against the best of 40 starts of SLSQP."""
    law = truth(np.random.default_rng(4), count=1)
    runs = plant(law, np.random.default_rng(5), noise=0.02)
    delta = 0.01
    laws = fit(runs, law="chinchilla", draws=0, delta=delta)
    log_n, log_d, log_l = (
        np.log(v / r)
        for v, r in zip((runs.params, runs.tokens, runs.losses[:, 0]), (1e5, 1e6, 1.0), strict=True)
    )
    once = ~np.array([str(r).startswith("self") for r in runs.run])

    def objective(predicted: np.ndarray) -> float:
        size = np.abs(np.log(predicted) - log_l)[once]
        return float(np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)).sum())

    def general(t: np.ndarray) -> float:
        return objective(np.exp(t[0]) + np.exp(t[1] - t[2] * log_n) + np.exp(t[3] - t[4] * log_d))

    only_once = RunTable.from_frame(runs.frame[once])
    ours = fit(only_once, law="chinchilla", draws=0, delta=delta)
    reached = objective(
        np.array([ours.best.loss(n, d, np.ones(1))[0] for n, d in zip(runs.params, runs.tokens, strict=True)])
    )
    rng = np.random.default_rng(0)
    bounds = [(-5, 2), (-5, 2), (0.02, 4), (-5, 2), (0.02, 4)]
    rivals = [
        minimize(general, [rng.uniform(*b) for b in bounds], bounds=bounds, method="SLSQP").fun
        for _ in range(40)
    ]
    assert reached <= min(rivals) * 1.001 + 1e-9
    assert laws.form == "chinchilla"


def test_the_better_form_is_chosen_by_held_out_error(planted_runs: RunTable) -> None:
    laws = fit(planted_runs, draws=0)
    assert laws.form != "chinchilla"
    errors = {(e.form, e.split): e.error for e in laws.held_out}
    assert errors["transfer", "new runs"] < errors["chinchilla", "new runs"]


def test_what_the_runs_cannot_tell_is_said(planted_runs: RunTable) -> None:
    """Without runs that mix languages, transfer is the prior's alone."""
    alone = planted_runs.select(planted_runs.shares.max(axis=1) > 0.999)
    laws = fit(alone, law="transfer", draws=0)
    for summary in laws.summaries:
        assert summary.status is not Status.CONVERGED
        assert sum(name.startswith("tau[") for name in summary.unidentified) == 6


def test_too_few_checkpoints_are_refused(planted_runs: RunTable) -> None:
    few = planted_runs.select(np.arange(len(planted_runs)) < 3)
    with pytest.raises(InputError, match="usable checkpoints"):
        fit(few)


def test_laws_read_back_as_they_were_written(tmp_path: Path, planted_fit: Laws) -> None:
    write_laws(planted_fit, tmp_path / "laws.json")
    again = read_laws(tmp_path / "laws.json")
    for name, value in planted_fit.best.values.items():
        assert np.array_equal(again.best.values[name], value)
        # Draws are written with six digits.
        np.testing.assert_allclose(again.draws.values[name], planted_fit.draws.values[name], rtol=1e-5)
    assert (again.reach, again.summaries, again.provenance) == (
        planted_fit.reach,
        planted_fit.summaries,
        planted_fit.provenance,
    )


def test_a_newer_schema_is_refused_with_the_remedy(tmp_path: Path, planted_fit: Laws) -> None:
    path = tmp_path / "laws.json"
    write_laws(planted_fit, path)
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 99'))
    with pytest.raises(InputError, match=r"schema version 99 is newer .* upgrade langmix"):
        read_laws(path)


def test_a_prediction_far_outside_the_runs_carries_a_warning(planted_fit: Laws) -> None:
    shares = dict.fromkeys(NAMES, 1 / 7)
    assert not planted_fit.predict(params=1e5, tokens=1e6, shares=shares).warnings
    far = planted_fit.predict(params=1.5e9, tokens=350e9, shares=shares).warnings
    assert "5,000 times the largest run" in far[0]
    assert len(far) == 2


@pytest.mark.conformance
def test_the_global_optimum_of_the_standard_protocol_is_found(shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "runs" / "chinchilla.csv")
    loss = next(c for c in frame.columns if c.startswith("loss"))
    frame = frame.sort_values(loss).head(240)
    runs = RunTable.from_frame(frame, source="chinchilla.csv")
    laws = fit(runs, law="chinchilla", draws=0, delta=1e-3)
    predicted = np.array(
        [laws.best.loss(n, d, np.ones(1))[0] for n, d in zip(runs.params, runs.tokens, strict=True)]
    )
    size = np.abs(np.log(predicted) - np.log(runs.losses[:, 0]))
    total = np.where(size <= 1e-3, 0.5 * size**2, 1e-3 * (size - 0.5e-3)).sum()
    assert total <= 1.01827402e-3 * (1 + 1e-6)


@pytest.mark.conformance
def test_public_tables_are_fitted(shared_data: Path) -> None:
    from langmix.runs import read_runs

    runs = read_runs(shared_data / "runs" / "overtrain-small.csv")
    assert np.isfinite(fit(runs, draws=20).best.values["E"]).all()


def test_a_run_that_weighs_much_in_a_draw_weighs_much_for_every_target() -> None:
    """Targets with other rows and parameters share the draw of each run, and its mean and variance hold."""
    run = np.repeat(np.arange(30), 2)
    first = run_weights(run, 5.0, 4000, seed=3)
    second = run_weights(run[10:], 9.5, 4000, seed=3)  # lacks five runs
    shared = [np.corrcoef(first[:, 10 + k], second[:, k])[0, 1] for k in range(0, 50, 2)]
    assert min(shared) > 0.99
    assert first.mean() == pytest.approx(1.0, abs=0.01)
    assert first.var() == pytest.approx(30 / 29 * 59 / 55, rel=0.05)


def test_the_noise_is_the_planted_one_whatever_the_threshold(planted_law: Coefficients) -> None:
    runs = plant(planted_law, np.random.default_rng(5), noise=0.02)
    for delta in (None, 1e-3):
        noise = np.mean([s.noise for s in fit(runs, law="transfer", draws=0, delta=delta).summaries])
        assert noise == pytest.approx(0.02, rel=0.15)


def test_repetition_that_no_run_shows_is_uncertain_and_said_to_be(planted_law: Coefficients) -> None:
    runs = plant(planted_law, np.random.default_rng(6))
    fresh = RunTable.from_frame(runs.frame[~runs.frame["run"].str.startswith("self")])
    laws = fit(fresh, law="transfer", draws=100)
    table = laws.exponents()
    assert (table["R_low"] < 8).all()
    assert (table["R_high"] > 30).all()
    assert all("R" in s.unidentified for s in laws.summaries)
    shown = laws.predict(params=1e5, tokens=16e5, shares={"python": 1.0}, available={"python": 4e4})
    assert any("more passes over the same tokens than in any run" in w for w in shown.warnings)
    assert shown.high["python"] - shown.low["python"] > 0.02 * shown.loss["python"]


def test_a_single_run_has_intervals_of_its_scatter() -> None:
    rng, tokens = np.random.default_rng(0), np.geomspace(1e5, 1e7, 12)
    loss = (1.0 + 2.0 * (tokens / 1e6) ** -0.4) * np.exp(0.005 * rng.standard_normal(12))
    frame = pd.DataFrame({"run": "only", "params": 1e5, "tokens": tokens, "share.go": 1.0, "loss.go": loss})
    laws = fit(RunTable.from_frame(frame), law="chinchilla")
    row = laws.exponents().iloc[0]
    assert row["beta_high"] - row["beta_low"] > 0.01
    assert np.isnan(row["alpha"])  # one size
    assert laws.summaries[0].runs == 1
    elsewhere = laws.predict(params=1e6, tokens=1e6, shares={"go": 1.0})
    assert any("all runs have 100k parameters" in w for w in elsewhere.warnings)


def test_without_draws_there_are_no_intervals(planted_runs: RunTable) -> None:
    laws = fit(planted_runs, law="transfer", draws=0)
    shown = laws.predict(params=1e5, tokens=1e6, shares=dict.fromkeys(NAMES, 1 / 7))
    assert all(np.isnan(list(side.values())).all() for side in (shown.low, shown.high))
    assert laws.exponents()["alpha_low"].isna().all()


def test_tokens_available_must_be_numbers(planted_fit: Laws) -> None:
    with pytest.raises(InputError, match="available: go has nan tokens"):
        planted_fit.predict(params=1e5, tokens=1e6, shares={"go": 1.0}, available={"go": np.nan})


def test_a_law_without_repetition_says_that_it_ignores_it(planted_runs: RunTable) -> None:
    laws = fit(planted_runs, law="additive", draws=0)
    shown = laws.predict(params=1e5, tokens=1e6, shares={"go": 1.0}, available={"go": 1e4})
    assert any("knows no repetition" in w for w in shown.warnings)
