from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from langmix.corpus import CorpusCard, LanguageCard
from langmix.corpus._megatron import read_token_file, write_token_file
from langmix.corpus._shards import write_card
from langmix.laws import Laws, write_laws
from langmix.runs import RunTable
from terminal import Run, langmix


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
    (folder / "half.json").write_text('{"go": 0.5}')
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
        "rust=30%",
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


def test_a_budget_of_compute_becomes_a_size_and_a_mixture(folder: Path) -> None:
    ask = ["allocate", "laws.json", "--flops", "1e13", "-o", "c.json"]
    done = langmix(*ask, "--inference-tokens", "1M", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    size, tokens = (found["compute"][name]["value"] for name in ("params", "tokens"))
    assert 6 * size * tokens + 2 * size * 1e6 == pytest.approx(1e13)
    assert (found["allocation"]["params"], found["allocation"]["tokens"]) == (size, tokens)
    assert found["compute"]["params"]["low"] < found["compute"]["params"]["high"]
    assert "tokens per parameter" in langmix(*ask, cwd=folder).stdout


def test_a_language_is_added_in_the_middle_of_training(folder: Path) -> None:
    now = {"python": 0.4, "java": 0.2, "javascript": 0.2, "go": 0.1, "csharp": 0.1}
    (folder / "now.json").write_text(json.dumps(now))
    ask = ["add", "laws.json", "rust", "--params", "1M", "--trained", "2M", "--remaining", "2M"]
    ask += ["--current", "now.json", "--no-worse", "0.05", "-o", "rest.json"]
    done = langmix(*ask, "--share", "0.1", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["allocation"]["shares"]["rust"] >= 0.1 - 1e-9
    assert found["addition"]["disturbance"] == pytest.approx(0.1, abs=1e-4)
    assert langmix("export", "rest.json", "csv", cwd=folder).stdout.startswith("language,")
    assert "what more disturbance would gain" in langmix(*ask, "--share", "0.1", cwd=folder).stdout
    refused(langmix(*ask, cwd=folder), "--share: give the least share of rust")
    refused(langmix(*ask, "--loss", "0.01", cwd=folder), "--loss: rust cannot reach", "the lowest is")


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


def test_the_proportion_law_predicts_and_allocates_nothing(folder: Path) -> None:
    fitted = langmix("fit", "runs.csv", "--law", "proportion", "--draws", "0", "-o", "one.json", cwd=folder)
    assert fitted.returncode == 0, fitted.stderr
    assert "gamma" in fitted.stdout
    at = ("one.json", "--params", "100k", "--tokens", "1M")
    predicted = langmix("predict", *at, "--json", cwd=folder)
    assert 0 < json.loads(predicted.stdout)["loss"] < 10
    refused(langmix("predict", *at, "--available", "go=1M", cwd=folder), "--available", "repeated tokens")
    refused(
        langmix("allocate", *at, cwd=folder),
        "one.json: this is the proportion law",
        "rewards data that are easy to predict",
        "it would put",
        "langmix fit RUNS",
    )


def test_a_table_becomes_a_page(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    done = langmix("report", "runs.csv", "--laws", "laws.json", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / json.loads(done.stdout)["page"]).read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f[[c for c in f if not c.startswith("share.")]], ["no share.<language> column"]),
        (lambda f: f.assign(**{"share.go": 0.5}), ["bad.csv: line 2", "the shares sum to", "expected 1"]),
        (lambda f: f.assign(**{"share.go": float("nan")}), ["line 2", "'share.go'", "empty"]),
        (lambda f: f.assign(params="big"), ["line 2", "'params'", "'big'", "expected a number"]),
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
        (
            ["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "--max-epochs", "4"],
            ["--max-epochs: 4 limits nothing", "--available"],
        ),
        (
            ["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "--fixed", "go=2"],
            ["--fixed: go is 2"],
        ),
        (["allocate", "laws.json", "--params", "1M"], ["--params and --tokens", "--flops"]),
        (["allocate", "laws.json", "--params", "1M", "--flops", "1e14"], ["--flops: leave out --params"]),
        (["allocate", "runs.csv", "--params", "1M", "--tokens", "1M"], ["runs.csv", "is not JSON"]),
        (
            ["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "--current", "half.json"],
            ["--current half.json: ", "sum to 0.5"],
        ),
        (["predict", "laws.json", "--params", "1M", "--tokens", "1M", "--share", "go=0.4"], ["sum to 0.4"]),
        (["plan", *TARGET, "--languages", "go,rust"], ["budget", "not given"]),
        (["plan", *TARGET, "--budget", "1e15"], ["languages: none", "at least 2"]),
        (["plan", *TARGET, "--regret", "5"], ["--regret", "'5'", "0.1%"]),
        (["plan", "missing.json", *TARGET, "--budget", "1e15"], ["missing.json", "langmix fit"]),
        (
            ["plan", *TARGET, "--languages", "go,rust", "--budget", "1e13", "--prior", "paper"],
            ["--prior: 'paper'", "expected one of default, published"],
        ),
        (
            ["plan", "laws.json", *TARGET, "--budget", "1e13", "--prior", "published"],
            ["--prior: published", "leave the prior out"],
        ),
        (["fit", "runs.csv", "--law", "proportional"], ["'proportional'", "farseer, proportion"]),
        (["fit", "runs.csv", "--synergy", "published"], ["--synergy: only --law proportion takes it"]),
        (["study", "run", "."], ["study.yaml", "there is no such file"]),
        (["corpus", "out", "--source", "nowhere"], ["nowhere"]),
        (["corpus", "out", "--language", "cobol"], ["'cobol'", "expected one of python, java"]),
        (["corpus", "out", "--tokenizer", "t.json"], ["--tokenizer: is of --tokens only"]),
        (["corpus", "runs.csv"], ["runs.csv: cannot be written", "give another folder"]),
        (["fit", "runs.csv", "-o", "."], [".: cannot be written (it is a folder); give another --out"]),
        (["allocate", "laws.json", "--params", "1M", "--tokens", "1M", "-o", "."], ["another --out"]),
        (["export", "missing.json", "csv", "-o", "runs.csv/x"], ["runs.csv/x: cannot be written"]),
        (["report", "missing.csv", "-o", "runs.csv"], ["runs.csv: cannot be written", "another --out"]),
        (["demo", "-o", "runs.csv"], ["runs.csv: cannot be written", "another --out"]),
        (["train", "missing", "--tokens", "1M", "-o", "runs.csv"], ["runs.csv: cannot be written"]),
        (["report", "missing.csv", "--params", "1B"], ["--params needs --tokens"]),
    ],
)
def test_wrong_arguments_give_one_message(folder: Path, arguments: list[str], told: list[str]) -> None:
    refused(langmix(*arguments, cwd=folder), *told)


def test_laws_of_another_table_are_refused_or_warned_of(folder: Path, planted_runs: RunTable) -> None:
    pytest.importorskip("matplotlib")
    other = planted_runs.frame.drop(columns="loss.go")
    other.to_csv(folder / "other.csv", index=False)
    refused(
        langmix("report", "other.csv", "--laws", "laws.json", cwd=folder),
        "laws.json: was fitted to the targets",
        "other.csv has",
        "langmix fit other.csv",
    )
    at = ("--params", "1M", "--tokens", "10M")
    refused(
        langmix("synergy", "other.csv", "--laws", "laws.json", *at, cwd=folder),
        "laws.json: was fitted to the targets",
    )
    planted_runs.frame.iloc[:-1, ::-1].to_csv(folder / "older.csv", index=False)
    done = langmix("report", "older.csv", "--laws", "laws.json", "-o", "older", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "warning: laws.json: fitted to another version of the run table than older.csv" in done.stderr
    assert "fitted to another version of the run table" in (folder / "older" / "index.html").read_text()


def test_token_files_become_a_corpus_and_a_corpus_becomes_token_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("go", "cobol", "cobol2"):
        listed = [np.append(rng.integers(1, 500, 40), 0) for _ in range(100)]
        write_token_file(tmp_path / name, listed, np.dtype(np.int32))
    tokens = ["--tokens", "go=go", "--tokens", "cobol=cobol", "--tokens", "cobol=cobol2"]
    known = ["--vocab-size", "500", "--end-of-document", "0", "--validation", "200"]
    done = langmix("corpus", "out", *tokens, *known, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unknown" in done.stdout  # bytes per token
    done = langmix("export-corpus", "out", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {"go": "megatron/go_train", "cobol": "megatron/cobol_train"}
    counts = [
        read_token_file(tmp_path / "megatron" / f"cobol_{split}").documents
        for split in ("train", "validation")
    ]
    assert counts == [195, 5]
    refused(langmix("corpus", "out", *tokens, cwd=tmp_path), "--tokens: ", "give the tokenizer")


def test_an_error_in_the_middle_of_work_is_the_one_message(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("def add(first, second):\n    return first + second\n\n" * 10)
    done = langmix("corpus", "out", "--source", "code", "--language", "python", cwd=tmp_path)
    refused(done, "language 'python': all 1 files are of one package")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--tokens", "10"], ["--tokens: a budget of 10 tokens is less than one batch", "at least 512"]),
        (["--tokens", "1k", "--share", "go=0.4"], ["--share: the shares sum to 0.4"]),
    ],
)
def test_what_cannot_be_trained_names_its_option(tmp_path: Path, options: list[str], told: list[str]) -> None:
    card = LanguageCard(
        train_tokens=1,
        validation_tokens=1,
        bytes_per_token=1,
        train_groups=[],
        validation_groups=[],
        files={},
    )
    write_card(
        tmp_path, CorpusCard(vocab_size=300, tokenizer_sha256="", seed=0, languages={"go": card}, sources=[])
    )
    refused(langmix("train", ".", *options, cwd=tmp_path), *told)


def test_a_process_ends_with_the_message_and_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "langmix", "fit", "absent.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(done, "absent.csv")


def test_laws_without_draws_promise_no_intervals(folder: Path) -> None:
    fit = ("fit", "runs.csv", "--law", "transfer", "--out", "none.json", "--draws")
    assert "90% intervals" in langmix(*fit, "10", cwd=folder).stdout
    assert "intervals" not in langmix(*fit, "0", cwd=folder).stdout


def test_a_new_study_of_folders_is_of_the_languages_that_they_hold(tmp_path: Path) -> None:
    (tmp_path / "code" / "repo").mkdir(parents=True)
    refused(
        langmix("study", "new", "mine", "--source", "code", cwd=tmp_path), "code: holds no code; expected"
    )
    assert not (tmp_path / "mine").exists()
    for name in ("a.py", "b.rs", "c.txt"):
        (tmp_path / "code" / "repo" / name).touch()
    done = langmix("study", "new", "mine", "--preset", "quick", "--source", "code", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "languages: [python, rust]" in (tmp_path / "mine" / "study.yaml").read_text()


QUESTION = ("--params", "1M", "--tokens", "16M")


def test_what_is_read_is_not_written_over(tmp_path: Path, planted_fit: Laws) -> None:
    write_laws(planted_fit, tmp_path / "laws.json")
    before = (tmp_path / "laws.json").read_bytes()
    done = langmix("allocate", "laws.json", *QUESTION, "-o", "./laws.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "--out laws.json: is what is read; give another --out" in done.stderr
    assert (tmp_path / "laws.json").read_bytes() == before


def test_an_output_may_be_a_link_and_no_device(tmp_path: Path, planted_fit: Laws) -> None:
    write_laws(planted_fit, tmp_path / "laws.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "there.json")
    assert langmix("allocate", "laws.json", *QUESTION, "-o", "link.json", cwd=tmp_path).returncode == 0
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "there.json").is_file()
    done = langmix("allocate", "laws.json", *QUESTION, "-o", "/dev/null", cwd=tmp_path)
    assert done.returncode == 2
    assert "/dev/null: cannot be written (it is no regular file)" in done.stderr
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("tokens", ["1e160", "1e-40"])
def test_sizes_beyond_all_bounds_are_refused(tmp_path: Path, planted_fit: Laws, tokens: str) -> None:
    write_laws(planted_fit, tmp_path / "laws.json")
    done = langmix("allocate", "laws.json", "--params", "1M", "--tokens", tokens, cwd=tmp_path)
    assert done.returncode == 2
    assert "expected a finite number above 0" in done.stderr


def test_a_language_that_occurs_twice_in_a_mixture_is_named(tmp_path: Path, planted_fit: Laws) -> None:
    write_laws(planted_fit, tmp_path / "laws.json")
    (tmp_path / "c.json").write_text('{"python": 0.5, "python": 0.5, "go": 0.5}')
    done = langmix("allocate", "laws.json", *QUESTION, "--current", "c.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "c.json: 'python' occurs twice" in done.stderr
