"""Compilers that stay up: what is found of a program does not depend on what they saw before."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from langmix.evaluate.execution import Harness, Limits
from langmix.evaluate.execution._status import Status

RIGHT = {
    "java": "class Problem { public static void main(String[] a) { System.out.println(7); } }",
    "typescript": "const x: number = 7; console.log(x);",
}
WRONG = {
    "java": "class Problem { int x = true; }",
    "typescript": "const x: string = 7;",
}
LEAVING = {  # what would change the program after it, if anything of it stayed
    "java": "package later; class Other {} class Problem { static class Inner {} }",
    "typescript": "interface Array<T> { later(): number } declare var later: string; const x = [1].later();",
}
ASKING = {
    "java": "class Problem { later.Other other; }",
    "typescript": "console.log([1].later(), later);",
}


@pytest.fixture(scope="module", params=sorted(RIGHT))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def harness(language: str) -> Iterator[Harness]:
    harness = Harness([language], workers=1)
    if harness.missing:
        pytest.skip(f"{language} is not installed: {harness.missing[language]}")
    with harness:
        yield harness


@pytest.fixture(autouse=True)
def limits(harness: Harness) -> None:
    harness.limits = Limits()


def _pid(harness: Harness, language: str) -> int:
    """Of the compiler outside."""
    worker = harness._workers.get()
    harness._workers.put(worker)
    started = worker.compilers[language]._started
    assert started is not None
    return started.process.pid


def test_one_compiler_takes_program_after_program(harness: Harness, language: str) -> None:
    found = [harness.judge(language, text) for text in (RIGHT[language], WRONG[language]) * 3]
    assert [each.status for each in found] == [Status.PASSED, Status.COMPILE_ERROR] * 3
    before = _pid(harness, language)
    for each in found[::2]:
        assert each.ended.out == "7\n"
    assert len({each.ended.compiler for each in found[1::2]}) == 1
    assert "7" in found[1].ended.compiler or "boolean" in found[1].ended.compiler
    harness.judge(language, RIGHT[language])
    assert _pid(harness, language) == before


def test_nothing_of_a_program_is_there_for_the_next(harness: Harness, language: str) -> None:
    alone = harness.judge(language, ASKING[language])
    harness.judge(language, LEAVING[language])
    after = harness.judge(language, ASKING[language])
    assert alone.status is after.status is Status.COMPILE_ERROR
    assert alone.ended.compiler == after.ended.compiler


def test_a_compiler_that_is_killed_is_started_again(harness: Harness, language: str) -> None:
    harness.judge(language, RIGHT[language])
    before = _pid(harness, language)
    os.killpg(before, signal.SIGKILL)
    assert harness.judge(language, RIGHT[language]).status is Status.PASSED
    assert _pid(harness, language) != before


def test_it_outlives_the_thread_that_started_it(harness: Harness, language: str) -> None:
    os.killpg(_pid(harness, language), signal.SIGKILL)
    found: list[Status] = []
    for _ in range(2):  # the first starts it, and ends
        thread = threading.Thread(
            target=lambda: found.append(harness.judge(language, RIGHT[language]).status)
        )
        thread.start()
        thread.join()
    found.append(harness.judge(language, RIGHT[language]).status)
    assert found == [Status.PASSED] * 3


def test_seconds_of_compiling_are_those_of_the_program(harness: Harness, language: str) -> None:
    harness.judge(language, RIGHT[language])
    harness.limits = replace(Limits(), compile_seconds=0.0)
    assert harness.judge(language, RIGHT[language]).status is Status.COMPILE_TIMEOUT
    harness.limits = Limits(compile_seconds=30)
    assert harness.judge(language, RIGHT[language]).status is Status.PASSED


def test_what_a_compiler_writes_is_limited(harness: Harness, language: str) -> None:
    harness.limits = replace(Limits(), output=10)
    assert harness.judge(language, WRONG[language]).status is Status.OUTPUT
    assert harness.judge(language, RIGHT[language]).status is Status.PASSED


def test_a_compiler_that_cannot_start_is_a_fault_of_the_harness(harness: Harness, language: str) -> None:
    worker = harness._workers.get()
    harness._workers.put(worker)
    compiler = worker.compilers[language]
    whole = compiler._server
    try:
        compiler._server = replace(whole, running="false")
        compiler.start()
        assert harness.judge(language, RIGHT[language]).status is Status.HARNESS
    finally:
        compiler._server = whole
    assert harness.judge(language, RIGHT[language]).status is Status.PASSED
