"""Completions judged, many at a time; what is judged stays judged when the judging is stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from langmix import files
from langmix._version import VERSION
from langmix.evaluate.execution._harness import Harness
from langmix.evaluate.execution._problems import MULTIPL_E_LANGUAGES, Sample
from langmix.evaluate.execution._status import MULTIPL_E, Status

_NO_FILE_NAME: Final = re.compile(r"[^\w.-]")
_KEPT: Final = 4_000  # characters of each stream in a result


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One completion and its verdict.

    Attributes:
        name, language, sample: of the problem, and the number of the sample.
        mark: hash of the program and of all that it was judged with.
        status: see `Status`.
        code: exit code of the phase in which it ended.
        compile_seconds, run_seconds: taken.
        compiler, out, err: what was written, long ones cut.
    """

    name: str
    language: str
    sample: int
    mark: str
    status: Status
    code: int
    compile_seconds: float
    run_seconds: float
    compiler: str
    out: str
    err: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Language, name and number."""
        return self.language, self.name, self.sample


def execute(
    samples: Sequence[Sample],
    harness: Harness,
    *,
    results: Path | None = None,
    advance: Callable[[int], None] = lambda samples: None,
) -> list[Judged]:
    """Judge samples; those of languages without a toolchain are left out.

    Args:
        samples: to judge.
        harness: entered.
        results: JSONL file that a line is added to as each is judged; samples that it has already, judged by
            the same tools, profile and limits, are not judged again. A harness fault is, and what is found
            then takes the place of what was. Other samples that it has stay there.
        advance: told of samples that are done.

    Returns:
        In the order of the samples.

    Raises:
        InputError: the file of results cannot be read or written.
    """
    mine = [sample for sample in samples if sample.problem.language in harness.tools]
    marks = {sample.key: _mark(sample, harness) for sample in mine}
    before = {each.key: each for each in (_read(results) if results else ())}
    done = {
        key: each
        for key, each in before.items()
        if marks.get(key) == each.mark and each.status is not Status.HARNESS
    }
    if results is not None:  # what is judged anew goes, and what is left of a line that a kill cut off
        kept = (each for key, each in before.items() if key not in marks or key in done)
        files.write_text(results, "".join(_line(each) + "\n" for each in kept))
    advance(len(done))
    # Those of one language are spread: some take ten times as long as others.
    left = sorted(
        (s for s in mine if s.key not in done), key=lambda s: (s.number, s.problem.name, s.problem.language)
    )
    writing = Lock()

    def judge(sample: Sample) -> Judged:
        judged = _judge(sample, harness, marks[sample.key])
        if results is not None:  # here: what is judged when the command is stopped is written
            with writing:
                files.append_line(results, _line(judged))
        return judged

    with ThreadPoolExecutor(harness.workers) as pool:
        waiting = [pool.submit(judge, sample) for sample in left]
        try:
            for future in as_completed(waiting):
                judged = future.result()
                done[judged.key] = judged
                advance(1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[sample.key] for sample in mine]


def multipl_e(judged: Iterable[Judged], samples: Iterable[Sample], folder: Path) -> None:
    """Write verdicts as MultiPL-E's harness does: a ``NAME.results.json`` per problem, by language.

    Harness faults are no verdicts, and left out.

    Raises:
        InputError: they cannot be written.
    """
    programs = {sample.key: sample.problem.program(sample.completion) for sample in samples}
    by_problem: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in judged:
        if each.status is Status.HARNESS:
            continue
        result = {
            "program": programs[each.key],
            "stdout": each.out,
            "stderr": each.err or each.compiler,
            "exit_code": each.code,
            "status": _multipl_e_status(each),
        }
        by_problem.setdefault((each.language, each.name), []).append(result)
    for (language, name), results in by_problem.items():
        content = {"name": name, "language": MULTIPL_E_LANGUAGES[language], "results": results}
        plain = _NO_FILE_NAME.sub("_", name).lstrip(".")
        files.write_text(folder / language / f"{plain}.results.json", json.dumps(content, indent=1) + "\n")


def _multipl_e_status(judged: Judged) -> str:
    """There, Python's errors of indentation are exceptions: it looks for the word SyntaxError."""
    parsed = judged.language != "python" or "SyntaxError" in judged.err
    return MULTIPL_E[judged.status if parsed or judged.status is not Status.COMPILE_ERROR else Status.CRASH]


def passed_by_problem(judged: Iterable[Judged]) -> Mapping[str, dict[str, list[bool]]]:
    """Whether each sample passed, by language and problem; harness faults count for nothing."""
    found: dict[str, dict[str, list[bool]]] = {}
    for each in judged:
        of = found.setdefault(each.language, {}).setdefault(each.name, [])
        if each.status is not Status.HARNESS:
            of.append(each.status is Status.PASSED)
    return found


def _judge(sample: Sample, harness: Harness, mark: str) -> Judged:
    verdict = harness.judge(sample.problem.language, sample.problem.program(sample.completion))
    ended = verdict.ended
    return Judged(
        name=sample.problem.name,
        language=sample.problem.language,
        sample=sample.number,
        mark=mark,
        status=verdict.status,
        code=ended.code,
        compile_seconds=round(ended.compile_seconds, 3),
        run_seconds=round(ended.run_seconds, 3),
        compiler=_cut(ended.compiler),
        out=_cut(ended.out),
        err=_cut(ended.err),
    )


def _mark(sample: Sample, harness: Harness) -> str:
    with_what = {
        "program": sample.problem.program(sample.completion),
        "tools": harness.tools[sample.problem.language].version,
        "profile": harness.profile,
        "limits": asdict(harness.limits),
        "unsafe": harness.unsafe,
        "version": VERSION,
    }
    return hashlib.sha256(json.dumps(with_what, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> list[Judged]:
    found = []
    for _, row in files.whole_rows(path, what="verdicts", has="mark"):
        with contextlib.suppress(ValueError, TypeError, KeyError):  # another version's
            found.append(Judged(**{**row, "status": Status(row["status"])}))
    return found


def _line(judged: Judged) -> str:
    return json.dumps(asdict(judged), ensure_ascii=False)


def _cut(text: str) -> str:
    half = _KEPT // 2
    return text if len(text) <= _KEPT else f"{text[:half]}\n...\n{text[-half:]}"
