"""The verb report: whose answers it shows, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from html_page import Page
from langmix.allocate import allocate, read_mixture, write_mixture
from langmix.corpus.pairing import Organisation
from langmix.languages import ORGANISATIONS, kind_of
from langmix.laws import Laws, write_laws
from langmix.runs import RunTable
from terminal import langmix


@pytest.fixture
def folder(tmp_path: Path, planted_runs: RunTable, planted_fit: Laws) -> Path:
    planted_runs.write(tmp_path / "runs.csv")
    write_laws(planted_fit, tmp_path / "laws.json")
    mix = allocate(
        planted_fit, params=3e6, tokens=2e7, floors={"go": 0.3}, mixtures={"mine": {"python": 0.5, "go": 0.5}}
    )
    write_mixture(mix, tmp_path / "mixture.json")
    return tmp_path


def test_an_answer_that_was_solved_for_is_shown_with_its_limits_and_mixtures(folder: Path) -> None:
    outcome = langmix("report", "runs.csv", "--laws", "laws.json", "--mixture", "mixture.json", cwd=folder)
    assert outcome.returncode == 0, outcome.stderr
    page = Page((folder / "report" / "index.html").read_text())
    (table,) = (rows for name, rows in page.tables if name.startswith("Allocation for"))
    row = dict(zip(table[0], next(row for row in table if row[0] == "Go"), strict=True))
    assert row["share"] == "30.0%"
    assert row["mine tokens"] == "10M"
    assert read_mixture(folder / "mixture.json").asked == {
        "baseline": "uniform",
        "floors": {"go": 0.3},
        "mixtures": {"mine": {"python": 0.5, "go": 0.5}},
    }
    # What the command adds to the library's page: held-out runs, and runs to buy.
    assert "on runs that the fit did not see" in page.text
    assert "Which runs to buy next" in dict(page.tables)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--mixture", "mixture.json", "--params", "1M", "--tokens", "1M"],
            "--params: --mixture shows answers",
        ),
        (["--mixture", "mixture.json", "--current", "mine.json"], "--current: --mixture shows answers"),
        (["--mixture", "absent.json"], "absent.json: there is no such file"),
        (["--current", "mine.json"], "--current mine.json: .*cobol"),
        (["--laws", "newer.json"], "newer.json: schema version 99 is newer than this langmix reads"),
        (["--mixture", "newer-mixture.json"], "newer-mixture.json: schema version 99 is newer"),
    ],
)
def test_bad_input_costs_one_message_and_no_page(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "mine.json").write_text('{"cobol": 1.0}')
    for name in ("laws", "mixture"):
        content = json.loads((folder / f"{name}.json").read_text())
        newer = "newer.json" if name == "laws" else "newer-mixture.json"
        (folder / newer).write_text(json.dumps({**content, "schema_version": 99}))
    laws = [] if "--laws" in arguments else ["--laws", "laws.json"]
    outcome = langmix("report", "runs.csv", *laws, *arguments, cwd=folder)
    assert outcome.returncode == 2
    assert outcome.stderr.count("error:") == 1
    assert re.search(message, outcome.stderr)
    assert not (folder / "report").exists()


def test_parts_of_a_mixture_are_called_what_they_are() -> None:
    assert set(get_args(Organisation)) == set(ORGANISATIONS)
    assert kind_of(["shuffled", "paired"]) == "organisation"
    assert kind_of(["python", "paired"]) == "language"
