from __future__ import annotations

import pytest

from langmix.design import COOLDOWN, PlannedRun, grid, mixtures, pairs, repeats, separate_tokens
from langmix.errors import InputError

LANGUAGES = ["python", "go", "rust"]


def test_the_grid_has_a_trunk_per_language_and_size() -> None:
    runs = grid(LANGUAGES, sizes=["25k", "100k"], budgets=[100, 200, 400])
    assert len(runs) == 6
    assert all(run.budgets == (100, 200, 400) and list(run.shares.values()) == [1.0] for run in runs)


def test_a_trunk_with_branches_costs_less_than_separate_runs() -> None:
    (run,) = grid(["go"], sizes=["25k"], budgets=[100, 200, 400, 800])
    assert run.trained_tokens == round((1 - COOLDOWN) * 800 + COOLDOWN * 1500) <= 0.6 * 1500
    assert separate_tokens([run]) == 1500


def test_every_pair_comes_with_the_arms_that_it_is_compared_with() -> None:
    runs = {run.run: run for run in pairs([("go", "rust"), ("python", "go")], size="25k", tokens_each=100)}
    assert sorted(runs) == [
        "pair-go+python-25k-s0",
        "pair-go+rust-25k-s0",
        "self-go-25k-s0",
        "self-python-25k-s0",
        "self-rust-25k-s0",
    ]
    assert runs["self-go-25k-s0"].budgets == (100, 200)
    assert runs["self-go-25k-s0"].unique == {"go": 100}
    assert runs["pair-go+rust-25k-s0"].shares == {"go": 0.5, "rust": 0.5}


def test_mixtures_are_the_same_for_the_same_seed_and_differ_between_sizes() -> None:
    first, again, other = (
        mixtures(LANGUAGES, count=5, size=size, budgets=[100], seed=1) for size in ("25k", "25k", "100k")
    )
    assert first == again
    assert [run.shares for run in first[1:]] != [run.shares for run in other[1:]]
    for run in first:
        assert sum(run.shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert first[0].shares == dict.fromkeys(LANGUAGES, 1 / 3)


def test_repeats_differ_by_seed_alone() -> None:
    (run,) = grid(["go"], sizes=["25k"], budgets=[100])
    (again,) = repeats([run], [7])
    assert (again.run, again.seed, again.shares) == ("grid-go-25k-s7", 7, run.shares)


def test_a_wrong_plan_is_refused() -> None:
    with pytest.raises(InputError, match="budgets"):
        PlannedRun(run="r", arm="grid", size="25k", budgets=(200, 100), shares={"go": 1.0})
    with pytest.raises(InputError, match="sum to 1"):
        PlannedRun(run="r", arm="grid", size="25k", budgets=(100,), shares={"go": 0.5})
