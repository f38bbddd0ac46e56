"""The stage `evaluate`: what validation's models can do, measured once, compared, and kept through kills."""

from __future__ import annotations

import functools
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

import yaml
from code_samples import function
from rich.progress import Progress

from langmix.corpus import open_corpus
from langmix.errors import InputError, MissingExtraError
from langmix.evaluate import losses
from langmix.evaluate.execution import Harness, SandboxError
from langmix.laws import fit, write_laws
from langmix.runs import read_runs
from langmix.study import _evaluating as evaluating
from langmix.study import _stages as stages
from langmix.study import read_study, run_study, study_status
from langmix.study._places import Places
from langmix.study._scores import read_scores
from langmix.study._stages import Study
from planted import plant, truth

PROBLEM = {
    "name": "add",
    "language": "py",
    "prompt": "def add(a, b):\n",
    "tests": "assert add(1, 2) == 3\n",
    "stop_tokens": ["\ndef"],
}
ELSEWHERE = {**PROBLEM, "name": "shell", "language": "sh"}
CONFIG: dict[str, Any] = {
    "title": "A test",
    "corpus": {
        "sources": [{"kind": "folder", "path": "code"}],
        "languages": ["python", "java"],
        "vocab_size": 300,
        "validation_bytes": 5000,
    },
    "sizes": [
        {"name": "a", "d_model": 8, "n_layers": 1, "n_heads": 1, "d_ff": 16},
        {"name": "c", "d_model": 16, "n_layers": 1, "n_heads": 1, "d_ff": 32},
    ],
    "recipe": {"sequence": 32, "batch": 4, "evaluation_tokens": 512},
    "plan": {"grid": {"sizes": ["a"], "budgets": [1280, 2560]}},
    "validation": {"size": "c", "tokens": 5120, "seeds": [0, 1], "objectives": {"py": {"python": 1}}},
    "evaluation": {
        "documents": 5,
        "problems": {"paths": ["problems"], "seeds": [1], "temperature": 0, "tokens": 8},
    },
    "draws": 20,
}


def write(folder: Path, config: dict[str, Any], *problems: dict[str, Any]) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    (folder / "problems").mkdir(exist_ok=True)
    rows = "".join(json.dumps(row) + "\n" for row in problems)
    (folder / "problems" / "humaneval-py.jsonl").write_text(rows)


class Absent:
    install = "a snake"

    def find(self) -> None:
        return None


def page(runs: object, laws: object, allocations: object, folder: Path, **others: object) -> Path:
    (folder / "index.html").parent.mkdir(exist_ok=True)
    (folder / "index.html").write_text("a page")
    return folder / "index.html"


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Programs are a few bytes of our own models' noise; the sandbox and the page have tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluating, "Harness", functools.partial(Harness, unsafe=True, workers=1))
        patched.setattr(stages, "write_report", page)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose runs are planted: what is trained are its validation's."""
    folder = tmp_path_factory.mktemp("study")
    rng = random.Random(0)
    for k in range(80):  # five held-out files of each language
        path = folder / "code" / f"repo{k // 20}" / f"file{k}{('.py', '.java')[k % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(function(rng, f"f{k}") + function(rng, f"g{k}"))
    write(folder, CONFIG, PROBLEM, ELSEWHERE)
    plant(truth(np.random.default_rng(1), 2), np.random.default_rng(2)).write(folder / "runs.csv")
    study = Study(folder)
    study.corpus(lambda text: None, Progress(disable=True))
    study.places.mark("train")
    write_laws(fit(read_runs(folder / "runs.csv"), law="transfer", draws=20), folder / "laws.json")
    study.places.mark("fit")
    (folder / "said.txt").write_text("\n".join(run(folder)))
    return folder


@pytest.fixture(scope="module")
def kept(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(trained, tmp_path_factory.mktemp("kept") / "study")


@pytest.fixture
def folder(trained: Path, kept: Path) -> Iterator[Path]:
    """The same, to be broken."""
    yield trained
    shutil.rmtree(trained)
    shutil.copytree(kept, trained)


def run(folder: Path) -> list[str]:
    said: list[str] = []
    run_study(folder, workers=1, say=said.append)
    return said


def test_every_model_is_measured_and_every_arm_compared(trained: Path) -> None:
    scores = read_scores(trained / "evaluation.csv")
    arms, languages = {"uniform", "recommended", "recommended-py"}, {"python", "java"}
    for measure in ("nats_per_token", "bits_per_byte", "bleu"):
        of = scores[scores.measure == measure]
        assert len(of) == 3 * 2 * 2
        assert set(of.arm) == arms
        assert set(of.language) == languages
        assert (of["count"] >= 5).all()
        assert (of.low <= of.value).all()
        assert (of.value <= of.high).all()
    for measure in ("loss gain", "bleu gain"):
        of = scores[scores.measure == measure]
        assert set(of.arm) == arms - {"uniform"}
        assert set(of.against) == {"uniform"}
        assert set(of[of.arm == "recommended-py"].language) == {*languages, "objective: py"}
        assert set(of[of.arm == "recommended"].language) == {
            *languages,
            "objective: all languages alike",
        }
    passed = scores[scores.measure == "pass@1"]
    assert set(passed.arm) == arms
    assert set(passed.language) == {"python", "all"}
    assert (passed.value == 0).all()
    assert (passed.high > 0.9).all()  # one problem says next to nothing
    ended = scores[scores.measure.str.startswith("ended: ") & (scores.language == "all")]
    assert ended.value.sum() == 3


def test_the_losses_are_those_of_evaluate_losses(trained: Path) -> None:
    scores = read_scores(trained / "evaluation.csv")
    corpus = open_corpus(trained / "work" / "corpus")
    own = scores[(scores.arm == "recommended") & (scores.seed == 1)].set_index(["measure", "language"]).value
    for one in losses(trained / "work" / "models" / "validation-recommended-c-s1" / "5120", corpus):
        assert own["nats_per_token", one.language] == pytest.approx(one.nats_per_token, rel=1e-5)
        assert own["bits_per_byte", one.language] == pytest.approx(one.bits_per_byte, rel=1e-5)


def test_a_gain_is_that_of_the_models(trained: Path) -> None:
    scores = read_scores(trained / "evaluation.csv")
    bits = scores[scores.measure == "bits_per_byte"].set_index(["arm", "seed", "language"])
    bits = bits.value.sort_index()
    gains = scores[(scores.measure == "loss gain")].set_index(["arm", "language"]).value
    python = [1 - bits["recommended-py", s, "python"] / bits["uniform", s, "python"] for s in (0, 1)]
    for what in ("python", "objective: py"):
        assert gains["recommended-py", what] == pytest.approx(np.mean(python), abs=1e-5)
    mean = {arm: [bits[arm, s].mean() for s in (0, 1)] for arm in ("uniform", "recommended")}
    alike = [1 - b / a for a, b in zip(mean["uniform"], mean["recommended"], strict=True)]
    assert gains["recommended", "objective: all languages alike"] == pytest.approx(np.mean(alike), abs=1e-5)


def test_what_was_found_is_said(trained: Path) -> None:
    told = [line for line in (trained / "said.txt").read_text().splitlines() if line.startswith("evaluate:")]
    assert told[0].startswith("evaluate: recommended against uniform, for all languages alike: loss gain ")
    assert "; bleu gain " in told[0]
    assert told[1].startswith("evaluate: recommended-py against uniform, for py: loss gain ")
    assert "pass@1 of uniform: 0.0% (0.0% to 95.0%) of 1 problems" in told[2]


def test_it_is_up_to_date_until_something_that_it_reads_changes(folder: Path) -> None:
    assert all(stage.done for stage in study_status(folder))
    said = run(folder)
    assert [line.partition(": ")[2] for line in said] == ["up to date"] * 7
    write(folder, CONFIG, {**PROBLEM, "prompt": "def add(b, a):\n"})
    assert [s.stage for s in study_status(folder) if not s.done] == ["evaluate"]
    told = run(folder)
    assert not any("to train" in line for line in told)
    rows = (folder / "work" / "evaluation" / "validation-uniform-c-s1" / "completions.jsonl").read_text()
    assert [json.loads(line)["prompt"] for line in rows.splitlines()] == ["def add(b, a):\n"]
    write(folder, {**CONFIG, "evaluation": {**CONFIG["evaluation"], "documents": 4}}, PROBLEM)
    assert [s.stage for s in study_status(folder) if not s.done] == ["evaluate"]
    write(folder, {**CONFIG, "title": "Another"}, {**PROBLEM, "prompt": "def add(b, a):\n"})
    assert [s.stage for s in study_status(folder) if not s.done] == ["report"]


def test_models_may_be_deleted_when_they_were_measured(folder: Path) -> None:
    shutil.rmtree(folder / "work" / "models")
    said = run(folder)
    assert [line.partition(": ")[2] for line in said] == ["up to date"] * 7


def test_models_that_are_needed_are_trained_again_and_are_the_same(folder: Path) -> None:
    before = read_scores(folder / "evaluation.csv")
    shutil.rmtree(folder / "work" / "models" / "validation-uniform-c-s0")
    (folder / "work" / "models" / "validation-uniform-c-s1" / "fingerprint").write_text("another\n")
    (folder / "evaluation.csv").unlink()
    said = run(folder)
    assert any(line.startswith("2 of 6 runs to train") for line in said)
    assert read_scores(folder / "evaluation.csv").equals(before)


def test_runs_that_are_added_after_an_evaluation_have_their_models_kept(folder: Path) -> None:
    config = yaml.safe_load((folder / "study.yaml").read_text())
    config["validation"]["seeds"] = [0, 1, 2]
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    run(folder)
    assert sorted(set(read_scores(folder / "evaluation.csv")["seed"].dropna())) == [0, 1, 2]


@pytest.mark.parametrize("what", ["document_losses", "bleu_counts", "write_completions", "execute", "table"])
def test_a_kill_costs_what_was_under_way(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    class Killed(BaseException):
        pass

    before = (folder / "evaluation.csv").read_bytes()
    shutil.rmtree(folder / "work" / "evaluation")
    (folder / "evaluation.csv").unlink()
    calls = 0

    def once(real: Callable[..., Any], *given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2 or what == "table":
            raise Killed
        return real(*given, **named)

    real = getattr(evaluating, what)
    with monkeypatch.context() as patched:
        patched.setattr(evaluating, what, functools.partial(once, real))
        with pytest.raises(Killed):
            run(folder)
    assert not (folder / "evaluation.csv").exists()
    assert [s.stage for s in study_status(folder) if not s.done] == ["evaluate", "report"]
    measured: list[Path] = []
    document_losses = evaluating.document_losses
    monkeypatch.setattr(
        evaluating,
        "document_losses",
        lambda model, corpus: measured.append(model) or document_losses(model, corpus),
    )
    run(folder)
    assert len(measured) == (5 if what == "document_losses" else 0)
    assert (folder / "evaluation.csv").read_bytes() == before


def test_cut_off_files_are_written_again(folder: Path) -> None:
    before = (folder / "evaluation.csv").read_bytes()
    for path in (folder / "work" / "evaluation" / "validation-uniform-c-s1").iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    (folder / "evaluation.csv").unlink()
    run(folder)
    assert (folder / "evaluation.csv").read_bytes() == before


def test_problems_that_are_not_there_are_left_out_until_they_are(folder: Path) -> None:
    (folder / "problems").rename(folder / "elsewhere")
    said = run(folder)
    (line,) = [line for line in said if "left out" in line]
    assert line.startswith(f"evaluate: pass@1 is left out: {folder / 'problems'}: there is no such file")
    scores = read_scores(folder / "evaluation.csv")
    assert "pass@1" not in set(scores.measure)
    assert "bleu" in set(scores.measure)
    assert [s.stage for s in study_status(folder) if not s.done] == ["evaluate"]
    (folder / "elsewhere").rename(folder / "problems")
    run(folder)
    assert "pass@1" in set(read_scores(folder / "evaluation.csv").measure)
    assert all(stage.done for stage in study_status(folder))


def test_a_missing_extra_leaves_out_what_needs_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*given: object, **named: object) -> None:
        raise MissingExtraError(extra="eval", module="sacrebleu", purpose="BLEU")

    shutil.rmtree(folder / "work" / "evaluation")
    (folder / "evaluation.csv").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(evaluating, "bleu_signature", missing)
        said = run(folder)
    assert "evaluate: BLEU is left out: BLEU needs the package 'sacrebleu'" in "\n".join(said)
    assert set(read_scores(folder / "evaluation.csv").measure) >= {"loss gain", "pass@1"}
    said = run(folder)
    assert not any("left out" in line for line in said)
    assert "bleu gain" in set(read_scores(folder / "evaluation.csv").measure)


def test_a_missing_toolchain_leaves_out_its_language(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langmix.evaluate.execution._harness.TOOLCHAINS", {"python": Absent()})
    (folder / "evaluation.csv").unlink()
    said = run(folder)
    assert "evaluate: pass@1 in python is left out: install a snake" in said
    assert "pass@1" not in set(read_scores(folder / "evaluation.csv").measure)


def test_without_a_sandbox_nothing_is_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*given: object, **named: object) -> None:
        raise SandboxError("bubblewrap is not installed")

    monkeypatch.setattr(evaluating, "Harness", absent)
    (folder / "evaluation.csv").unlink()
    said = run(folder)
    assert "evaluate: pass@1 is left out: bubblewrap is not installed" in said
    assert "pass@1" not in set(read_scores(folder / "evaluation.csv").measure)


def test_problems_that_cannot_be_read_are_named_before_anything_is_made(folder: Path) -> None:
    shutil.rmtree(folder / "work")
    (folder / "problems" / "humaneval-py.jsonl").write_text("{]\n")
    with pytest.raises(InputError, match=r"study\.yaml: evaluation: problems: .*line 1: is not JSON"):
        run(folder)
    assert not (folder / "work").exists()
    write(folder, CONFIG, ELSEWHERE)
    with pytest.raises(InputError, match=r"none is in a language of the corpus \(python, java\)"):
        run(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"validation": None}, "evaluation: is of the models that validation trains"),
        ({"evaluation": {"arms": ["uniform", "guided"]}}, "arms: 'guided' is not trained; expected some of"),
        ({"evaluation": {"arms": ["recommended"]}}, "expected uniform too"),
        ({"evaluation": {"problems": {"paths": []}}}, "evaluation.problems.paths"),
        ({"evaluation": {"problems": {"paths": ["x"], "seeds": [7]}}}, "seed 7 is none of validation's"),
        (
            {"evaluation": {"problems": {"paths": ["x"], "samples": 2, "temperature": 0}}},
            "samples: 2 at temperature 0",
        ),
        ({"evaluation": {"problems": {"paths": ["x"], "profile": "old"}}}, "evaluation.problems.profile"),
        ({"evaluation": {"bleu": True}}, "unknown key 'bleu'; expected one of arms, documents, problems"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, change: dict[str, object], told: str) -> None:
    write(tmp_path, {**CONFIG, **change})
    with pytest.raises(InputError) as caught:
        read_study(tmp_path)
    assert told in str(caught.value)
    assert str(tmp_path / "study.yaml") in str(caught.value)


def test_only_the_arms_that_are_asked_for_are_measured(folder: Path) -> None:
    write(folder, {**CONFIG, "evaluation": {"arms": ["uniform", "recommended"], "documents": 0}})
    run(folder)
    scores = read_scores(folder / "evaluation.csv")
    assert set(scores.arm) == {"uniform", "recommended"}
    assert set(scores.measure) == {"nats_per_token", "bits_per_byte", "loss gain"}


def test_paths_of_problems_are_relative_to_the_study(tmp_path: Path) -> None:
    write(tmp_path, CONFIG, PROBLEM)
    places = Places(tmp_path, read_study(tmp_path))
    assert places.problems == [tmp_path / "problems" / "humaneval-py.jsonl"]
