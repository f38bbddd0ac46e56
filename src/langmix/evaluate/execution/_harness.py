"""A harness: sandboxes and toolchains made ready once, and programs judged in them."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Final

from langmix.errors import InputError
from langmix.evaluate.execution._compiler import Compiler
from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._sandbox import PLACES, Limits, Sandbox, Steps
from langmix.evaluate.execution._self_test import self_test
from langmix.evaluate.execution._status import Status
from langmix.evaluate.execution._verdicts import verdict
from langmix.evaluate.execution.toolchains import PROFILES, TOOLCHAINS, Profile, Tools

_MOST: Final = PLACES // 4  # a sandbox, and a compiler for each of three languages


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one program: exactly one status, and what it was read from."""

    status: Status
    ended: Drained


class Harness:
    """Judges programs; a context manager.

    Args:
        languages: to be ready for; those without a toolchain are in ``missing``.
        profile: ``multiple`` or ``modern``, see `TOOLCHAINS`.
        limits: of every program.
        workers: programs at once; default: one per core. At most 46, each with users of its own.
        unsafe: no sandbox.

    Attributes:
        tools: by language.
        missing: by language, why it is left out, and what to install.

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
        self.workers = workers or min(len(os.sched_getaffinity(0)), _MOST)
        if self.workers > _MOST:
            raise InputError(f"{self.workers} workers: expected at most {_MOST}; give fewer")
        found = {name: TOOLCHAINS[name].find() for name in dict.fromkeys(languages)}
        self.tools: dict[str, Tools] = {name: tools for name, tools in found.items() if tools is not None}
        self.missing = {
            name: f"install {TOOLCHAINS[name].install}" for name, tools in found.items() if tools is None
        }
        self._stack = ExitStack()
        self._workers: SimpleQueue[_Worker] = SimpleQueue()

    def __enter__(self) -> Harness:
        with self._stack:
            sandboxes = [Sandbox(place, unsafe=self.unsafe) for place in range(self.workers)]
            if not self.unsafe:
                self_test(sandboxes[0])
            scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="langmix-")))
            scratch.chmod(0o755)
            as_other = sandboxes[0].uid is not None and not self.unsafe
            for name, tools in self.tools.items():
                place = scratch / name
                place.mkdir()
                seen = _seen(tools, place) if as_other else tools
                self.tools[name] = TOOLCHAINS[name].prepare(seen, place)
            for sandbox in sandboxes:
                self._workers.put(_Worker(sandbox, self._compilers(sandbox.place)))
            self._leave_out_what_is_broken()
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
        content = program.encode("utf-8", errors="replace")
        worker = self._workers.get()
        try:
            ended = self._run(worker, language, content)
        except OSError as error:  # of this machine: no process, no memory, no room
            ended = Drained(phase="setup", code=-1, err=str(error))
        finally:
            self._workers.put(worker)
        return Verdict(verdict(language, ended), ended)

    def _leave_out_what_is_broken(self) -> None:
        """Not the model's fault: what is found on a machine may not work in a sandbox."""
        names = list(self.tools)
        with ThreadPoolExecutor(self.workers) as pool:
            verdicts = list(pool.map(lambda name: self.judge(name, TOOLCHAINS[name].right), names))
        for name, found in zip(names, verdicts, strict=True):
            if found.status is not Status.PASSED:
                said = " ".join((found.ended.compiler or found.ended.err or found.ended.out).split())[:300]
                version = self.tools.pop(name).version
                self.missing[name] = (
                    f"{version} fails here with a program that is right ({found.status.value}: {said}); "
                    f"expected {TOOLCHAINS[name].install}"
                )

    def _run(self, worker: _Worker, language: str, content: bytes) -> Drained:
        if language not in worker.compilers:
            return worker.sandbox.run(self._steps(language, content), self.limits)
        compiled = worker.compilers[language].compile(content, self.limits)
        if not compiled.succeeded:
            return compiled.ended
        ran = worker.sandbox.run(self._steps(language, compiled.made), self.limits)
        return replace(ran, compiler=compiled.ended.compiler, compile_seconds=compiled.ended.compile_seconds)

    def _steps(self, language: str, content: bytes) -> Steps:
        """What is run of a program, or of what its compiler made."""
        return TOOLCHAINS[language].steps(content, self.tools[language], self.profile)

    def _compilers(self, place: int) -> dict[str, Compiler]:
        """Those that stay up beside one sandbox, each a user of its own."""
        servers = {name: TOOLCHAINS[name].server(tools, self.profile) for name, tools in self.tools.items()}
        compilers: dict[str, Compiler] = {}
        for name, server in servers.items():
            if server is None:
                continue
            sandbox = Sandbox(place + (len(compilers) + 1) * self.workers, unsafe=self.unsafe)
            compilers[name] = Compiler(sandbox, server)
            self._stack.callback(compilers[name].close)
        return compilers


@dataclass(frozen=True, slots=True)
class _Worker:
    """A sandbox for programs, and the compilers beside it by language."""

    sandbox: Sandbox
    compilers: dict[str, Compiler]


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
