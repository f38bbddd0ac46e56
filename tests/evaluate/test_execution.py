"""Problems, completions, pass@k and the judging of many, where the sandbox itself is not what is tested."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langmix.errors import InputError
from langmix.evaluate.execution import (
    MULTIPL_E,
    TOOLCHAINS,
    Harness,
    Judged,
    Limits,
    Problem,
    Sample,
    Status,
    Tools,
    estimate,
    execute,
    multipl_e,
    pass_at_k,
    passed_by_problem,
    read_problems,
    read_samples,
)
from langmix.evaluate.execution import _execute as executing
from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._verdicts import verdict
from terminal import langmix

DEBUG_ASSERT = "Fail: \n  at System.Diagnostics.DefaultTraceListener.Fail (System.String message)"
needs_sandbox = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

ADD = {
    "name": "add",
    "language": "py",
    "prompt": "def add(a, b):\n",
    "tests": "assert add(1, 2) == 3\n",
    "stop_tokens": ["\ndef", "\nif"],
}
RIGHT, WRONG, BROKEN = "    return a + b\n", "    return a - b\n", "    return a +\n"


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@given(st.integers(1, 12), st.data())
def test_the_estimator_is_the_chance_that_one_of_k_drawn_samples_passes(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    drawn = list(itertools.combinations(range(n), k))
    truth = sum(min(chosen) < c for chosen in drawn) / len(drawn)  # the first c pass
    assert estimate(n, c, k) == pytest.approx(truth)


def test_pass_at_k_is_a_mean_over_problems_with_an_interval_over_them() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(0.5, 1.0, 150)
    held = []
    for seed in range(60):
        draw = np.random.default_rng(seed)
        chosen = draw.choice(chance, 80)  # problems of a larger world
        passed = {str(i): list(draw.random(4) < p) for i, p in enumerate(chosen)}
        found = pass_at_k(passed, 1, seed=seed)
        assert found.value == pytest.approx(np.mean([np.mean(each) for each in passed.values()]))
        held.append(found.low <= chance.mean() <= found.high)
    assert 0.8 < np.mean(held) < 0.99


def test_where_all_fail_the_interval_says_how_little_that_tells() -> None:
    none = pass_at_k({str(i): [False] for i in range(20)}, 1)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.05 ** (1 / 20))
    every = pass_at_k({str(i): [True] for i in range(20)}, 1)
    assert (every.value, every.high, every.low) == (1, 1, pytest.approx(0.05 ** (1 / 20)))


def test_fewer_samples_than_k_are_an_error() -> None:
    with pytest.raises(InputError, match=r"pass@2 needs 2 samples of every problem; 'b' has 1"):
        pass_at_k({"a": [True, True], "b": [True]}, 2)
    with pytest.raises(InputError, match="no problem was judged"):
        pass_at_k({}, 1)


def test_a_program_is_prompt_completion_and_tests_and_a_completion_ends_at_a_stop(tmp_path: Path) -> None:
    (problem,) = read_problems([write(tmp_path / "p.jsonl", ADD)])
    assert problem == Problem(
        name="add",
        language="python",
        prompt=ADD["prompt"],
        tests=ADD["tests"],
        stop=("\ndef", "\nif"),  # type: ignore[arg-type]
    )
    assert problem.program(RIGHT) == "def add(a, b):\n    return a + b\n\nassert add(1, 2) == 3\n"
    assert problem.cut("    return 1\nif x:\ndef f(): pass") == "    return 1"
    assert problem.cut("    return 1\n") == "    return 1\n"


def test_completions_come_in_rows_or_in_multipl_es_files(tmp_path: Path) -> None:
    problems = read_problems([write(tmp_path / "p.jsonl", ADD)])
    rows = write(
        tmp_path / "c.jsonl",
        {"task_id": "add", "lang": "python", "completion": RIGHT},
        {"name": "add", "language": "py", "completions": [WRONG, ""]},
    )
    found = read_samples(rows, problems)
    assert [(s.number, s.completion) for s in found] == [(0, RIGHT), (1, WRONG), (2, "")]
    folder = tmp_path / "multipl-e"
    folder.mkdir()
    (folder / "add.json.gz").write_bytes(gzip.compress(json.dumps({**ADD, "completions": [RIGHT]}).encode()))
    (folder / "add.results.json").write_text("{}")
    assert read_samples(folder) == [Sample(problem=problems[0], number=0, completion=RIGHT)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"name": "sub", "language": "py", "completion": ""}, "'sub' in python is none of the problems"),
        ({"name": "add", "language": "py"}, "line 1: has no completion"),
        ({"name": "add", "completion": ""}, "line 1: has no language"),
        ({"name": "add", "language": "py", "completions": "x"}, "completions is no list"),
        ({**ADD, "stop_tokens": "x", "completion": ""}, "stop_tokens is no list"),
    ],
)
def test_wrong_completions_are_told(tmp_path: Path, row: dict[str, object], told: str) -> None:
    problems = read_problems([write(tmp_path / "p.jsonl", ADD)])
    with pytest.raises(InputError, match=told):
        read_samples(write(tmp_path / "c.jsonl", row), problems)


def test_wrong_problems_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_problems([tmp_path / "p.jsonl"])
    with pytest.raises(InputError, match=r"line 2: the problem 'add' occurs a second time in python"):
        read_problems([write(tmp_path / "p.jsonl", ADD, ADD)])
    (tmp_path / "q.jsonl").write_text('{"name": ')
    with pytest.raises(InputError, match="line 1: is not JSON"):
        read_problems([tmp_path / "q.jsonl"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no \.jsonl files"):
        read_problems([tmp_path / "empty"])


def drained(**changes: object) -> Drained:
    plain = {
        "phase": "run",
        "code": 1,
        "timed_out": False,
        "flooded": False,
        "exceeded": False,
        "compiler": "",
        "out": "",
        "err": "",
        "compile_seconds": 0.0,
        "run_seconds": 0.0,
    }
    return Drained(**{**plain, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "changes", "status"),
    [
        ("python", {"code": 0}, Status.PASSED),
        ("python", {"code": 0, "phase": "compile"}, Status.HARNESS),
        ("python", {"code": 137, "timed_out": True}, Status.RUN_TIMEOUT),
        ("java", {"code": 137, "timed_out": True, "phase": "compile"}, Status.COMPILE_TIMEOUT),
        ("python", {"code": 137, "flooded": True}, Status.OUTPUT),
        ("rust", {"code": 137, "exceeded": True, "phase": "compile"}, Status.MEMORY),
        ("java", {"err": 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap'}, Status.MEMORY),
        ("csharp", {"code": 0, "err": DEBUG_ASSERT}, Status.ASSERTION),
        ("csharp", {"code": 0, "err": "well"}, Status.PASSED),
        ("go", {"out": "FAIL\tx [build failed]\n", "phase": "compile"}, Status.COMPILE_ERROR),
        ("rust", {"code": 139}, Status.CRASH),
    ],
)
def test_what_an_end_means(language: str, changes: dict[str, object], status: Status) -> None:
    assert verdict(language, drained(**changes)) is status


def test_every_status_has_a_name_of_multipl_es() -> None:
    assert set(MULTIPL_E) == set(Status)


@needs_sandbox
def test_samples_are_judged_once_and_again_where_anything_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = read_problems([write(tmp_path / "p.jsonl", ADD)])
    texts = (RIGHT, WRONG, BROKEN)
    samples = [Sample(problem=problem, number=k, completion=text) for k, text in enumerate(texts)]
    results = tmp_path / "r.jsonl"
    ran: list[int] = []
    judge = executing._judge

    def counted(sample: Sample, *others: object) -> Judged:
        ran.append(sample.number)
        return judge(sample, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(executing, "_judge", counted)
    limits = Limits(run_seconds=10, memory=256 << 20)
    with Harness(["python"], limits=limits, workers=2) as harness:
        judged = execute(samples, harness, results=results)
        assert [each.status for each in judged] == [Status.PASSED, Status.ASSERTION, Status.COMPILE_ERROR]
        assert sorted(ran) == [0, 1, 2]
        # Killed while it wrote the last line: that one is judged again.
        results.write_bytes(results.read_bytes()[:-30])
        last = json.loads(results.read_text().splitlines()[0])["sample"]
        ran.clear()
        repeated = execute(samples, harness, results=results)
        assert [each.status for each in repeated] == [each.status for each in judged]
        assert len(ran) == 1
        assert last not in ran
        changed = [*samples[:2], Sample(problem=problem, number=2, completion=RIGHT)]
        ran.clear()
        again = execute(changed, harness, results=results)
        assert ran == [2]
        assert [each.status for each in again] == [Status.PASSED, Status.ASSERTION, Status.PASSED]
    assert len(results.read_text().splitlines()) == 3
    assert passed_by_problem(again) == {"python": {"add": [True, False, True]}}
    multipl_e(judged, samples, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "python" / "add.results.json").read_text())
    assert [each["status"] for each in written["results"]] == ["OK", "Exception", "SyntaxError"]
    assert written["results"][0]["program"] == problem.program(RIGHT)


@needs_sandbox
def test_the_command_judges_and_tells(tmp_path: Path) -> None:
    write(tmp_path / "p.jsonl", ADD)
    write(tmp_path / "c.jsonl", {"name": "add", "language": "py", "completions": [RIGHT, WRONG]})
    arguments = ("evaluate", "execute", "c.jsonl", "--problems", "p.jsonl", "--memory", "256M")
    outcome = langmix(*arguments, "--k", "1", "--k", "2", "--json", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert [(one["k"], one["value"]) for one in told["pass_at_k"]["python"]] == [(1, 0.5), (2, 1.0)]
    assert told["statuses"] == {"python": {"passed": 1, "assertion failed": 1}}
    assert told["sandbox"] is True
    assert told["toolchains"]["python"].startswith("Python 3")
    outcome = langmix(*arguments, "--multipl-e", "theirs", cwd=tmp_path)
    assert "50.0" in outcome.stdout
    assert (tmp_path / "theirs" / "python" / "add.results.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--k", "2"], "--k: pass@2 needs 2 samples of every problem; 'add' in python has 1"),
        (["--language", "go"], "--language: no completion is in 'go'; they are in python"),
        (["--profile", "ancient"], "profile 'ancient'"),
        (["--memory", "much"], "--memory"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    write(tmp_path / "p.jsonl", ADD)
    write(tmp_path / "c.jsonl", {"name": "add", "language": "py", "completion": RIGHT})
    outcome = langmix("evaluate", "execute", "c.jsonl", "--problems", "p.jsonl", *arguments, cwd=tmp_path)
    assert outcome.returncode == 2
    assert told in outcome.stderr


def test_a_language_that_cannot_be_judged_is_told(tmp_path: Path) -> None:
    cobol = {**ADD, "language": "cobol", "completion": ""}
    outcome = langmix("evaluate", "execute", str(write(tmp_path / "c.jsonl", cobol)), cwd=tmp_path)
    assert outcome.returncode == 2
    assert "language 'cobol': no program of it can be judged" in outcome.stderr


@needs_sandbox
def test_without_a_toolchain_the_other_languages_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langmix.evaluate.execution import _harness as harness
    from langmix.evaluate.execution import toolchains

    without = replace(toolchains.TOOLCHAINS["go"], find=lambda: None)
    monkeypatch.setitem(harness.TOOLCHAINS, "go", without)
    write(tmp_path / "c.jsonl", {**ADD, "completion": RIGHT}, {**ADD, "language": "go", "completion": ""})
    outcome = langmix("evaluate", "execute", "c.jsonl", "--memory", "256M", "--json", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "go is left out: install Go, the package golang-go" in outcome.stderr
    assert list(json.loads(outcome.stdout)["pass_at_k"]) == ["python"]


def test_verdicts_of_other_samples_stay_in_a_file_of_results(tmp_path: Path) -> None:
    (problem,) = read_problems([write(tmp_path / "p.jsonl", ADD)])
    samples = [Sample(problem=problem, number=k, completion=RIGHT) for k in range(2)]
    results = tmp_path / "r.jsonl"
    with Harness(["python"], workers=1) as harness:
        execute(samples, harness, results=results)
        before = results.read_text()
        execute(samples[:1], harness, results=results)
    assert sorted(results.read_text().splitlines()) == sorted(before.splitlines())


def test_what_a_program_prints_does_not_break_its_line(tmp_path: Path) -> None:
    (problem,) = read_problems([write(tmp_path / "p.jsonl", ADD)])
    completion = RIGHT + "\n\nprint('\\u2028 \\u0085 é')\n"
    row = {"name": problem.name, "language": "python", "completion": completion + "# \u2028\n"}
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    samples = read_samples(path, [problem])
    results = tmp_path / "r.jsonl"
    with Harness(["python"], workers=1) as harness:
        (judged,) = execute(samples, harness, results=results)
        assert "\u2028" in judged.out
        whole = results.read_bytes()
        assert execute(samples, harness, results=results) == [judged]
        results.write_bytes(whole + whole[: whole.index("é".encode()) + 1])  # cut off within a letter
        assert execute(samples, harness, results=results) == [judged]
    assert results.read_bytes() == whole


def test_a_toolchain_that_is_there_and_does_not_work_is_no_fault_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = replace(TOOLCHAINS["python"], find=lambda: Tools(version="9", commands={"python3": "/none"}))
    monkeypatch.setitem(TOOLCHAINS, "python", broken)
    with Harness(["python"], workers=1) as harness:
        assert not harness.tools
        assert "9 fails here with a program that is right" in harness.missing["python"]
        assert "/none" in harness.missing["python"]


def test_names_of_problems_are_no_paths(tmp_path: Path) -> None:
    (problem,) = read_problems([write(tmp_path / "p.jsonl", {**ADD, "name": "../../up/HumanEval/0"})])
    sample = Sample(problem=problem, number=0, completion=RIGHT)
    with Harness(["python"], workers=1) as harness:
        multipl_e(execute([sample], harness), [sample], tmp_path / "a" / "out")
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.results.json")]
    assert len(written) == 1
    assert written[0].parts[:3] == ("a", "out", "python")


def test_an_interval_has_a_width_where_all_problems_came_out_alike() -> None:
    alike = {str(k): [True, False] for k in range(20)}
    found = pass_at_k(alike, 1)
    assert found.low < 0.5 < found.high
    assert found.low == pytest.approx(1 - found.high)
    assert pass_at_k({"one": [True, False]}, 1).low < 0.1


@needs_sandbox
@pytest.mark.parametrize("content", ['{"name": "add", "completion": ""}\n', "a note", "a note\n", "{}\n"])
def test_a_file_that_holds_something_else_is_not_taken_for_results(tmp_path: Path, content: str) -> None:
    write(tmp_path / "c.jsonl", {**ADD, "completion": RIGHT})
    (tmp_path / "o.jsonl").write_text(content)
    done = langmix("evaluate", "execute", "c.jsonl", "-o", "o.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "something else than verdicts; give another --out" in done.stderr
    assert (tmp_path / "o.jsonl").read_text() == content
    done = langmix("evaluate", "execute", "c.jsonl", "-o", "c.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "c.jsonl: is what is read" in done.stderr
