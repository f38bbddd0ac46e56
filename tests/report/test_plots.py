"""Figures from Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

import langmix as lm
from langmix.laws import Laws
from langmix.runs import RunTable
from planted import plant, truth


def test_laws_mixtures_and_synergies_have_the_figures_of_the_page(
    planted_runs: RunTable, planted_fit: Laws, tmp_path: Path
) -> None:
    mix = lm.allocate(planted_fit, params=3e6, tokens=2e7)
    found = lm.synergy(planted_runs)[-1]
    for k, figure in enumerate(
        (planted_fit.plot(planted_runs), planted_fit.plot(), mix.plot(), found.plot())
    ):
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{k}.svg")
        assert (tmp_path / f"{k}.svg").stat().st_size > 1000


def test_the_shares_that_are_drawn_are_those_of_the_mixture(planted_fit: Laws) -> None:
    mix = lm.allocate(planted_fit, params=3e6, tokens=2e7, mixtures={"mine": {"python": 1.0}})
    axis = mix.plot().axes[0]
    drawn = {line.get_label(): line.get_xdata() for line in axis.get_lines()}
    assert drawn["recommended, with 90% interval"] == pytest.approx([100 * s for s in mix.shares.values()])
    assert list(drawn["mine"]) == [100.0] + [0.0] * 6


def test_laws_draw_their_runs_where_they_are_given(planted_fit: Laws, planted_runs: RunTable) -> None:
    without, with_runs = planted_fit.plot(), planted_fit.plot(planted_runs)
    assert len(without.axes[0].get_lines()) < len(with_runs.axes[0].get_lines())


def test_runs_of_other_languages_are_refused(planted_fit: Laws) -> None:
    other = plant(truth(np.random.default_rng(0), count=2), np.random.default_rng(1))
    with pytest.raises(lm.InputError, match="fitted to the targets"):
        planted_fit.plot(other)


def test_runs_that_are_all_mixtures_have_no_curves(planted_fit: Laws, planted_runs: RunTable) -> None:
    mixed = planted_runs.select((planted_runs.shares < 1).all(axis=1))
    with pytest.raises(lm.InputError, match="trained alone"):
        planted_fit.plot(mixed)


def test_without_matplotlib_the_command_that_installs_it_is_told(
    planted_fit: Laws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith(("matplotlib", "langmix.report._"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(lm.MissingExtraError, match=r"pip install 'langmix\[report\]'"):
        planted_fit.plot()
