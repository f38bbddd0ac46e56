"""What the end of a program means, language by language.

A program may print anything, the words of a failed assertion among them: what is looked at is the error that
ended it, in the form and in the place in which its runtime reports that.
"""

from __future__ import annotations

import re
from typing import Final

from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._status import Status

_UNCAUGHT: Final = {
    "python": re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)", re.MULTILINE),
    "javascript": re.compile(r"^(?:[ \t]*\^+[ \t]*\n\n?|FATAL ERROR: )(\S.*)", re.MULTILINE),
    "java": re.compile(r'^Exception in thread "[^"\n]*" (.*)', re.MULTILINE),
    "csharp": re.compile(r"^Unhandled Exception:\n(.*)", re.MULTILINE),
    # Until Rust 1.72 the message came first, quoted.
    "rust": re.compile(r"^thread '[^'\n]*'(?: \(\d+\))? panicked at (?:'|.*:\d+:\d+:\n)(.*)", re.MULTILINE),
}
"""The error that a runtime reports on stderr as it ends a program."""
_UNCAUGHT["typescript"] = _UNCAUGHT["javascript"]

_ASSERTION: Final = {
    "python": re.compile(r"AssertionError\b"),
    "javascript": re.compile(r"AssertionError \[ERR_ASSERTION\]"),
    "typescript": re.compile(r"AssertionError \[ERR_ASSERTION\]"),
    "java": re.compile(r"java\.lang\.AssertionError\b"),
    "rust": re.compile(r"assertion (?:`|failed)"),
}
"""A failed assertion, at the beginning of that error."""
_DEBUG_ASSERT: Final = re.compile(r"^  at System\.Diagnostics\.DefaultTraceListener\.Fail ", re.MULTILINE)
"""On stderr: mono reports a failed Debug.Assert, and goes on."""
_GO_FAILED: Final = re.compile(r"^FAIL\n(?:exit status \d+\n)?FAIL\t\S+\t[\d.]+s\nFAIL\n*\Z", re.MULTILINE)
"""At the end of stdout: the tests of Go ran to their end, and one of them failed."""

_ALLOCATION: Final = {
    "python": re.compile(r"MemoryError\b|RuntimeError: can't start new thread"),
    "javascript": re.compile(r".*heap out of memory|.*Array buffer allocation failed"),
    "typescript": re.compile(r".*heap out of memory|.*Array buffer allocation failed"),
    "java": re.compile(r"java\.lang\.OutOfMemoryError\b"),
    "csharp": re.compile(r"System\.OutOfMemoryException\b"),
    "rust": re.compile(r"failed to spawn thread"),
}
"""Memory, or a thread, that was asked for in vain, at the beginning of that error."""
_ABORTED: Final = re.compile(
    r"^(?:fatal error: runtime: (?:out of memory|cannot allocate memory)|"
    r"runtime: failed to create new OS thread|memory allocation of \d+ bytes failed|"
    r"FATAL ERROR: .*heap out of memory|(?:Exception: )?java\.lang\.OutOfMemoryError\b|"
    r"# There is insufficient memory for the Java Runtime Environment|"
    r"Error: Garbage collector could not allocate )",
    re.MULTILINE,
)
"""The same, where a compiler or a runtime ends itself without an error of the language."""

_NODE_PARSING: Final = re.compile(
    r"^SyntaxError: .*\n    at (?:wrapSafe|internalCompileFunction)\b", re.MULTILINE
)
_PYTHON_PARSING: Final = re.compile(r"^(?:SyntaxError|IndentationError|TabError)\b", re.MULTILINE)


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
    failed = _assertion_failed(language, ended)
    if ended.code == 0 and not failed:
        # Nothing ran of a program whose compiler never said that it had ended.
        return Status.PASSED if ended.phase == "run" else Status.HARNESS
    if ended.refused or _asked_in_vain(language, ended):
        return Status.MEMORY
    if ended.phase == "compile" or _does_not_parse(language, ended):
        return Status.COMPILE_ERROR
    return Status.ASSERTION if failed else Status.CRASH


def _error(language: str, ended: Drained) -> str:
    """The first line of the error that ended a program, the last of those reported; empty without one."""
    found = _UNCAUGHT[language].findall(ended.err) if language in _UNCAUGHT else []
    return str(found[-1]) if found else ""


def _assertion_failed(language: str, ended: Drained) -> bool:
    if language == "csharp":
        return _DEBUG_ASSERT.search(ended.err) is not None
    if language == "go":
        return ended.code != 0 and _GO_FAILED.search(ended.out) is not None
    return ended.code != 0 and _ASSERTION[language].match(_error(language, ended)) is not None


def _asked_in_vain(language: str, ended: Drained) -> bool:
    if language in _ALLOCATION and _ALLOCATION[language].match(_error(language, ended)):
        return True
    return any(_ABORTED.search(said) for said in (ended.compiler, ended.out, ended.err))


def _does_not_parse(language: str, ended: Drained) -> bool:
    """Where parsing is a part of running."""
    if language == "python":
        # An error of the program's own text has no traceback; one of `eval` in it has.
        return _PYTHON_PARSING.search(ended.err) is not None and "Traceback (most" not in ended.err
    return language in ("javascript", "typescript") and _NODE_PARSING.search(ended.err) is not None
