"""Compilers that stay up: what is found of a program does not depend on what they saw before."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from langmix.evaluate.execution import TOOLCHAINS, Harness, Limits
from langmix.evaluate.execution._status import Status

RIGHT = {
    "csharp": "class P { static void Main() { System.Console.WriteLine(7); } }",
    "java": "class Problem { public static void main(String[] a) { System.out.println(7); } }",
    "typescript": "const x: number = 7; console.log(x);",
}
WRONG = {
    "csharp": "class P { static void Main() { int x = true; } }",
    "java": "class Problem { int x = true; }",
    "typescript": "const x: string = 7;",
}
LEAVING = {  # what would change the program after it, if anything of it stayed
    "csharp": "namespace Later { public class Other {} } class P { static void Main() {} }",
    "java": "package later; class Other {} class Problem { static class Inner {} }",
    "typescript": "interface Array<T> { later(): number } declare var later: string; const x = [1].later();",
}
ASKING = {
    "csharp": "class P { static void Main() { new Later.Other(); } }",
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
    assert any(word in found[1].ended.compiler for word in ("bool", "string"))
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


@pytest.mark.parametrize(
    "program",
    [
        "function print(x: number): number { return x } console.log(print(3))",
        "interface Node { children: Node[] } const x: number = 3;",
        "function parseInt(x: number) { return x }",
        "function local(x: number): number { return x } console.log(local(3))",
    ],
)
def test_typescript_has_the_verdict_of_its_command(program: str, tmp_path: Path) -> None:
    """Also where a program declares again what the standard library declares, and the fault is there."""
    tools = TOOLCHAINS["typescript"].find()
    if tools is None:
        pytest.skip(f"typescript is not installed: {TOOLCHAINS['typescript'].install}")
    (library,) = tools.folders.values()
    (tmp_path / "main.ts").write_text(program)
    command = ["node", str(library / "bin" / "tsc"), "--target", "esnext", "main.ts"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    with Harness(["typescript"], workers=1) as harness:
        found = harness.judge("typescript", program)
    assert (found.status is Status.COMPILE_ERROR) == (told.returncode != 0)
    assert re.findall(r"TS\d+", found.ended.compiler) == re.findall(r"TS\d+", told.stdout)


def test_csharp_is_that_of_roslyn() -> None:
    program = """using System.Collections.Generic; using System.Diagnostics; using System.Linq;
    class P { static int F(int x) { int Twice(int y) => y * 2; return Twice(x); }
      static void Main() {
        foreach (var (k, v) in new[] { (1, 2) }.Select(p => p)) Debug.Assert(k + v == 3);
        Debug.Assert(1_000 == 10 * 100); Debug.Assert(F(2) switch { 4 => true, _ => false }); } }"""
    with Harness(["csharp"], workers=1) as harness:
        if not harness.tools or harness.tools["csharp"].note:
            pytest.skip("Roslyn is not installed: make toolchains")
        assert harness.judge("csharp", program).status is Status.PASSED
        assert harness.judge("csharp", program.replace("== 3", "== 4")).status is Status.ASSERTION
