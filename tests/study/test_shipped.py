from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from langmix.runs import read_runs
from langmix.transfer import organisation_effects


def test_the_shipped_run_table_is_that_of_the_study_of_seven_languages() -> None:
    study = Path(__file__).parents[2] / "studies" / "seven-languages" / "runs.csv"
    if not study.exists():
        pytest.skip("the studies are not beside the package")
    assert resources.files("langmix.data").joinpath("seven-languages.csv").read_bytes() == study.read_bytes()


def test_the_effects_in_the_readme_of_parallel_pairing_are_those_of_its_run_table() -> None:
    study = Path(__file__).parents[2] / "studies" / "parallel-pairing"
    if not study.exists():
        pytest.skip("the studies are not beside the package")
    runs = read_runs(study / "runs.csv")
    seen = [target for target in runs.targets if ">" in target and "python" in target]
    sizes = {51: 50_928, 133: 132_544, 332: 332_448}
    found = {
        (each.organisation, each.params): each
        for each in organisation_effects(runs, seen=seen)
        if each.tokens == runs.tokens.max()
    }
    rows = re.findall(r"^\| (paired\S*) \| (\d+)k \| (.*) \|$", (study / "README.md").read_text(), re.M)
    assert len(rows) == 6
    for organisation, size, cells in rows:
        each = found[organisation, sizes[int(size)]]
        for group, cell in zip(("alone", "seen", "unseen"), cells.split(" | "), strict=True):
            i = each.targets.index(group)
            told = [float(number) for number in re.findall(r"-?\d+\.\d", cell)]
            assert told == pytest.approx(
                [100 * each.change[i], 100 * each.low[i], 100 * each.high[i]], abs=0.051
            )
