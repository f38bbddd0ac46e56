"""Local stores are created by MLflow's client and read without it; a server is asked through the client."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, RunTable, import_mlflow

# MLflow's own use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")

HOW = "needs MLflow's client: pip install 'langmix[track]'"
HOW_SQLITE = "needs MLflow's SQL store: pip install 'langmix[track]' sqlalchemy alembic"


@pytest.fixture
def client(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a new store: a folder (which recent versions must be told to allow) or SQLite."""
    if request.param == "sqlite":
        pytest.importorskip("sqlalchemy", reason=HOW_SQLITE)
        pytest.importorskip("alembic", reason=HOW_SQLITE)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("mlflow", reason=HOW)
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{tmp_path}/mlflow.db" if request.param == "sqlite" else f"file:{tmp_path}/mlruns"
    return MlflowClient(tracking_uri=address, registry_uri=f"file:{tmp_path}/registry")


def fill(client: Any) -> None:
    experiment = client.create_experiment("sweep")
    other = client.create_experiment("other")
    for name, share, of in [("a", 0.25, experiment), ("a", 0.5, experiment), ("b", 1.0, other)]:
        run = client.create_run(of, run_name=name).info.run_id
        client.log_param(run, "params", "1000000")
        client.log_param(run, "data", str({"shares": {"go": share, "rust": 1 - share}}))
        for step in (100, 200):
            client.log_metric(run, "eval/go_loss", 3 - step / 1000, step=step, timestamp=1000 + step)
            client.log_metric(run, "eval/rust_loss", 4 - step / 1000, step=step, timestamp=1000 + step)
        client.log_metric(run, "eval/go_loss", 2.5, step=200, timestamp=5000)  # resumed: logged again, later
        client.log_metric(run, "eval/rust_loss", float("nan"), step=300, timestamp=6000)
        client.set_terminated(run)
    deleted = client.create_run(experiment, run_name="deleted").info.run_id
    client.log_metric(deleted, "eval/go_loss", 1.0, step=1)
    client.delete_run(deleted)


def checked(runs: RunTable) -> None:
    assert len(set(runs.run)) == 2
    assert {name[:3] for name in runs.run} == {"a ("}  # two runs of one name are told apart by their ids
    assert sorted(runs.shares[::3, 0]) == [0.25, 0.5]
    assert runs.tokens.tolist() == [1e4, 2e4, 3e4] * 2
    assert runs.losses[:2].tolist() == [[2.9, 3.9], [2.5, 3.8]]
    assert np.isnan(runs.losses[2]).all()


@pytest.mark.parametrize(
    ("client", "store"), [("file", "mlruns"), ("sqlite", "mlflow.db")], indirect=["client"]
)
def test_a_local_store_is_read_as_the_client_wrote_it(tmp_path: Path, client: Any, store: str) -> None:
    fill(client)
    mapping = ImportMap(tokens_per_step="100")
    imported = import_mlflow(tmp_path / store, mapping, experiment="sweep")
    checked(imported.runs)
    assert len(set(import_mlflow(tmp_path / store, mapping).runs.run)) == 3
    address = f"sqlite:///{tmp_path / store}" if store.endswith("db") else f"file:{tmp_path / store}"
    assert import_mlflow(address, mapping, experiment="sweep").runs.to_csv() == imported.runs.to_csv()
    with pytest.raises(InputError, match="no experiment 'none'; it has Default, other, sweep"):
        import_mlflow(tmp_path / store, experiment="none")


@pytest.mark.parametrize("client", ["file"], indirect=True)
def test_a_server_is_asked_only_for_what_the_map_reads(tmp_path: Path, client: Any) -> None:
    fill(client)
    asked: list[str] = []
    history = client.get_metric_history

    def get_metric_history(run: str, metric: str) -> Any:
        asked.append(metric)
        return history(run, metric)

    client.get_metric_history = get_metric_history
    mapping = ImportMap.model_validate({"tokens_per_step": 100, "loss": {"go": "eval/go_loss"}})
    runs = import_mlflow("http://tracking.example", mapping, experiment="sweep", client=client).runs
    assert set(asked) == {"eval/go_loss"}
    assert runs.losses[:, 0].tolist() == [2.9, 2.5] * 2


class Metric(NamedTuple):
    name: str
    lines: str


def store(folder: Path, metric: Metric, meta: str = "run_id: r1\nlifecycle_stage: active\n") -> Path:
    run = folder / "mlruns" / "7" / "r1"
    (run / "metrics").mkdir(parents=True)
    (run / "params").mkdir()
    (run.parent / "meta.yaml").write_text("experiment_id: '7'\nname: sweep\nlifecycle_stage: active\n")
    (run / "meta.yaml").write_text(meta)
    (run / "params" / "params").write_text("1000")
    (run / "params" / "share.go").write_text("1")
    (run / "params" / "tokens_per_step").write_text("10")
    (run / "metrics" / metric.name).write_text(metric.lines)
    return folder / "mlruns"


def test_lines_with_further_fields_and_of_old_versions_are_read(tmp_path: Path) -> None:
    lines = "1000 3.0 100\n1002 2.0 200 dataset digest\n1001 9.0 200\n"
    imported = import_mlflow(store(tmp_path, Metric("loss.go", lines), "run_uuid: r1\n"))
    assert imported.runs.losses[:, 0].tolist() == [3.0, 2.0]
    assert imported.runs.run.tolist() == ["r1", "r1"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("1000 3.0 100\n1001 low 200\n", ["loss.go", "line 2", "low", "timestamp value step"]),
        ("1000\n", ["loss.go", "line 1"]),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: str, told: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        import_mlflow(store(tmp_path, Metric("loss.go", lines)))
    for part in told:
        assert part in str(caught.value)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such store"):
        import_mlflow(tmp_path / "none.db")
    with pytest.raises(InputError, match="holds no experiments"):
        import_mlflow(tmp_path)
    (tmp_path / "text.db").write_text("not a database, but long enough to look like one at first sight" * 20)
    with pytest.raises(InputError, match=r"text\.db: is not a store of MLflow"):
        import_mlflow(tmp_path / "text.db")
    sqlite3.connect(tmp_path / "empty.db").executescript("CREATE TABLE t (x)")
    with pytest.raises(InputError, match=r"empty\.db: is not a store of MLflow \(no such table"):
        import_mlflow(tmp_path / "empty.db")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="no runs that are not deleted"):
        import_mlflow(store(tmp_path, Metric("x", ""), "run_id: r1\nlifecycle_stage: deleted\n"))
    assert set(before) <= set(tmp_path.iterdir())
