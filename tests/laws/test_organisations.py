"""Organisation as a factor: recovery of planted laws and effects, and what is wrong told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.laws import fit_organisations
from langmix.runs import RunTable, by_organisation, direction_groups, with_groups
from langmix.transfer import organisation_effects
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


def test_runs_of_mixed_organisation_are_left_out() -> None:
    runs = planted(factor)
    assert len(by_organisation(with_parts(runs))) == len(runs)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="organisation"), "has no column 'organisation'"),
        (lambda f: f.assign(organisation="paired"), "all runs are organised as paired"),
        (lambda f: f.drop(columns=[f"loss.{d}" for d in DIRECTIONS]), "no target is a direction"),
        (lambda f: f.drop(columns="loss.python>java"), "direction 'python>java'.* has no column"),
    ],
)
def test_what_is_wrong_is_told(change: Callable[[pd.DataFrame], pd.DataFrame], told: str) -> None:
    runs = RunTable.from_frame(change(planted(factor).frame), source="runs.csv")
    with pytest.raises(InputError, match=told):
        fit_organisations(runs, seen=SEEN, draws=0)
    with pytest.raises(InputError, match=told):
        organisation_effects(runs, seen=SEEN)


def test_nothing_to_compare_and_an_unknown_baseline_are_told() -> None:
    runs = planted(factor)
    with pytest.raises(InputError, match="organisation 'woven'"):
        organisation_effects(runs, seen=SEEN, baseline="woven")
    factor_of_size = np.where(runs.frame["organisation"] == "shuffled", 1.01, 1)
    other = RunTable.from_frame(runs.frame.assign(params=runs.params * factor_of_size), source="other")
    with pytest.raises(InputError, match="differ in nothing else"):
        organisation_effects(other, seen=SEEN)
