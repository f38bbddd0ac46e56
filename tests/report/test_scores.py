"""What the trained models can do, on the page: gains over uniform, and pass@1."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from langmix.allocate import allocate
from langmix.laws import Laws
from langmix.report import build_report
from langmix.report._evaluation import gains_figure, pass_rows
from langmix.report._palette import PAPER
from langmix.runs import RunTable

COLUMNS = ["measure", "arm", "against", "seed", "language", "value", "low", "high", "count"]
SCORES = pd.DataFrame(
    [
        ("bleu", "uniform", None, 0, "python", 3.0, 2.0, 4.0, 9),
        ("loss gain", "recommended", "uniform", None, "python", 0.02, 0.01, 0.03, 9),
        ("loss gain", "recommended", "uniform", None, "objective: all alike", -0.01, -0.03, 0.01, 9),
        ("bleu gain", "recommended", "uniform", None, "python", 0.5, -0.5, 1.5, 9),
        ("bleu gain", "recommended", "uniform", None, "objective: all alike", 0.1, -0.2, 0.4, 9),
        ("pass@1", "uniform", None, None, "python", 0.0, 0.0, 0.02, 158),
        ("ended: passed", "uniform", None, None, "python", 0.0, None, None, 158),
        ("ended: compile error", "uniform", None, None, "python", 150.0, None, None, 158),
        ("ended: crash", "uniform", None, None, "python", 8.0, None, None, 158),
        ("ended: crash", "recommended", None, None, "python", 158.0, None, None, 158),
    ],
    columns=COLUMNS,
)


def test_the_figure_has_every_gain_and_nothing_else() -> None:
    drawing = gains_figure(SCORES)
    assert drawing is not None
    assert len(drawing.data) == 4
    assert drawing.data.value.tolist() == [0.02, -0.01, 0.5, 0.1]
    left, right = drawing.figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["Python", "all alike"]
    marks = {
        (axis.get_title(), line.get_mfc() == PAPER): list(line.get_xdata())
        for axis in (left, right)
        for line in axis.lines
        if line.get_marker() != "None"
    }
    assert marks == {
        ("loss", False): [2.0],  # percent, told from 0
        ("loss", True): [-1.0],
        ("BLEU of continuations", False): [],
        ("BLEU of continuations", True): [0.5, 0.1],
    }
    assert gains_figure(SCORES[SCORES.measure == "bleu"]) is None


def test_rows_of_pass_at_1_tell_how_programs_ended() -> None:
    (row,) = pass_rows(SCORES)
    assert (row["arm"], row["value"], row["high"], row["problems"]) == ("uniform", 0.0, 0.02, 158)
    assert row["ended"] == "150 compile error, 8 crash"


def test_the_page_shows_both(planted_runs: RunTable, planted_fit: Laws, tmp_path: Path) -> None:
    answer = allocate(planted_fit, params=1e6, tokens=1e7)
    page = build_report(planted_runs, planted_fit, [answer], [], tmp_path, title="A test", scores=SCORES)
    text = page.read_text()
    assert "What the trained models can do" in text
    assert "150 compile error, 8 crash" in text
    assert (tmp_path / "figures" / "evaluation.csv").exists()
