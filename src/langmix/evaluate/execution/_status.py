"""How the judging of a program ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Exactly one of these per program."""

    PASSED = "passed"
    ASSERTION = "assertion failed"
    """It ran, and gave an answer that its tests do not expect."""
    CRASH = "crash"
    """An exception that is no failed assertion, a signal, or an exit code other than 0."""
    COMPILE_ERROR = "compile error"
    """It does not parse, does not type-check, or does not link."""
    COMPILE_TIMEOUT = "compile timeout"
    RUN_TIMEOUT = "run timeout"
    MEMORY = "out of memory"
    """It, or its compiler, asked for more memory or processes than it may have."""
    OUTPUT = "output flood"
    """It wrote more than is read of any program."""
    HARNESS = "harness fault"
    """The sandbox or the toolchain failed: it says nothing about the program, and counts for nothing."""


MULTIPL_E: Final = {
    Status.PASSED: "OK",
    Status.ASSERTION: "Exception",
    Status.CRASH: "Exception",
    Status.COMPILE_ERROR: "SyntaxError",
    Status.COMPILE_TIMEOUT: "SyntaxError",
    Status.RUN_TIMEOUT: "Timeout",
    Status.MEMORY: "Exception",
    Status.OUTPUT: "Timeout",
    Status.HARNESS: "Harness",
}
"""The names that MultiPL-E's harness gives; a compiler that does not end is a SyntaxError there."""
