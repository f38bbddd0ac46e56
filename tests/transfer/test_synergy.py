from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.runs import RunTable
from langmix.transfer import seed_noise, synergy
from planted import NAMES


def table(noise: float, *, seeds: int = 3, gain: float = 0.04) -> RunTable:
    """Planted arms: every pair lowers the loss by ``gain`` against self-repetition."""
    rng = np.random.default_rng(0)
    names, rows = NAMES[:3], []

    def add(
        run: str, shares: dict[str, float], tokens: float, unique: dict[str, float], loss: float, seed: int
    ) -> None:
        rows.append(
            {"run": f"{run}-s{seed}", "params": 1e5, "tokens": tokens, "seed": seed}
            | {f"share.{n}": shares.get(n, 0.0) for n in names}
            | {f"unique.{n}": unique.get(n, 1e9) for n in names}
            | {f"loss.{n}": loss * np.exp(noise * rng.standard_normal()) for n in names}
        )

    for seed in range(seeds):
        for n in names:
            add(f"self-{n}", {n: 1.0}, 1e5, {n: 1e5}, 4.2, seed)
            add(f"self-{n}", {n: 1.0}, 2e5, {n: 1e5}, 4.0, seed)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            pair = {names[i]: 0.5, names[j]: 0.5}
            add(f"pair-{i}{j}", pair, 2e5, dict.fromkeys(pair, 1e5), 4.0 * (1 - gain), seed)
    return RunTable.from_frame(pd.DataFrame(rows))


def test_planted_effects_are_recovered_and_taken_apart() -> None:
    (found,) = synergy(table(0.0005))
    off = ~np.eye(3, dtype=bool)
    assert found.gain[off] == pytest.approx(0.04, abs=0.002)
    assert found.second_pass == pytest.approx(1 - 4.0 / 4.2, abs=0.002)
    assert found.teaching[off] == pytest.approx(1 - 4.0 * 0.96 / 4.2, abs=0.002)
    assert found.resolved[off].all()


def test_the_noise_floor_is_the_planted_one() -> None:
    noise, freedom = seed_noise(table(0.02, seeds=12))
    assert noise == pytest.approx([0.02] * 3, rel=0.2)
    assert (freedom == 4 * 11).all()  # alone, twice, two pairs: a pair without a language tells it nothing


def test_cells_that_noise_explains_are_unresolved() -> None:
    (found,) = synergy(table(0.05, gain=0.0))
    assert not found.resolved[~np.eye(3, dtype=bool)].any()


def test_without_repeated_seeds_nothing_is_resolved() -> None:
    (found,) = synergy(table(0.0005, seeds=1))
    assert (found.degrees_of_freedom == 0).all()
    assert not found.resolved[~np.eye(3, dtype=bool)].any()


def test_a_table_without_pairs_says_what_is_needed(planted_runs: RunTable) -> None:
    alone = planted_runs.select(planted_runs.shares.max(axis=1) > 0.999)
    with pytest.raises(InputError, match="a run of two languages in equal parts"):
        synergy(alone)


def test_checkpoints_of_one_run_are_no_repeated_seeds() -> None:
    """A second checkpoint within 1% of the tokens repeats the run's noise and tells nothing of it."""
    runs = table(0.01, seeds=1, gain=0.0)
    again = runs.frame.assign(tokens=runs.frame["tokens"] * 1.003)
    noise, freedom = seed_noise(RunTable.from_frame(pd.concat([runs.frame, again])))
    assert (freedom == 0).all()
    assert np.isnan(noise).all()


def test_another_organisation_is_no_repeated_seed() -> None:
    frame = table(0.01, seeds=2).frame
    other = frame["seed"] == 1
    frame = frame.assign(organisation=np.where(other, "paired", "shuffled"))
    assert (seed_noise(RunTable.from_frame(frame))[1] == 0).all()


def test_every_target_has_its_own_degrees_of_freedom() -> None:
    runs = table(0.02, seeds=12)
    frame = runs.frame.copy()
    frame.loc[frame["seed"] > 1, f"loss.{NAMES[0]}"] = np.nan
    _, freedom = seed_noise(RunTable.from_frame(frame))
    assert freedom.tolist() == [4, 44, 44]
