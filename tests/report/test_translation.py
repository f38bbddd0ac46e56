"""The page and the command on a planted table of organisations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from langmix.runs import RunTable
from organised import BUDGETS, DIRECTIONS, SEEN, SIZES, factor, planted, with_parts
from terminal import langmix


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translation")
    with_parts(planted(factor, noise=0.004, seeds=3)).write(folder / "runs.csv")
    return folder


@pytest.fixture(scope="module")
def figures(folder: Path) -> Path:
    outcome = langmix(
        *("report", "runs.csv", "--direction", SEEN[0], "--direction", SEEN[1], "--out", "report"),
        *("--params", "1M", "--tokens", "10M"),
        cwd=folder,
    )
    assert outcome.returncode == 0, outcome.stderr
    return folder / "report" / "figures"


def test_the_page_shows_groups_directions_curves_and_parts(folder: Path, figures: Path) -> None:
    text = (folder / "report" / "index.html").read_text()
    for name in ("groups", "directions", "curves", "part-paired"):
        for suffix in (".svg", ".png", ".csv"):
            assert (figures / f"translation-{name}{suffix}").is_file()
        assert f'href="figures/translation-{name}.csv"' in text
    assert "Translation, by how the data are organised" in text
    section = text[text.index('id="translation"') : text.index('id="unknown"')]
    assert "not told from noise" in section
    assert "factor (taken)" in text


def test_figures_hold_what_was_planted(figures: Path) -> None:
    bars = pd.read_csv(figures / "translation-groups.csv").set_index(["group", "organisation"])
    base = factor("shuffled", SEEN[0], SIZES[-1], BUDGETS[-1])
    for organisation in ("paired", "paired-prompt"):
        truth = factor(organisation, SEEN[0], SIZES[-1], BUDGETS[-1]) / base - 1
        assert bars.loc[("seen", organisation), "change"] == pytest.approx(truth, abs=0.01)
        assert bars.loc[("seen", organisation), "resolved"]
        assert abs(bars.loc[("unseen", organisation), "change"]) < 0.01
    every = pd.read_csv(figures / "translation-directions.csv")
    assert set(DIRECTIONS) < set(every["target"])
    assert len(every.drop_duplicates(["organisation", "params", "tokens"])) == 2 * len(SIZES) * len(BUDGETS)
    parts = pd.read_csv(figures / "translation-part-paired.csv")
    seen = parts[(parts["group"] == "seen") & (parts["organisation"] == "paired")]
    assert set(seen["part"]) == {0, 0.25, 0.5, 0.75, 1}


def test_every_size_is_in_the_figure_of_curves(tmp_path: Path) -> None:
    """Also the seventh."""
    runs = planted(factor)
    tables = [runs.frame.assign(params=runs.params * k, run=[f"{n}-{k}" for n in runs.run]) for k in (1, 100)]
    RunTable.from_frame(pd.concat(tables), source="seven").write(tmp_path / "runs.csv")
    outcome = langmix("report", "runs.csv", "--pivot", "python", "--out", "report", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    curves = pd.read_csv(tmp_path / "report" / "figures" / "translation-curves.csv")
    assert curves["params"].nunique() == 2 * len(SIZES)


def test_one_seed_says_that_the_noise_is_unknown(tmp_path: Path) -> None:
    planted(factor, seeds=1).write(tmp_path / "runs.csv")
    outcome = langmix("translation", "runs.csv", "--pivot", "python", "--draws", "0", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "no run was repeated under another seed" in outcome.stdout
    assert "not told from the noise" not in outcome.stdout


def test_what_cannot_be_compared_costs_no_page(tmp_path: Path) -> None:
    runs = planted(factor, seeds=1)
    apart = runs.frame.assign(params=runs.params * np.where(runs.frame["organisation"] == "shuffled", 3, 1))
    RunTable.from_frame(apart, source="apart").write(tmp_path / "runs.csv")
    outcome = langmix("report", "runs.csv", "--pivot", "python", "--out", "report", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "Organisations of the data could not be compared" in (tmp_path / "report/index.html").read_text()


def test_the_answer_is_how_much_of_the_tokens_to_pair(folder: Path, figures: Path) -> None:
    """Pairs help what was planted to need them, and cost nothing: all tokens are paired, with a prompt."""
    shares = pd.read_csv(figures / "allocation-1.csv").set_index("organisation")
    assert shares.loc["paired-prompt", "share"] > 0.9
    assert shares.loc["shuffled", "price_uniform"] < shares.loc["paired-prompt", "price_uniform"]


def test_the_command_tells_effects_laws_and_rivals(folder: Path) -> None:
    named = ("--direction", SEEN[0], "--direction", SEEN[1])
    outcome = langmix("translation", "runs.csv", *named, "--draws", "20", "--json", cwd=folder)
    assert outcome.returncode == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert told["seen"] == list(SEEN)
    assert told["law"] == "factor"
    assert {each["form"] for each in told["held_out"]} == {"common", "factor", "apart"}
    (one,) = (
        each
        for each in told["effects"]
        if (each["target"], each["organisation"], each["params"], each["tokens"])
        == ("python>java", "paired", SIZES[0], BUDGETS[0])
    )
    truth = factor("paired", SEEN[0], SIZES[0], BUDGETS[0]) / factor(
        "shuffled", SEEN[0], SIZES[0], BUDGETS[0]
    )
    assert one["low"] - 0.01 < truth - 1 < one["high"] + 0.01
    outcome = langmix(
        "translation", "runs.csv", "--pivot", "none", "--draws", "0", "--out", "e.csv", cwd=folder
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "paired-prompt" in outcome.stdout
    assert "unseen" not in outcome.stdout.split("alone: without a source")[0]  # with no pivot all are seen
    assert set(pd.read_csv(folder / "e.csv")["organisation"]) == {"paired", "paired-prompt"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pivot", "rust"], "pivot 'rust': is none of the languages; expected one of python, java, go"),
        (["--direction", "java>rust"], "direction 'java>rust': the languages are python, java, go"),
        (["--direction", "java"], "direction 'java': expected SOURCE>TARGET"),
        (["--pivot", "none", "--baseline", "woven"], "organisation 'woven'"),
        ([], "give --pivot python, or each by --direction"),
        (["--direction", "python>java", "--direction", "python>go"], "no column loss.python>go"),
    ],
)
def test_wrong_options_are_told(folder: Path, arguments: list[str], told: str) -> None:
    outcome = langmix("translation", "runs.csv", *arguments, cwd=folder)
    assert outcome.returncode == 2
    assert told in outcome.stderr.replace("\n", " ")
