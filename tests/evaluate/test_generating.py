"""What a model that `langmix train` wrote writes: completions of problems, and continuations of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("rensa")
pytest.importorskip("transformers")

from code_samples import write_code  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from langmix.corpus import open_corpus  # noqa: E402
from langmix.errors import InputError  # noqa: E402
from langmix.evaluate import _complete as completing  # noqa: E402
from langmix.evaluate._bleu import bleu  # noqa: E402
from langmix.evaluate._complete import Sampling, complete, write_completions  # noqa: E402
from langmix.evaluate._continuations import continuations, passages  # noqa: E402
from langmix.evaluate.execution import Problem, read_samples  # noqa: E402
from langmix.lab._checkpoints import read_checkpoint  # noqa: E402
from terminal import Run, langmix  # noqa: E402

CONTEXT = 128
PROMPTS = ["def f3(count):\n", "value_7 = ", "    total_3 = parse(", "x\n", "def source(a, b):\n    index"]


def problem(name: str, prompt: str, language: str = "python", *stop: str) -> Problem:
    return Problem(name=name, language=language, prompt=prompt, tests="assert True\n", stop=stop)


LANGUAGES = ("--language", "python", "--language", "rust")
PROBLEMS = [problem(f"p{k}", prompt) for k, prompt in enumerate(PROMPTS)]
GREEDY = Sampling(temperature=0, tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of code and a model trained on it, by the commands."""
    folder = tmp_path_factory.mktemp("generating")
    write_code(folder / "code", suffixes=(".py", ".rs"), files=2)
    for arguments in (
        ("corpus", "corpus", "--source", "code", "--vocab-size", "300", *LANGUAGES),
        ("train", "corpus", "--tokens", "10k", "--size", "25k", "--learning-rate", "1e-2", "-o", "model"),
    ):
        outcome = langmix(*arguments, cwd=folder)
        assert outcome.returncode == 0, outcome.stderr
    return folder


@pytest.fixture
def model(folder: Path) -> Path:
    return folder / "model"


def write(path: Path, *problems: Problem) -> Path:
    rows = [
        {
            "name": each.name,
            "language": each.language,
            "prompt": each.prompt,
            "tests": each.tests,
            "stop_tokens": list(each.stop),
        }
        for each in problems
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def likeliest(folder: Path, prompt: str | list[int], tokens: int) -> str:
    """What the lab's own model finds likeliest, token after token: nothing of transformers is in it."""
    read = read_checkpoint(folder / "model", corpus=open_corpus(folder / "corpus"))
    tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    end = tokenizer.token_to_id("<|endoftext|>")
    given = tokenizer.encode(prompt.rstrip()).ids if isinstance(prompt, str) else prompt
    given, ids = given[-(CONTEXT - tokens) :], []
    with torch.no_grad():
        for _ in range(tokens):
            hidden = read(torch.tensor([[[*given, *ids]]]))[0, -1]
            following = int((hidden @ read.embedding_RVD[0].T).argmax())
            if following == end:
                break
            ids.append(following)
    return str(tokenizer.decode(ids))


def completions(path: Path) -> dict[str, list[str]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["name"]: row["completions"] for row in rows}


def generate(folder: Path, *arguments: object) -> Run:
    return langmix("evaluate", "generate", "model", *arguments, cwd=folder)


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_greedy_completions_are_the_likeliest_tokens_in_any_batch(
    folder: Path, model: Path, batch: int
) -> None:
    written = complete(model, PROBLEMS, Sampling(temperature=0, tokens=12, batch=batch))
    found = {each.problem.name: each.completions for each in written}
    assert found == {each.name: (likeliest(folder, each.prompt, 12),) for each in PROBLEMS}
    assert len(set(found.values())) > 2


def test_a_completion_ends_before_the_first_of_its_own_stops(folder: Path, model: Path) -> None:
    whole = {each.name: likeliest(folder, each.prompt, 12) for each in PROBLEMS}
    stopped = [
        problem(each.name, each.prompt, "python", "never written", whole[each.name][3 + k : 5 + k])
        for k, each in enumerate(PROBLEMS)
    ]
    for batch in (1, 16):
        for each in complete(model, stopped, Sampling(temperature=0, tokens=12, batch=batch)):
            stop, text = each.problem.stop[1], whole[each.problem.name]
            assert each.completions == (text[: text.index(stop)],)


def test_samples_are_a_problem_s_own(model: Path) -> None:
    drawn = Sampling(samples=5, temperature=1.0, tokens=12)
    alone = {each.problem.name: each.completions for each in complete(model, PROBLEMS, drawn)}
    turned = {each.problem.name: each.completions for each in complete(model, PROBLEMS[::-1], drawn)}
    assert alone == turned
    assert all(len(texts) == 5 for texts in alone.values())
    assert len(set(alone["p0"])) > 1
    other = Sampling(samples=5, temperature=1.0, tokens=12, seed=1)
    assert next(complete(model, PROBLEMS[:1], other)).completions != alone["p0"]
    few = Sampling(samples=5, temperature=1.0, tokens=12, batch=2)
    assert len(next(complete(model, PROBLEMS[:1], few)).completions) == 5


def test_a_prompt_longer_than_the_context_loses_its_beginning(folder: Path, model: Path) -> None:
    long = problem("long", "value_1 = parse(index)\n" * 100 + "total_2 = ")
    (written,) = complete(model, [long], GREEDY)
    ids = Tokenizer.from_file(str(model / "tokenizer.json")).encode(long.prompt.rstrip()).ids
    assert written.cut == len(ids) - (CONTEXT - 12)
    assert written.completions == (likeliest(folder, long.prompt, 12),)
    most = Sampling(temperature=0, tokens=1000)  # half of the context is the prompt's at least
    (written,) = complete(model, [long], most)
    assert written.cut == len(ids) - CONTEXT // 2


def test_the_command_writes_what_execute_reads(folder: Path, tmp_path: Path) -> None:
    long = problem("long", "value_1 = parse(index)\n" * 100)
    problems = write(tmp_path / "problems.jsonl", *PROBLEMS, long)
    out = tmp_path / "out.jsonl"
    outcome = generate(
        folder, "--problems", problems, "--temperature", 0, "--tokens", 12, "--batch", 4, "-o", out
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "1 prompts are longer than the model's context" in outcome.stdout + outcome.stderr
    samples = read_samples(out)
    assert [sample.problem for sample in samples] == [*PROBLEMS, long]
    assert {sample.problem.name: sample.completion for sample in samples[:-1]} == {
        each.name: likeliest(folder, each.prompt, 12) for each in PROBLEMS
    }


def test_n_samples_of_the_languages_that_are_asked_for(folder: Path, tmp_path: Path) -> None:
    problems = write(tmp_path / "problems.jsonl", *PROBLEMS[:2], problem("r", "fn f", "rs"))
    common = ("--problems", problems, "-n", 3, "--temperature", 0.8, "--tokens", 6, "--json")
    outcome = generate(folder, *common, "--language", "rust", "-o", tmp_path / "rust.jsonl")
    assert json.loads(outcome.stdout)["problems"] == 1
    assert {name: len(texts) for name, texts in completions(tmp_path / "rust.jsonl").items()} == {"r": 3}
    outcome = generate(folder, *common, "--language", "go", "-o", tmp_path / "go.jsonl")
    assert outcome.returncode == 2
    assert "--language: no problem is in 'go'; they are in python, rust" in " ".join(outcome.stderr.split())
    assert not (tmp_path / "go.jsonl").exists()


def test_it_goes_on_after_a_file_that_was_cut_off(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Sampling(samples=2, temperature=1.0, tokens=8)
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    assert write_completions(model, PROBLEMS, drawn, whole) == (0, 0)
    cut.write_bytes(whole.read_bytes()[:-30])
    asked: list[str] = []
    real = completing.complete

    def watched(folder: Path, problems: list[Problem], sampling: Sampling) -> Any:
        asked.extend(each.name for each in problems)
        return real(folder, problems, sampling)

    monkeypatch.setattr(completing, "complete", watched)
    told: list[int] = []
    assert write_completions(model, PROBLEMS, drawn, cut, advance=told.append) == (0, 4)
    assert asked == ["p4"]
    assert told == [4, 1]
    assert cut.read_bytes() == whole.read_bytes()


def test_a_problem_that_was_changed_is_completed_again(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    write_completions(model, PROBLEMS, GREEDY, out)
    changed = [problem("p0", "import "), *PROBLEMS[1:]]
    assert write_completions(model, changed, GREEDY, out) == (0, 4)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["prompt"] for row in rows if row["name"] == "p0"] == ["import "]
    assert len(rows) == len(PROBLEMS)


def test_completions_of_another_model_or_sampling_are_kept_apart(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    write_completions(model, PROBLEMS, GREEDY, out)
    before, other = out.read_bytes(), Sampling(temperature=0, tokens=11)
    with pytest.raises(InputError, match=r"out\.jsonl: has completions of another model, or drawn otherwise"):
        write_completions(model, PROBLEMS, other, out)
    assert out.read_bytes() == before
    assert write_completions(model, PROBLEMS, other, out, anew=True) == (0, 0)
    assert len(completions(out)) == len(PROBLEMS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--temperature", 0, "-n", 2), "samples: 2 at temperature 0 are all the same"),
        (("--top-p", 0), "top_p: 0; expected a part of the probability, up to 1"),
        (("--problems", "nowhere.jsonl"), "nowhere.jsonl: there is no such file"),
        (("--problems", "empty"), "empty: has no .jsonl files"),
        (("--problems", "broken.jsonl"), "broken.jsonl: line 1: has no tests"),
    ],
)
def test_bad_input_is_named(folder: Path, arguments: tuple[object, ...], told: str) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "broken.jsonl").write_text('{"name": "a", "language": "py", "prompt": "x"}\n')
    write(folder / "problems.jsonl", *PROBLEMS)
    given = arguments if "--problems" in arguments else (*arguments, "--problems", "problems.jsonl")
    outcome = generate(folder, *given, "-o", "bad.jsonl")
    assert outcome.returncode == 2
    assert told in " ".join(outcome.stderr.split())
    assert not (folder / "bad.jsonl").exists()


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no weights"),
        ("tokenizer.json", "has no tokenizer that can be read"),
    ],
)
def test_a_folder_that_is_no_model_is_named(model: Path, tmp_path: Path, lost: str, told: str) -> None:
    for path in model.iterdir():
        if path.name != lost:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=told):
        write_completions(tmp_path, PROBLEMS, GREEDY, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_passages_lie_in_one_document_each_and_are_the_same_for_every_model(folder: Path) -> None:
    corpus = open_corpus(folder / "corpus")
    found = passages(corpus, context=CONTEXT, documents=3)
    assert found == passages(corpus, context=CONTEXT, documents=3)
    assert found != passages(corpus, context=CONTEXT, documents=3, seed=1)
    for name, chosen in found.items():
        tokens, end = corpus.validation(name), corpus.end_of_document(name)
        assert 1 <= len(chosen) <= 3
        for each in chosen:
            assert (len(each.prompt), len(each.reference)) == (CONTEXT // 2, CONTEXT // 2)
            whole = [*each.prompt, *each.reference]
            assert end not in whole
            stands = np.lib.stride_tricks.sliding_window_view(tokens, len(whole))
            assert (stands == whole).all(axis=1).any()
    longer = passages(corpus, context=4 * CONTEXT, documents=3)["python"][0]
    assert (len(longer.prompt), len(longer.reference)) == (256, 64)


def test_continuations_are_the_likeliest_tokens_beside_what_stands_there(folder: Path, model: Path) -> None:
    corpus = open_corpus(folder / "corpus")
    written = continuations(model, corpus, documents=2)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    for name, chosen in passages(corpus, context=CONTEXT, documents=2).items():
        assert written[name].references == [tokenizer.decode(each.reference) for each in chosen]
        assert written[name].texts == [likeliest(folder, each.prompt, CONTEXT // 2) for each in chosen]


def test_the_command_scores_continuations(folder: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "texts.jsonl"
    arguments = ("evaluate", "continuations", "model", "corpus", "--documents", 2, "-o", out)
    outcome = langmix(*arguments, "--json", cwd=folder)
    assert outcome.returncode == 0, outcome.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    for name, found in json.loads(outcome.stdout).items():
        own = [row for row in rows if row["language"] == name]
        score = bleu([row["text"] for row in own], [row["reference"] for row in own], name)
        assert found["score"] == pytest.approx(score.score)
        assert found["items"] == len(own)
    outcome = langmix(*arguments, cwd=folder)
    assert "BLEU of continuations of held-out text" in outcome.stdout
    assert "pygments-Rust" in outcome.stdout
