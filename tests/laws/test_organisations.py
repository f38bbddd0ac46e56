"""Organisation as a factor: recovery of planted laws and effects, and what is wrong told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.laws import fit_organisations, write_laws
from langmix.runs import RunTable, by_organisation, direction_groups, with_groups
from langmix.transfer import organisation_effects, translation
from organised import BUDGETS, DIRECTIONS, FLOOR, SEEN, SIZES, apart, factor, planted, with_parts


def test_groups_are_means_of_their_directions() -> None:
    runs = planted(factor)
    groups = direction_groups(runs, SEEN)
    assert groups == {"alone": ("java",), "seen": SEEN, "unseen": DIRECTIONS[2:]}
    table = with_groups(runs, groups)
    assert table.targets == (*runs.targets, "alone", "seen", "unseen")
    of = dict(zip(table.targets, table.losses.T, strict=True))
    np.testing.assert_allclose(of["seen"], (of["python>java"] + of["java>python"]) / 2)


def test_planted_levels_and_exponents_are_recovered() -> None:
    found = fit_organisations(planted(factor, noise=0.002), seen=SEEN, draws=60)
    assert found.laws.form == "factor"
    table = found.coefficients().set_index(["target", "organisation"])
    for organisation in FLOOR:
        seen, unseen = table.loc[("seen", organisation)], table.loc[("unseen", organisation)]
        assert seen["alpha"] == pytest.approx(0.35, abs=0.08)
        assert seen["beta"] == pytest.approx(0.6, abs=0.05)
        assert seen["E_low"] - 0.05 < FLOOR[organisation] < seen["E_high"] + 0.05
        assert unseen["E"] == pytest.approx(FLOOR["shuffled"], abs=0.08)
    at = found.losses(params=1.4e6, tokens=16e6).set_index(["target", "organisation"])
    for organisation in FLOOR:
        for target in ("seen", "unseen"):
            first = (SEEN if target == "seen" else DIRECTIONS[2:])[0]
            truth = factor(organisation, first, 1.4e6, 16e6)
            assert at.loc[(target, organisation), "loss"] == pytest.approx(truth, rel=0.01)


def test_exponents_of_each_organisation_are_told_by_held_out_error() -> None:
    found = fit_organisations(planted(apart, noise=0.002), seen=SEEN, draws=20)
    assert found.laws.form == "apart"
    error = {(e.form, e.split): e.error for e in found.held_out}
    for split in {split for _, split in error}:
        assert error["apart", split] < error["factor", split] < error["common", split]
    table = found.coefficients().set_index(["target", "organisation"])
    assert table.loc[("seen", "paired"), "beta"] == pytest.approx(0.9, abs=0.06)
    assert table.loc[("seen", "shuffled"), "beta"] == pytest.approx(0.3, abs=0.06)


def test_the_fit_does_not_depend_on_units_nor_on_the_order_of_rows() -> None:
    runs = planted(factor, noise=0.01)
    moved = runs.frame.assign(params=runs.params / 1e9, tokens=runs.tokens / 1e9).sample(
        frac=1, random_state=1
    )
    ours = fit_organisations(runs, seen=SEEN, draws=0)
    theirs = fit_organisations(RunTable.from_frame(moved, source="moved"), seen=SEEN, draws=0)
    a = ours.losses(params=1e6, tokens=1e7).set_index(["target", "organisation"])["loss"]
    b = theirs.losses(params=1e-3, tokens=1e-2).set_index(["target", "organisation"])["loss"]
    assert b.loc[a.index].to_numpy() == pytest.approx(a.to_numpy(), rel=1e-5)


def test_effects_are_measured_with_the_noise_of_seeds() -> None:
    """Of 90% intervals some 90% hold the planted effect, and none that is not there is called resolved."""
    runs = planted(factor, noise=0.01, seeds=3)
    effects = organisation_effects(runs, seen=SEEN)
    assert {(e.organisation, e.params, e.tokens) for e in effects} == {
        (o, n, d) for o in ("paired", "paired-prompt") for n in SIZES for d in BUDGETS
    }
    held, found = [], []
    for e in effects:
        assert e.runs == (3, 3)
        for target, change, low, high, told in zip(
            e.targets, e.change, e.low, e.high, e.resolved, strict=True
        ):
            first = {"seen": SEEN[0], "unseen": DIRECTIONS[2], "alone": "java"}.get(target, target)
            ours, base = (factor(o, first, e.params, e.tokens) for o in (e.organisation, "shuffled"))
            truth = ours / base - 1
            assert low < change < high
            held.append(low <= truth <= high)
            found.append((truth != 0, bool(told)))
    assert 0.82 < np.mean(held) < 0.97
    assert np.mean([told for real, told in found if real]) > 0.9
    assert np.mean([told for real, told in found if not real]) < 0.1


def test_another_baseline_turns_the_effect_round() -> None:
    runs = planted(factor)
    forth = next(e for e in organisation_effects(runs, seen=SEEN) if e.organisation == "paired")
    back = next(
        e for e in organisation_effects(runs, seen=SEEN, baseline="paired") if e.organisation == "shuffled"
    )
    np.testing.assert_allclose((1 + forth.change) * (1 + back.change), 1)


def test_sizes_and_tokens_that_differ_by_rounding_are_the_same() -> None:
    runs = planted(factor)
    rounded = np.where(runs.frame["organisation"] == "shuffled", 1.01, 1)
    other = RunTable.from_frame(runs.frame.assign(tokens=runs.tokens * rounded), source="other")
    ours, theirs = (organisation_effects(each, seen=SEEN) for each in (runs, other))
    assert [e.change.tolist() for e in ours] == [e.change.tolist() for e in theirs]


def test_a_second_pass_is_not_taken_for_another_seed() -> None:
    """Planted: runs that repeat their data are worse by a tenth. They are another question's."""
    runs = planted(factor, noise=0.002)
    again = runs.frame.assign(
        run=[f"{name}-again" for name in runs.run],
        **{f"unique.{name}": runs.tokens / 2 for name in FLOOR},
        **{f"loss.{t}": runs.frame[f"loss.{t}"] * 1.1 for t in runs.targets},
    )
    again = again[again["organisation"] == "shuffled"]
    both = RunTable.from_frame(pd.concat([runs.frame, again]), source="both")
    for ours, theirs in zip(
        organisation_effects(runs, seen=SEEN), organisation_effects(both, seen=SEEN), strict=True
    ):
        np.testing.assert_array_equal(ours.change, theirs.change)


def test_branches_of_one_trunk_are_one_run_for_the_noise() -> None:
    """Their errors are the same here: intervals from each as a run of its own would be too narrow."""
    held = []
    for draw in range(40):
        rng = np.random.default_rng(draw)
        runs = planted(factor, seeds=2)
        error = {name: math.exp(0.01 * rng.standard_normal()) for name in sorted(set(runs.run))}
        scale = np.array([error[name] for name in runs.run])
        noisy = runs.frame.assign(**{f"loss.{t}": runs.frame[f"loss.{t}"] * scale for t in runs.targets})
        table = RunTable.from_frame(noisy, source="noisy")
        effects = organisation_effects(table, seen=SEEN)
        held += [bool(e.low[0] <= 0 <= e.high[0]) for e in effects if e.tokens == BUDGETS[0]]
    assert 0.84 < np.mean(held) < 0.96


def test_what_one_size_or_one_budget_cannot_tell_is_not_told() -> None:
    runs = planted(factor, noise=0.002, seeds=3)
    size = runs.select(runs.params == SIZES[0])
    table = fit_organisations(size, seen=SEEN, draws=5).coefficients()
    assert table[["alpha", "alpha_low", "A"]].isna().all(axis=None)
    assert table[["beta", "E"]].notna().all(axis=None)
    budget = runs.select(runs.tokens == BUDGETS[0])
    table = fit_organisations(budget, seen=SEEN, draws=5).coefficients()
    assert table[["beta", "B"]].isna().all(axis=None)
    assert table["alpha"].notna().all()


def test_the_figure_is_of_a_scale_that_all_organisations_have() -> None:
    runs = planted(factor, seeds=2)
    small = (runs.frame["organisation"] != "paired-prompt") | (runs.params <= SIZES[1])
    found = translation(runs.select(small.to_numpy()), seen=SEEN, draws=0)
    assert {(e.organisation, e.params) for e in found.largest} == {
        ("paired", SIZES[1]),
        ("paired-prompt", SIZES[1]),
    }


def test_laws_of_organisations_are_not_written_where_nothing_reads_them(tmp_path: Path) -> None:
    laws = fit_organisations(planted(factor), seen=SEEN, draws=0).laws
    with pytest.raises(InputError, match="laws of the form 'factor'"):
        write_laws(laws, tmp_path / "laws.json")
    assert not (tmp_path / "laws.json").exists()


def test_runs_of_mixed_organisation_are_left_out() -> None:
    runs = planted(factor)
    assert len(by_organisation(with_parts(runs))) == len(runs)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="organisation"), "has no column 'organisation'"),
        (lambda f: f.assign(organisation="paired"), "all runs are organised as paired"),
        (lambda f: f.drop(columns=[f"loss.{d}" for d in DIRECTIONS]), "no target is a direction"),
        (
            lambda f: f.assign(tokenizer=f["organisation"]),
            "the runs have the tokenizers paired, paired-prompt",
        ),
        (lambda f: f.drop(columns="loss.python>java"), "direction 'python>java'.* has no column"),
    ],
)
def test_what_is_wrong_is_told(change: Callable[[pd.DataFrame], pd.DataFrame], told: str) -> None:
    runs = RunTable.from_frame(change(planted(factor).frame), source="runs.csv")
    with pytest.raises(InputError, match=told):
        fit_organisations(runs, seen=SEEN, draws=0)
    with pytest.raises(InputError, match=told):
        organisation_effects(runs, seen=SEEN)


def test_too_few_losses_under_an_organisation_are_told() -> None:
    runs = planted(factor, seeds=1)
    blank = runs.frame["loss.java>go"].where(
        (runs.frame["organisation"] != "paired") | (runs.params == SIZES[0])
    )
    few = RunTable.from_frame(runs.frame.assign(**{"loss.java>go": blank}), source="few")
    with pytest.raises(InputError, match=r"'paired' has 4 checkpoints with a loss of 'java>go'.* needs 6"):
        fit_organisations(few, seen=SEEN, draws=0)


def test_nothing_to_compare_and_an_unknown_baseline_are_told() -> None:
    runs = planted(factor)
    with pytest.raises(InputError, match="organisation 'woven'"):
        organisation_effects(runs, seen=SEEN, baseline="woven")
    factor_of_size = np.where(runs.frame["organisation"] == "shuffled", 1.1, 1)
    other = RunTable.from_frame(runs.frame.assign(params=runs.params * factor_of_size), source="other")
    with pytest.raises(InputError, match="differ in nothing else"):
        organisation_effects(other, seen=SEEN)
