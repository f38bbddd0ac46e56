"""Programs whose verdict is known: right answers, and wrong ones of every kind, in every language.

`solutions/<language>.jsonl` has completions that solve problems of MultiPL-E, and `solutions/mutants/` has
others, each with the status that it must get. A right answer among the mutants has a `why`: the tests of its
problem cannot be passed. The problems themselves are in ../shared/data/multipl-e.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from langmix.evaluate.execution._harness import Harness
from langmix.evaluate.execution._sandbox import Limits
from langmix.evaluate.execution._status import Status

SOLUTIONS = Path(__file__).parent / "solutions"
SUFFIXES = {
    "python": "py",
    "java": "java",
    "javascript": "js",
    "typescript": "ts",
    "csharp": "cs",
    "go": "go",
    "rust": "rs",
}
KINDS = {
    Status.PASSED,
    Status.ASSERTION,
    Status.COMPILE_ERROR,
    Status.CRASH,
    Status.RUN_TIMEOUT,
    Status.MEMORY,
    Status.OUTPUT,
}


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def solutions(language: str) -> list[dict[str, str]]:
    return [{**row, "status": Status.PASSED} for row in read(SOLUTIONS / f"{language}.jsonl")]


def mutants(language: str) -> list[dict[str, str]]:
    return read(SOLUTIONS / "mutants" / f"{language}.jsonl")


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    limits = Limits(run_seconds=8, memory=1 << 30, output=1 << 20)
    with Harness(list(SUFFIXES), limits=limits) as ready:
        yield ready


def judged(harness: Harness, data: Path, language: str, rows: list[dict[str, str]]) -> dict[str, str]:
    """What was expected of programs and did not come, by name and beginning."""
    if language in harness.missing:
        pytest.skip(f"not installed: {harness.missing[language]}")
    path = data / "multipl-e" / f"humaneval-{SUFFIXES[language]}.jsonl"
    if not path.exists():
        pytest.skip(f"the problems of MultiPL-E (../shared/data/multipl-e/{path.name}) are not there")
    problems = {problem["name"]: problem for problem in read(path)}

    def judge(row: dict[str, str]) -> str:
        problem = problems[row["name"]]
        found = harness.judge(language, f"{problem['prompt']}{row['completion']}\n{problem['tests']}")
        if found.status == row["status"]:
            return ""
        said = "\n".join(stream[-600:] for stream in (found.ended.compiler, found.ended.out, found.ended.err))
        return f"expected {row['status']!r}, got {found.status.value!r}, exit code {found.ended.code}: {said}"

    with ThreadPoolExecutor(harness.workers) as pool:
        wrong = list(pool.map(judge, rows))
    return {
        f"{row['name']}: {row['completion'][:60]}": said
        for row, said in zip(rows, wrong, strict=True)
        if said
    }


@pytest.mark.conformance
@pytest.mark.parametrize("language", SUFFIXES)
def test_every_solution_passes(harness: Harness, shared_data: Path, language: str) -> None:
    assert judged(harness, shared_data, language, solutions(language)) == {}


@pytest.mark.conformance
@pytest.mark.parametrize("language", SUFFIXES)
def test_every_mutant_gets_its_status(harness: Harness, shared_data: Path, language: str) -> None:
    assert judged(harness, shared_data, language, mutants(language)) == {}


def test_twenty_problems_are_solved_in_every_language() -> None:
    names = [{row["name"] for row in solutions(language)} for language in SUFFIXES]
    assert len(set.intersection(*names)) == 20


@pytest.mark.parametrize("language", SUFFIXES)
def test_mutants_are_of_every_kind(language: str) -> None:
    rows = mutants(language)
    assert {row["status"] for row in rows} == KINDS
    assert len({row["name"] for row in rows}) >= 8
    assert Counter(row["status"] for row in rows)[Status.RUN_TIMEOUT] == 1
