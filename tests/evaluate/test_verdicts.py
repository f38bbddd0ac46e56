"""What ends of programs mean that come from other releases of toolchains, or are hard to bring about."""

from __future__ import annotations

from dataclasses import fields

import pytest

from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._status import Status
from langmix.evaluate.execution._verdicts import verdict

TRACEBACK = 'Traceback (most recent call last):\n  File "main.py", line 9, in f\n'


def ended(**changed: object) -> Drained:
    known = {field.name: False for field in fields(Drained)} | {
        "phase": "run",
        "code": 1,
        "compiler": "",
        "out": "",
        "err": "",
        "compile_seconds": 0.1,
        "run_seconds": 0.1,
    }
    return Drained(**{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "err", "status"),
    [
        ("rust", "thread 'main' panicked at 'assertion failed: `(left == right)`\n", Status.ASSERTION),
        ("rust", "thread 'main' panicked at 'index out of bounds: the len is 0', m.rs:2:5", Status.CRASH),
        ("rust", "thread 'main' panicked at m.rs:2:5:\nassertion failed: x", Status.ASSERTION),
        ("rust", "memory allocation of 64 bytes failed\n", Status.MEMORY),
        (
            "python",
            'm.py:3: SyntaxWarning: "is"\n  File "m.py", line 2\nSyntaxError: no',
            Status.COMPILE_ERROR,
        ),
        ("python", f"{TRACEBACK}SyntaxError: no\n", Status.CRASH),
        ("python", f"{TRACEBACK}AssertionError: two\nlines\n", Status.ASSERTION),
        ("python", f"{TRACEBACK}AssertionError\n\nWhile that:\n\n{TRACEBACK}KeyError: 1\n", Status.CRASH),
        ("python", f"{TRACEBACK}MemoryError\n", Status.MEMORY),
        ("python", f"{TRACEBACK}RuntimeError: can't start new thread\n", Status.MEMORY),
        ("javascript", "FATAL ERROR: limit - JavaScript heap out of memory\n", Status.MEMORY),
        ("javascript", "m.js:1\nf()\n  ^\n\nRangeError: Array buffer allocation failed\n", Status.MEMORY),
        ("java", 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', Status.MEMORY),
        ("csharp", "\nUnhandled Exception:\nSystem.OutOfMemoryException: Out of memory\n", Status.MEMORY),
    ],
)
def test_the_error_that_ended_it_counts(language: str, err: str, status: Status) -> None:
    assert verdict(language, ended(err=err)) is status


@pytest.mark.parametrize(
    ("out", "status"),
    [
        ("--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tcommand-line-arguments\t0.1s\nFAIL\n", Status.ASSERTION),
        ("--- FAIL: TestA (0.00s)\nFAIL\nexit status 1\nFAIL\tpackage\t0.1s\nFAIL\n", Status.ASSERTION),
        ("--- FAIL: TestA (0.00s)\npanic: no [recovered]\n\nFAIL\tpackage\t0.1s\nFAIL\n", Status.CRASH),
        ("fatal error: runtime: out of memory\n\ngoroutine 1 [running]:\n", Status.MEMORY),
    ],
)
def test_the_end_of_go_test_counts(out: str, status: Status) -> None:
    assert verdict("go", ended(out=out)) is status


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"compiler": "M.java:2: error: ';' expected\ncatch (OutOfMemoryError e)"}, Status.COMPILE_ERROR),
        ({"compiler": "\n\njava.lang.OutOfMemoryError: Java heap space\n"}, Status.MEMORY),
        ({"compiler": "Killed", "exceeded": True, "code": 137}, Status.MEMORY),
        ({"timed_out": True, "code": 137}, Status.COMPILE_TIMEOUT),
        ({"flooded": True, "code": 137}, Status.OUTPUT),
        ({"code": 0}, Status.HARNESS),
    ],
)
def test_ends_of_compilers(changed: dict[str, object], status: Status) -> None:
    assert verdict("java", ended(phase="compile", **changed)) is status
