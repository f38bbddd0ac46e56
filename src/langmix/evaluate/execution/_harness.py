"""A harness: sandboxes and toolchains made ready once, and programs judged in them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from langmix.errors import InputError
from langmix.evaluate.execution._sandbox import Limits, Sandbox, Steps
from langmix.evaluate.execution._self_test import self_test
from langmix.evaluate.execution._status import Status
from langmix.evaluate.execution._toolchains import GO_CACHE, PROFILES, TOOLCHAINS, Profile, Tools
from langmix.evaluate.execution._verdicts import verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was found of one program.

    Attributes:
        status: exactly one.
        code: exit code of the phase in which it ended.
        compiler, out, err: what was written.
        compile_seconds, run_seconds: of wall-clock time.
    """

    status: Status
    code: int
    compiler: str
    out: str
    err: str
    compile_seconds: float
    run_seconds: float


class Harness:
    """Judges programs; a context manager.

    Args:
        languages: to be ready for; those without a toolchain are in ``missing``.
        profile: ``multiple`` or ``modern``, see `TOOLCHAINS`.
        limits: of every program.
        workers: programs at once; default: one per core.
        unsafe: no sandbox.

    Attributes:
        tools: by language.
        missing: by language, what to install.

    Raises:
        InputError: an unknown language or profile.
        SandboxError: there is no sandbox here, or it does not hold what it promises.
    """

    def __init__(
        self,
        languages: Sequence[str],
        *,
        profile: Profile = "multiple",
        limits: Limits | None = None,
        workers: int | None = None,
        unsafe: bool = False,
    ) -> None:
        if profile not in PROFILES:
            raise InputError(f"profile {profile!r}: is not known; expected one of {', '.join(PROFILES)}")
        if unknown := [name for name in languages if name not in TOOLCHAINS]:
            raise InputError(
                f"language {unknown[0]!r}: no program of it can be judged; expected one of "
                f"{', '.join(TOOLCHAINS)}"
            )
        self.profile, self.limits, self.unsafe = profile, limits or Limits(), unsafe
        self.workers = workers or len(os.sched_getaffinity(0))
        found = {name: TOOLCHAINS[name].find() for name in dict.fromkeys(languages)}
        self.tools: dict[str, Tools] = {name: tools for name, tools in found.items() if tools is not None}
        self.missing = {name: TOOLCHAINS[name].install for name, tools in found.items() if tools is None}
        self._stack = ExitStack()
        self._sandboxes: SimpleQueue[Sandbox] = SimpleQueue()
        self._shared: dict[str, Path] = {}

    def __enter__(self) -> Harness:
        with self._stack:
            sandboxes = [Sandbox(place, unsafe=self.unsafe) for place in range(self.workers)]
            if not self.unsafe:
                self_test(sandboxes[0])
            scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="langmix-")))
            scratch.chmod(0o755)
            as_other = sandboxes[0].uid is not None and not self.unsafe
            if as_other:
                self.tools = {name: _seen(tools, scratch / name) for name, tools in self.tools.items()}
            if "go" in self.tools:
                self._shared["go"] = _go_cache(self.tools["go"], scratch)
            for sandbox in sandboxes:
                self._sandboxes.put(sandbox)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def judge(self, language: str, program: str) -> Verdict:
        """Run one program; from any thread.

        Args:
            language: that has tools.
            program: whole, with its tests.
        """
        steps = self.steps(language, program)
        sandbox = self._sandboxes.get()
        try:
            ended = sandbox.run(steps, self.limits)
        finally:
            self._sandboxes.put(sandbox)
        return Verdict(
            status=verdict(language, ended),
            code=ended.code,
            compiler=ended.compiler,
            out=ended.out,
            err=ended.err,
            compile_seconds=ended.compile_seconds,
            run_seconds=ended.run_seconds,
        )

    def steps(self, language: str, program: str) -> Steps:
        """What is run of a program."""
        content = program.encode("utf-8", errors="replace")
        steps = TOOLCHAINS[language].steps(content, self.tools[language], self.profile)
        if language == "go" and "go" in self._shared:
            steps = replace(steps, folders={**steps.folders, GO_CACHE: self._shared["go"]})
        return steps


def _seen(tools: Tools, scratch: Path) -> Tools:
    """Tools whose folders another user may read: links to files that only root could reach."""
    folders: dict[str, Path] = {}
    for k, (inside, outside) in enumerate(tools.folders.items()):
        if all(parent.stat().st_mode & stat.S_IXOTH for parent in (outside, *outside.resolve().parents)):
            folders[inside] = outside
            continue
        copy = scratch / str(k)
        shutil.copytree(
            outside, copy, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("doc", "man")
        )
        folders[inside] = copy
    return replace(tools, folders=folders)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)
    return target


def _go_cache(tools: Tools, scratch: Path) -> Path:
    """A build cache with the standard library, filled outside the sandbox by a program of ours."""
    cache, place = scratch / "go-cache", scratch / "go-warm"
    place.mkdir()
    warm = resources.files("langmix.evaluate.execution") / "go" / "warm_test.go"
    (place / "main_test.go").write_bytes(warm.read_bytes())
    steps = TOOLCHAINS["go"].steps(b"", tools, "multiple")
    environment = {**os.environ, **steps.environment, "GOCACHE": str(cache), "GOPATH": str(place)}
    subprocess.run(
        [tools.commands["go"], "test", "main_test.go"],
        cwd=place,
        env=environment,
        capture_output=True,
        timeout=600,
        check=False,
    )
    for path in (cache, *cache.rglob("*")):
        path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.is_dir() else 0))
    return cache
