from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from langmix.errors import InputError
from langmix.lab._trackers import open_tracker
from langmix.runs import RunTable, import_mlflow, import_tensorboard, read_runs


@pytest.fixture(scope="module")
def table() -> RunTable:
    """Four of the real runs that ship with langmix; one has a loss that diverged."""
    with resources.as_file(resources.files("langmix.data").joinpath("seven-languages.csv")) as path:
        runs = read_runs(path)
    chosen = runs.select(np.isin(runs.run, list(dict.fromkeys(runs.run))[:4]))
    frame = chosen.frame.copy()
    frame.loc[frame.index[1], "loss.go"] = math.nan
    return RunTable.from_frame(frame)


def log(place: str, table: RunTable) -> None:
    tracker = open_tracker(place, group="a study")
    for name in dict.fromkeys(table.run):
        tracker.log(str(name), table.select(table.run == name).frame.to_dict("records"))


def check(imported: RunTable, table: RunTable, *, rtol: float = 1e-12) -> None:
    """What was logged reads back as the table that it came from, in whatever order."""
    ours, theirs = (t.frame.sort_values(["run", "tokens"], ignore_index=True) for t in (imported, table))
    assert list(ours.run) == list(theirs.run)
    for column in theirs.columns:
        if column.startswith(("params", "tokens", "share.", "loss.", "unique.", "bytes_per_token.")):
            np.testing.assert_allclose(ours[column].astype(float), theirs[column].astype(float), rtol=rtol)


def test_tensorboard_reads_back_as_the_run_table(table: RunTable, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    log(f"tensorboard:{tmp_path / 'logs'}", table)
    check(import_tensorboard(tmp_path / "logs").runs, table, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*noload.*")  # of the client
def test_mlflow_reads_back_as_the_run_table(table: RunTable, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    log(f"mlflow:{tmp_path / 'store'}", table)
    check(import_mlflow(tmp_path / "store" / "mlflow.db").runs, table)


def test_wandb_takes_every_run_offline(
    table: RunTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    log("wandb:langmix", table)
    assert len(list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))) == 4


@pytest.mark.parametrize("place", ["comet:x", "tensorboard", "wandb:", "logs"])
def test_a_place_that_no_tracker_has_is_refused(place: str) -> None:
    with pytest.raises(InputError, match="expected tensorboard:FOLDER"):
        open_tracker(place, group="a study")
