"""Toolchains: the verdicts of the compilers that people know."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from langmix.evaluate.execution import TOOLCHAINS, Harness
from langmix.evaluate.execution._status import Status


@pytest.fixture(scope="module")
def typescript() -> Iterator[Harness]:
    with Harness(["typescript"], workers=1) as harness:
        if harness.missing:
            pytest.skip(f"typescript is not installed: {harness.missing['typescript']}")
        yield harness


@pytest.mark.parametrize(
    "program",
    [
        "function print(x: number): number { return x } console.log(print(3))",
        "interface Node { children: Node[] } const x: number = 3;",
        "function parseInt(x: number) { return x }",
        "function local(x: number): number { return x } console.log(local(3))",
    ],
)
def test_typescript_has_the_verdict_of_its_command(program: str, tmp_path: Path, typescript: Harness) -> None:
    """Also where a program declares again what the standard library declares, and the fault is there."""
    tools = TOOLCHAINS["typescript"].find()
    assert tools is not None
    (library,) = tools.folders.values()
    (tmp_path / "main.ts").write_text(program)
    command = ["node", str(library / "bin" / "tsc"), "--target", "esnext", "main.ts"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = typescript.judge("typescript", program)
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
