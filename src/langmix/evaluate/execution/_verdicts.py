"""What the end of a program means, language by language."""

from __future__ import annotations

import re
from typing import Final

from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._status import Status

_BUILD_FAILED: Final = re.compile(r"^FAIL\s.*\[(?:build|setup) failed\]", re.MULTILINE)
_NODE_PARSING: Final = re.compile(
    r"^SyntaxError: .*\n(?:    at (?:wrapSafe|internalCompileFunction)\b)", re.MULTILINE
)
_PYTHON_PARSING: Final = re.compile(r"^(?:SyntaxError|IndentationError|TabError)\b", re.MULTILINE)

_ASSERTION: Final = {
    "python": re.compile(r"^AssertionError\b", re.MULTILINE),
    "javascript": re.compile(r"\bAssertionError\b|ERR_ASSERTION"),
    "typescript": re.compile(r"\bAssertionError\b|ERR_ASSERTION"),
    "java": re.compile(r"\bjava\.lang\.AssertionError\b"),
    "csharp": re.compile(r"System\.Diagnostics\.DefaultTraceListener\.Fail"),
    "go": re.compile(r"^\s*--- FAIL: ", re.MULTILINE),
    "rust": re.compile(r"assertion (?:`|failed)"),
}
"""A failed assertion, in what a program writes to its streams."""

_PANIC: Final = {"go": re.compile(r"^panic: ", re.MULTILINE)}
"""What else ends a program whose test then counts as failed too."""

_MEMORY: Final = re.compile(
    r"^MemoryError\b|heap out of memory|java\.lang\.OutOfMemoryError|OutOfMemoryException|"
    r"runtime: out of memory|memory allocation of \d+ bytes failed|can't start new thread|"
    r"failed to spawn thread|failed to create new OS thread",
    re.MULTILINE,
)


def verdict(language: str, ended: Drained) -> Status:
    """The status of a program that ran in a sandbox.

    Args:
        language: of the program.
        ended: what came of it.
    """
    if ended.phase == "setup":
        return Status.HARNESS
    if ended.flooded:
        return Status.OUTPUT
    if ended.exceeded:
        return Status.MEMORY
    if ended.timed_out:
        return Status.COMPILE_TIMEOUT if ended.phase == "compile" else Status.RUN_TIMEOUT
    said = ended.out + ended.err
    if ended.code == 0 and not _failed_all_the_same(language, said):
        # Nothing ran of a program whose compiler never said that it had ended.
        return Status.PASSED if ended.phase == "run" else Status.HARNESS
    if ended.refused or _MEMORY.search(said + ended.compiler):
        return Status.MEMORY
    if ended.phase == "compile" or _does_not_parse(language, said):
        return Status.COMPILE_ERROR
    asserted = _ASSERTION[language].search(said) and not (
        language in _PANIC and _PANIC[language].search(said)
    )
    return Status.ASSERTION if asserted else Status.CRASH


def _failed_all_the_same(language: str, said: str) -> bool:
    """mono goes on after a failed Debug.Assert."""
    return language == "csharp" and _ASSERTION["csharp"].search(said) is not None


def _does_not_parse(language: str, said: str) -> bool:
    """Where parsing is a part of running."""
    if language == "python":
        # Its own text does not parse: no frame of it stands above the error.
        return _PYTHON_PARSING.search(said) is not None and ", in " not in said
    if language in ("javascript", "typescript"):
        return _NODE_PARSING.search(said) is not None
    return language == "go" and _BUILD_FAILED.search(said) is not None
