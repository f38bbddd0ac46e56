"""Problems and completions, in MultiPL-E's files or in rows of JSON."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langmix import files
from langmix.corpus._rows import language_named
from langmix.errors import InputError

_LANGUAGES: Final = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "cs": "csharp",
    "rs": "rust",
    "go_test.go": "go",
}
MULTIPL_E_LANGUAGES: Final = {"java": "java"} | {name: short for short, name in _LANGUAGES.items()}
"""MultiPL-E's names of languages, by ours."""
_NAME: Final = ("name", "task_id", "problem")
_COMPLETION: Final = ("completion", "generation", "output")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem in one language.

    Attributes:
        name: such as ``HumanEval_2_truncate_number``; the same in all languages.
        language: by langmix's name.
        prompt: that a model goes on from.
        tests: that follow a completion.
        stop: texts at which a completion ends, before them.
    """

    name: str
    language: str
    prompt: str
    tests: str
    stop: tuple[str, ...] = ()

    def program(self, completion: str) -> str:
        """The whole program of a completion, as MultiPL-E puts it together."""
        return f"{self.prompt}{completion}\n{self.tests}"

    def cut(self, text: str) -> str:
        """What a model wrote up to the first of the stops."""
        ends = [at for stop in self.stop if (at := text.find(stop)) >= 0]
        return text[: min(ends, default=len(text))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One completion of a problem.

    Attributes:
        problem: that it completes.
        number: among the problem's samples, from 0 on.
        completion: what was written after the prompt.
    """

    problem: Problem
    number: int
    completion: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Language, name and number."""
        return self.problem.language, self.problem.name, self.number


def read_problems(paths: Iterable[Path]) -> list[Problem]:
    """Problems of JSONL files, or of folders of them.

    Raises:
        InputError: no such file, or a row that is no problem; a problem that occurs twice.
    """
    found: dict[tuple[str, str], Problem] = {}
    for path in paths:
        below = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not below:
            raise InputError(f"{path}: has no .jsonl files; expected problems of MultiPL-E")
        for file in below:
            for place, row in _rows(file):
                problem = _problem(row, place)
                key = problem.language, problem.name
                if key in found:
                    raise InputError(
                        f"{place}: the problem {problem.name!r} occurs a second time in {problem.language}; "
                        "expected each once"
                    )
                found[key] = problem
    return list(found.values())


def read_samples(path: Path, problems: Sequence[Problem] = ()) -> list[Sample]:
    """Completions of a JSONL file, or of MultiPL-E's files, one per problem, in a folder.

    A row has a name, a language and a ``completion``, or several ``completions``; its prompt and tests stand
    with it, or in ``problems``.

    Args:
        path: a .jsonl file, or a folder of .json and .json.gz files.
        problems: whose prompts and tests rows may go without.

    Raises:
        InputError: no such file, or a row without a completion, or of an unknown problem.
    """
    known = {(problem.language, problem.name): problem for problem in problems}
    if path.is_dir():
        below = sorted(
            file
            for pattern in ("*.json", "*.json.gz")
            for file in path.glob(pattern)
            if not file.name.endswith((".results.json", ".results.json.gz"))
        )
        if not below:
            raise InputError(
                f"{path}: has no .json or .json.gz files; expected completions in MultiPL-E's format"
            )
        rows = [row for file in below for row in _rows(file)]
    else:
        rows = list(_rows(path))
    found: list[Sample] = []
    many: dict[tuple[str, str], int] = {}
    for place, row in rows:
        if "tests" in row and "prompt" in row:
            problem = _problem(row, place)
        else:
            key = _language(row, place), _named(row, place)
            if key not in known:
                raise InputError(
                    f"{place}: {key[1]!r} in {key[0]} is none of the problems; give its file with "
                    "--problems, or its prompt and tests in the row"
                )
            problem = known[key]
        written = row.get("completions")
        if written is None:
            written = [_first(row, _COMPLETION, place, blank=True)]
        if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
            raise InputError(f"{place}: completions is no list of texts; expected what a model wrote")
        for completion in written:
            number = many.get((problem.language, problem.name), 0)
            many[problem.language, problem.name] = number + 1
            found.append(Sample(problem=problem, number=number, completion=completion))
    if not found:
        raise InputError(f"{path}: has no completions")
    return found


def _rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; expected JSONL, or a folder")
    content = files.read_bytes(path)
    try:
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if path.suffix == ".jsonl":  # not by splitlines: some line ends of Unicode stand raw in texts
        lines = [(f"{path}: line {k}", line) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
    else:
        lines = [(str(path), text)]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for place, line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: is not JSON ({error})") from None
        if not isinstance(row, dict):
            raise InputError(f"{place}: is no object; expected a problem or a completion")
        found.append((place, row))
    return found


def _problem(row: Mapping[str, Any], place: str) -> Problem:
    stop = row.get("stop_tokens") or []
    if not isinstance(stop, list) or not all(isinstance(each, str) for each in stop):
        raise InputError(f"{place}: stop_tokens is no list of texts")
    return Problem(
        name=_named(row, place),
        language=_language(row, place),
        prompt=_first(row, ("prompt",), place, blank=True),
        tests=_first(row, ("tests", "test"), place),
        stop=tuple(stop),
    )


def _language(row: Mapping[str, Any], place: str) -> str:
    name = _first(row, ("language", "lang"), place)
    return _LANGUAGES.get(name, language_named(name))


def _named(row: Mapping[str, Any], place: str) -> str:
    name = _first(row, _NAME, place)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place}: the name {name!r} is no text that can be written") from None
    return name


def _first(row: Mapping[str, Any], names: Sequence[str], place: str, *, blank: bool = False) -> str:
    for name in names:
        if isinstance(value := row.get(name), str) and (blank or value.strip()):
            return value
    raise InputError(f"{place}: has no {names[0]}; expected a text under {' or '.join(names)}")
