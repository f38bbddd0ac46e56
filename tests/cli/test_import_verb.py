from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import refused

from langmix.runs import read_runs
from terminal import langmix

TABLE = """name,step,size,go,rust,val go,val rust
a,10,1,25,75,3.0,4.0
a,20,1,25,75,2.5,3.5
b,10,1,50,50,2.9,3.9
"""
OPTIONS = (
    *("--params", "size*1M", "--tokens-per-step", "2048", "--share", "go=go", "--share", "rust=rust"),
    *("--loss", "*=val *"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text(TABLE)
    return tmp_path


def test_options_make_a_run_table_and_a_map_that_makes_it_again(folder: Path) -> None:
    done = langmix(
        "import", "table", "table.csv", *OPTIONS, "--save-map", "import.yaml", "--json", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["checkpoints"] == 3
    assert told["languages"] == ["go", "rust"]
    assert any("percent" in note for note in told["notes"])
    again = langmix("import", "table", "table.csv", "--map", "import.yaml", "-o", "again.csv", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "next: langmix fit again.csv" in again.stdout
    assert (folder / "again.csv").read_text() == (folder / "runs.csv").read_text()
    assert read_runs(folder / "runs.csv").tokens.tolist() == [20480, 40960, 20480]
    last = langmix(
        "import",
        "table",
        "table.csv",
        "--map",
        "import.yaml",
        "--last",
        "--exclude",
        "b",
        "-o",
        "l.csv",
        cwd=folder,
    )
    assert last.returncode == 0, last.stderr
    assert read_runs(folder / "l.csv").tokens.tolist() == [40960]


def test_a_source_can_be_looked_at_before_it_is_mapped(folder: Path) -> None:
    done = langmix("import", "table", "table.csv", "--list", "--json", cwd=folder)
    assert json.loads(done.stdout) == {
        "runs": ["a", "b"],
        "metrics": ["go", "rust", "size", "step", "val go", "val rust"],
        "config": [],
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["table", "none.csv"], ["none.csv", "no such file"]),
        (["table", "table.csv"], ["table.csv", "no metric is mapped to a loss", "val go", "--loss"]),
        (["table", "table.csv", "other.csv"], ["2 places", "expected one"]),
        (["table", "table.csv", *OPTIONS, "--params", "width"], ["params", "'width'", "metrics found"]),
        (["table", "table.csv", *OPTIONS, "--out", "runs.txt"], ["--out", "runs.txt", ".csv or .parquet"]),
        (["table", "table.csv", *OPTIONS, "--map", "none.yaml"], ["none.yaml", "no such file"]),
        (["table", "table.csv", *OPTIONS, "--experiment", "x"], ["--experiment is for mlflow"]),
        (["table", "table.csv", *OPTIONS, "--loss", "go"], ["--loss", "NAME=VALUE"]),
        (["olmix", "table.csv"], ["expected ratios.csv and metrics.csv"]),
        (["wandb", "project"], ["entity/project"]),
        (["mlflow", "mlruns"], ["mlruns", "there is no such store"]),
        (["tensorboard", "logs"], ["logs", "there is no such folder"]),
    ],
)
def test_wrong_input_gives_one_message_and_writes_nothing(
    folder: Path, arguments: list[str], told: list[str]
) -> None:
    refused(langmix("import", *arguments, cwd=folder), *told)
    assert [path.name for path in folder.iterdir()] == ["table.csv"]
