from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import yaml
from code_samples import write_code

from langmix.errors import InputError
from langmix.runs import read_runs
from langmix.study import _stages as stages
from langmix.study import read_study, run_study, study_price, study_status

CONFIG: dict[str, Any] = {
    "title": "A test",
    "corpus": {
        "sources": [{"kind": "folder", "path": "code"}],
        "languages": ["python", "rust"],
        "vocab_size": 300,
        "validation_bytes": 5000,
    },
    "sizes": [
        {"name": "a", "d_model": 8, "n_layers": 1, "n_heads": 1, "d_ff": 16},
        {"name": "b", "d_model": 16, "n_layers": 1, "n_heads": 1, "d_ff": 32},
        {"name": "c", "d_model": 32, "n_layers": 1, "n_heads": 1, "d_ff": 64},
    ],
    "recipe": {"sequence": 32, "batch": 4, "evaluation_tokens": 512},
    "plan": {
        "grid": {"sizes": ["a", "b"], "budgets": [1280, 2560, 5120]},
        "pairs": {"size": "a", "tokens_each": 1280},
        "mixtures": [{"size": "a", "count": 3, "budgets": [2560, 5120]}],
        "repeats": [{"arm": "grid", "size": "a", "seeds": [1]}],
    },
    "validation": {"size": "c", "tokens": 5120, "seeds": [0, 1], "objectives": {"rust": {"rust": 1}}},
    "draws": 20,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_code(folder / "code")
    (folder / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> list[str]:
    said: list[str] = []
    run_study(folder, workers=2, say=said.append)
    return said


def test_a_study_goes_from_code_to_a_page(folder: Path, ran: list[str]) -> None:
    runs = read_runs(folder / "runs.csv")
    assert len(set(runs.run)) == len(read_study(folder).runs())
    for name in ("laws.json", "mixture.json", "mixture-2.json", "report/index.html"):
        assert (folder / name).exists()
    mixture = json.loads((folder / "mixture.json").read_text())["allocation"]
    assert mixture["params"] == 10 * runs.params.max()
    assert all(stage.done for stage in study_status(folder))


def test_the_answer_is_put_to_the_test_at_a_larger_size(folder: Path, ran: list[str]) -> None:
    runs = read_runs(folder / "validation.csv")
    mixtures = ("uniform", "recommended", "recommended-rust")
    assert set(runs.run) == {f"validation-{m}-c-s{s}" for m in mixtures for s in (0, 1)}
    rust = runs.select(runs.run == "validation-recommended-rust-c-s0")
    assert rust.shares[0, runs.languages.index("rust")] > 0.5
    assert runs.params.min() > read_runs(folder / "runs.csv").params.max()
    told = [line for line in ran if line.startswith("validate:")]
    assert [line.split(": ")[1] for line in told] == ["all languages alike", "rust"]
    assert all("measured gain over uniform" in line for line in told)
    page = (folder / "report" / "index.html").read_text()
    assert "Put to the test" in page
    assert "<h3>rust</h3>" in page


def test_the_price_is_told_before_anything_trains(folder: Path, ran: list[str]) -> None:
    told = [line for line in ran if "to train" in line]
    whole, left = study_price(folder, measured=False)
    assert f"{whole.runs} of {whole.runs} runs to train: {whole.checkpoints} checkpoints" in told[0]
    assert "FLOPs, about" in told[0]
    assert left.runs == 0


def test_what_has_not_changed_is_not_done_again(folder: Path, ran: list[str]) -> None:
    said: list[str] = []
    run_study(folder, say=said.append)
    assert [line.partition(": ")[2] for line in said] == ["up to date"] * 6


def test_a_changed_stage_and_those_after_it_are_done_again(folder: Path, ran: list[str]) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump({**CONFIG, "draws": 10}))
    said: list[str] = []
    run_study(folder, say=said.append)
    (folder / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    again = dict.fromkeys(line.partition(":")[0] for line in said if "up to date" not in line)
    assert list(again) == ["fit", "allocate", "validate", "report"]


def test_what_a_stage_reads_and_all_that_it_writes_count(folder: Path, ran: list[str]) -> None:
    run_study(folder)
    target = {"tokens": 1e9, "available": {"python": 1e6}}
    (folder / "study.yaml").write_text(yaml.safe_dump({**CONFIG, "target": target}))
    assert [s.stage for s in study_status(folder) if not s.done] == ["train"]
    (folder / "study.yaml").write_text(
        yaml.safe_dump({**CONFIG, "plan": {**CONFIG["plan"], "max_epochs": 3}})
    )
    assert [s.stage for s in study_status(folder) if not s.done] == ["train", "validate"]
    (folder / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "mixture-2.json").unlink()
    assert [s.stage for s in study_status(folder) if not s.done] == ["allocate"]


def test_runs_whose_logging_failed_are_logged_next_time(
    folder: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down(Exception):
        pass

    class Stub:
        left = 3
        logged: ClassVar[list[str]] = []

        def log(self, run: str, rows: object) -> None:
            if not Stub.left:
                raise Down
            Stub.left -= 1
            Stub.logged.append(run)

    monkeypatch.setattr(stages, "open_tracker", lambda place, group: Stub())
    (folder / "runs.csv").write_text("damaged")  # so that the stage is not up to date
    with pytest.raises(Down):
        run_study(folder, trackers=["stub:here"])
    Stub.left = 1000
    run_study(folder, trackers=["stub:here"])
    names = {run.run for run in read_study(folder).runs()}
    assert names <= set(Stub.logged)
    assert len(set(Stub.logged)) == len(Stub.logged)


def test_a_damaged_result_is_made_again(folder: Path, ran: list[str]) -> None:
    run_study(folder)
    (folder / "runs.csv").write_text("damaged")
    assert next(s.stage for s in study_status(folder) if not s.done) == "train"
    run_study(folder)
    assert len(read_runs(folder / "runs.csv")) > 10


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sizes": []}, ["plan: unknown size 'a'"]),
        ({"draws": "many"}, ["draws", "'many'"]),
        ({"colour": "red"}, ["the top level: unknown key 'colour'", "expected one of title, notes, corpus"]),
        ({"recipe": {"rate": 1}}, ["recipe: unknown key 'rate'", "sequence, batch, learning_rate"]),
        ({"corpus": {"sources": []}}, ["corpus.sources", "at least 1 item"]),
        ({"corpus": {"sources": ["registry"]}}, ["corpus.sources", "'registry'"]),
        ({"corpus": {"languages": ["python", "cobol"]}}, ["'cobol'", "csharp", "a table"]),
        (
            {"corpus": {"sources": [{"kind": "tokens", "languages": {"go": "x"}}]}},
            ["corpus.sources", "give the tokenizer"],
        ),
        (
            {"corpus": {"sources": [{"kind": "registry", "packages": ["leftpad9"]}]}},
            ["corpus.sources", "'leftpad9' is not in the registry"],
        ),
        ({"sizes": [CONFIG["sizes"][0]] * 2}, ["sizes: two are named 'a'"]),
        (
            {"plan": {"grid": {"sizes": ["a"], "budgets": [10]}}},
            ["plan: run", "10 tokens is less than one batch", "at least 128"],
        ),
        (
            {"plan": {"grid": {"sizes": ["a"], "budgets": [1280, 1300]}}},
            ["plan: run", "1280 and 1300 tokens are the same 10 steps"],
        ),
        ({"plan": {}}, ["plan: has no runs"]),
        ({"questions": []}, ["questions", "at least 1 item"]),
        ({"questions": [{"times_largest": 2, "params": 1e9}]}, ["either times_largest, or both"]),
        ({"questions": [{"params": "much", "tokens": "350B"}]}, ["questions.0.params", "'much'"]),
        ({"seed": -1}, ["seed", "greater than or equal to 0", "-1"]),
        ({"validation": {"size": "c", "tokens": 10}}, ["validation: tokens", "at least 128"]),
        ({"validation": {"size": "c", "tokens": 5120, "seeds": [1, 1]}}, ["seeds: [1, 1]"]),
        (
            {"target": {"tokens": 1e6, "available": {"python": -5}}},
            ["target.available.python", "greater than 0"],
        ),
        (
            {
                "plan": {
                    "runs": [
                        {
                            "run": "x",
                            "arm": "mixture",
                            "size": "a",
                            "budgets": [1280],
                            "shares": {"python": 1.0},
                            "unique": {"pyton": 100},
                        }
                    ]
                }
            },
            ["plan: 'pyton' is not a language"],
        ),
        ({"validation": {"size": "d", "tokens": 5120}}, ["validation: unknown size 'd'", "a, b, c"]),
        (
            {"validation": {"size": "c", "tokens": 5120, "objectives": {"x": {"go": 1}}}},
            ["validation: objective 'x': 'go' is not a language"],
        ),
        (
            {"questions": [{"times_largest": 2, "weights": {"go": 1}}]},
            ["questions: weights of number 1: 'go' is not a language"],
        ),
        (
            {"target": {"tokens": 1e6, "available": {"go": 1e6}}},
            ["target: 'go' is not a language of the corpus"],
        ),
        (
            {"plan": {"pairs": {"size": "a", "tokens_each": 10, "pairs": [["go", "rust"]]}}},
            ["'go' is not a language"],
        ),
        ({"questions": [{"params": 1e9}]}, ["questions", "both params and tokens"]),
        (
            {"sizes": [{"name": n, "d_model": 9, "n_layers": 1, "n_heads": 2, "d_ff": 8} for n in "abc"]},
            ["d_model 9 with 2 heads"],
        ),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, change: dict[str, object], told: list[str]) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(InputError) as caught:
        read_study(tmp_path)
    for part in [str(tmp_path / "study.yaml"), *told]:
        assert part in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["study.yaml"]


def test_counts_may_be_written_with_units(tmp_path: Path) -> None:
    written = {
        "plan": {"grid": {"sizes": ["a"], "budgets": ["1.28k", "2.56K", 5120]}},
        "questions": [{"params": "1.5B", "tokens": "350B"}],
        "target": {"tokens": "1T", "available": {"rust": "20B"}},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**CONFIG, **written}))
    read = read_study(tmp_path)
    assert read.plan.grid is not None
    assert read.plan.grid.budgets == [1280, 2560, 5120]
    assert (read.questions[0].params, read.questions[0].tokens) == (1.5e9, 350e9)
    assert read.target is not None
    assert read.target.available == {"rust": 20e9}


def test_paths_of_sources_are_relative_to_the_study(tmp_path: Path) -> None:
    tokens = {
        "kind": "tokens",
        "languages": {"python": "data/py", "rust": ["data/rs0", "/data/rs1"]},
        "validation": {"rust": "data/rs"},
        "tokenizer": "tokenizer.json",
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**CONFIG, "corpus": {"sources": [tokens]}}))
    corpus = read_study(tmp_path).corpus
    assert corpus.languages == ["python", "rust"]
    assert corpus.tokens is not None
    assert corpus.tokens.languages == {
        "python": [tmp_path / "data" / "py"],
        "rust": [tmp_path / "data" / "rs0", Path("/data/rs1")],
    }
    assert corpus.tokens.validation == {"rust": [tmp_path / "data" / "rs"]}
    assert corpus.tokens.tokenizer == tmp_path / "tokenizer.json"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    assert read_study(tmp_path).corpus.sources[0].path == tmp_path / "code"  # type: ignore[union-attr]


def test_text_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("title: [")
    with pytest.raises(InputError, match=r"study\.yaml: is not YAML .*; correct the indentation"):
        read_study(tmp_path)


def test_a_source_that_is_not_there_is_told_with_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    with pytest.raises(InputError, match=r"study\.yaml: corpus: .*code: is not a folder"):
        run_study(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["study.yaml"]


def test_the_studies_of_the_repository_can_be_read() -> None:
    for path in sorted((Path(__file__).parents[2] / "studies").glob("*/study.yaml")):
        assert read_study(path.parent).runs()


@pytest.mark.slow
def test_the_demo_needs_no_torch_and_prints_the_answer(tmp_path: Path) -> None:
    blocked = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        heavy = ('torch', 'tokenizers', 'unearth', 'rensa', 'pyarrow', 'safetensors')\n"
        "        if name.partition('.')[0] in heavy:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from langmix.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", blocked, "demo", "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for part in ("alpha (N)", "4.06M parameters, 8M tokens", "1.5B parameters, 350B tokens", "tiny models"):
        assert part in done.stdout
    assert "438,000 times the largest run" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.split("page:")[0].splitlines())) <= 80
    assert (tmp_path / "demo" / "report" / "index.html").exists()
