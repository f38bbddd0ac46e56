from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from langmix.runs import RunTable

Run = subprocess.CompletedProcess[str]


def langmix(*arguments: object, cwd: Path) -> Run:
    return subprocess.run(
        [sys.executable, "-m", "langmix", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(result: Run, *told: str) -> None:
    """Exit code 2, one message that says all of it, no traceback."""
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    for part in told:
        assert part in result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, planted_runs: RunTable) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    planted_runs.write(folder / "runs.csv")
    done = langmix("fit", "runs.csv", "--law", "transfer", "--draws", "50", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_table_becomes_an_exported_mixture(folder: Path) -> None:
    allocated = langmix(
        "allocate",
        "laws.json",
        "--params",
        "1M",
        "--tokens",
        "10M",
        "--floor",
        "rust=0.3",
        "--json",
        cwd=folder,
    )
    assert allocated.returncode == 0, allocated.stderr
    assert json.loads(allocated.stdout)["allocation"]["shares"]["rust"] >= 0.3 - 1e-9
    exported = langmix("export", "mixture.json", "csv", cwd=folder)
    assert exported.stdout.startswith("language,")
    predicted = langmix("predict", "laws.json", "--params", "1M", "--tokens", "10M", "--json", cwd=folder)
    assert set(json.loads(predicted.stdout)["loss"]) == set(
        json.loads(allocated.stdout)["allocation"]["shares"]
    )


TARGET = ("--params", "1M", "--tokens", "10M", "--size", "50k", "--size", "big=200k")


def test_runs_are_planned_from_nothing_and_from_laws(folder: Path, tmp_path: Path) -> None:
    runs = ("--run-tokens", "400k", "--run-tokens", "1.6M")
    nothing = langmix(
        *("plan", *TARGET, *runs, "--languages", "go,rust", "--budget", "1e13", "--study", "part.yaml"),
        cwd=tmp_path,
    )
    assert nothing.returncode == 0, nothing.stderr
    assert "how many runs are needed" in nothing.stdout
    assert (tmp_path / "part.yaml").read_text().startswith("plan:")
    laws = langmix(
        *("plan", folder / "laws.json", *TARGET, *runs, "--budget", "3e12", "--json"), cwd=tmp_path
    )
    assert laws.returncode == 0, laws.stderr
    printed = json.loads(laws.stdout)
    assert printed == json.loads((tmp_path / "plan.json").read_text())
    assert printed["plan"]["steps"][-1]["total_flops"] <= 3e12
    assert {run["size"] for run in printed["runs"]} <= {"50k", "big"}


def test_a_table_becomes_a_page(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    done = langmix("report", "runs.csv", "--laws", "laws.json", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / json.loads(done.stdout)["page"]).read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f[[c for c in f if not c.startswith("share.")]], ["no share.<language> column"]),
        (lambda f: f.assign(**{"share.go": 0.5}), ["bad.csv: row 1", "the shares sum to", "expected 1"]),
        (lambda f: f.assign(**{"share.go": float("nan")}), ["row 1", "'share.go'", "empty"]),
        (lambda f: f.assign(params="big"), ["row 1", "'params'", "'big'", "expected a number"]),
    ],
)
def test_a_wrong_run_table_is_refused_and_nothing_is_written(
    tmp_path: Path, planted_runs: RunTable, change: object, told: list[str]
) -> None:
    frame: pd.DataFrame = change(planted_runs.frame)  # type: ignore[operator]
    frame.to_csv(tmp_path / "bad.csv", index=False)
    refused(langmix("fit", "bad.csv", cwd=tmp_path), *told)
    refused(langmix("report", "bad.csv", cwd=tmp_path), *told)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fit", "missing.csv"], ["missing.csv", "there is no such file"]),
        (["allocate", "missing.json", "--params", "1B", "--tokens", "1B"], ["missing.json", "langmix fit"]),
        (["allocate", "laws.json", "--params", "many", "--tokens", "1B"], ["--params", "'many'", "1.5B"]),
        (["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "--floor", "cobol=1"], ["'cobol'"]),
        (["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "--floor", "go"], ["NAME=VALUE"]),
        (["allocate", "runs.csv", "--params", "1M", "--tokens", "1M"], ["runs.csv", "is not JSON"]),
        (["predict", "laws.json", "--params", "1M", "--tokens", "1M", "--share", "go=0.4"], ["sum to 0.4"]),
        (["plan", *TARGET, "--languages", "go,rust"], ["budget", "not given"]),
        (["plan", *TARGET, "--budget", "1e15"], ["languages: none", "at least 2"]),
        (["plan", *TARGET, "--regret", "5"], ["--regret", "'5'", "0.1%"]),
        (["plan", "missing.json", *TARGET, "--budget", "1e15"], ["missing.json", "langmix fit"]),
        (["study", "run", "."], ["study.yaml", "there is no such file"]),
        (["corpus", "out", "--source", "nowhere"], ["nowhere"]),
    ],
)
def test_wrong_arguments_give_one_message(folder: Path, arguments: list[str], told: list[str]) -> None:
    refused(langmix(*arguments, cwd=folder), *told)
