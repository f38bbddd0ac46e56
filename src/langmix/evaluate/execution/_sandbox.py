"""A place where programs that models wrote may run: bubblewrap, without network, and with nothing to lose.

Inside are a read-only /usr and the toolchains, an empty /program and /tmp of limited size, a /proc with its
own processes alone, a user without capabilities who can make no further namespaces, a clean environment, and
no calls to the kernel that reach past all this. As root the whole is run by a user who owns nothing. Memory
and processes are limited by cgroup where one may be made, else by a watch on what is resident and by rlimits.
All that was started has ended when a run returns. What cannot run in here does not run: there is no way
around it but `unsafe`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from langmix.errors import LangmixError
from langmix.evaluate.execution._cgroup import Cgroups, Group
from langmix.evaluate.execution._drain import UP, Drained, drain
from langmix.evaluate.execution._resident import resident
from langmix.evaluate.execution._seccomp import refusals

WORK: Final = "/program"
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
MARK: Final = f"{WORK}/.mark"
"""Inside: a program that says that compiling has ended and starts another one."""

_FIRST_UID: Final = 61_000  # above users; one more per place
PLACES: Final = 184  # up to what systemd hands out, 61184
_NOBODY: Final = "65534"
_SHARED_MEMORY: Final = 64 << 20
_WRITABLE: Final = ("/dev/shm", "/tmp", WORK)
_PATIENCE: Final = 10.0  # seconds, for what takes some milliseconds
_ETC: Final = ("alternatives", "java-*-openjdk", "mono", "ld.so.cache")


class SandboxError(LangmixError):
    """There is no sandbox here, or it does not hold what it promises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Of one program.

    Attributes:
        compile_seconds, run_seconds: of wall-clock time, of each of the two phases.
        memory: bytes, of all its processes together, files that it writes included.
        processes: at a time, threads counted.
        output: bytes, of all that it and its compiler write to their streams.
        disk: bytes, of the files in each of the working folder and the one of temporary files.
    """

    compile_seconds: float = 60.0
    run_seconds: float = 15.0
    memory: int = 2 << 30
    processes: int = 256
    output: int = 8 << 20
    disk: int = 256 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """What is run of a program: commands in a shell's words.

    Attributes:
        files: content by name, in the working folder.
        compiling: commands, the first that fails ends it; none where there is nothing to compile.
        running: the command; ``$memory`` is what it may have, in MiB.
        marks: whether `running` compiles too, and starts what it compiled with `MARK`.
        environment: further variables.
        folders: places on this machine that are there, read-only, by their place inside.
    """

    files: Mapping[str, bytes]
    compiling: Sequence[str] = ()
    running: str
    marks: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)


class Sandbox:
    """Runs programs, one at a time; several sandboxes run at once.

    Args:
        place: of this one among those that run at once.
        folders: places on this machine that are always there, read-only, by their place inside.
        unsafe: no sandbox at all: for machines that are thrown away.

    Raises:
        SandboxError: bubblewrap is not installed, or calls to the kernel cannot be refused here.
    """

    def __init__(
        self, place: int = 0, *, folders: Mapping[str, Path] | None = None, unsafe: bool = False
    ) -> None:
        self.place, self.folders, self.unsafe = place, dict(folders or {}), unsafe
        self.uid = _FIRST_UID + place if os.geteuid() == 0 else None
        self.cgroups = Cgroups.here()
        self._bubblewrap = shutil.which("bwrap") or ""
        self._refusals = refusals() or b""
        if not unsafe and not self._bubblewrap:
            raise SandboxError(
                "bubblewrap is not installed, and programs that models wrote run in nothing less: install "
                "the package bubblewrap; on a machine that is thrown away afterwards, --unsafe goes without"
            )
        if not unsafe and not self._refusals:
            raise SandboxError(
                f"the sandbox knows the kernel's calls on x86_64 and aarch64, not on {platform.machine()}: "
                "programs that models wrote are not run; use another machine"
            )

    def run(self, steps: Steps, limits: Limits) -> Drained:
        """Run a program."""
        with _pipe() as phase, _pipe() as compiler:
            script = _script(steps, limits, phase.write, compiler.write)
            if steps.marks:
                closed = f"exec {phase.write}>&- {compiler.write}>&-"
                mark = f'#!/bin/bash\necho 0 >&{phase.write}\n{closed}\nexec "$@"\n'
                steps = replace(steps, files={**steps.files, Path(MARK).name: mark.encode()})
            with self.started(
                steps, limits, script=script, passed=(phase.write, compiler.write), errors=subprocess.PIPE
            ) as started:
                phase.close_write()
                compiler.close_write()
                return drain(
                    started.process,
                    phase=phase.read,
                    compiler=compiler.read,
                    seconds=(limits.compile_seconds, limits.run_seconds),
                    most=limits.output,
                    exceeded=started.exceeded,
                    refused=started.refused,
                )

    @contextlib.contextmanager
    def started(
        self,
        steps: Steps,
        limits: Limits,
        *,
        script: str,
        errors: int,
        passed: Sequence[int] = (),
        given: int = subprocess.DEVNULL,
    ) -> Iterator[Started]:
        """A shell inside, for as long as this context; then nothing of it is left.

        Args:
            steps: whose files, folders and environment are there.
            limits: of all that runs.
            script: for the shell.
            errors: where stderr goes; stdout is a pipe.
            passed: further files that it is given.
            given: stdin.
        """
        with contextlib.ExitStack() as stack:
            group = None
            if self.cgroups is not None:
                memory, processes = limits.memory, limits.processes
                group = stack.enter_context(self.cgroups.group(memory=memory, processes=processes))
            info = stack.enter_context(_pipe())
            given_away = stack.enter_context(contextlib.ExitStack())  # closed here once they are passed on
            descriptors, folder, places = list(passed), "/", {}
            if self.unsafe:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="langmix-"))
                for name, content in steps.files.items():
                    (Path(folder) / name).write_bytes(content)
                    (Path(folder) / name).chmod(0o755)
                places = {
                    WORK: folder,
                    **{inside: str(path) for inside, path in {**self.folders, **steps.folders}.items()},
                }
                command = ["bash", "-c", _outside(script, places)]
            else:
                files = {
                    name: given_away.enter_context(_memory(content)) for name, content in steps.files.items()
                }
                filtered = given_away.enter_context(_memory(self._refusals))
                descriptors += [info.write, filtered, *files.values()]
                command = [self._bubblewrap, "--info-fd", str(info.write), "--seccomp", str(filtered)]
                command += [*self._walls(steps, limits, files), "--", "bash", "-c", script]
            process = subprocess.Popen(
                [*(group.entering if group else ()), *self._as_user(), *command],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=descriptors,
                env={"PATH": PATH, **({} if not self.unsafe else _environment(steps, places))},
                cwd=folder,
                process_group=0,
            )
            given_away.close()
            first = None
            try:
                info.close_write()
                first = _First.of(info.read)
                yield Started(process=process, limits=limits, group=group, first=first)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                for pipe in (process.stdin, process.stdout, process.stderr):
                    if pipe is not None:
                        pipe.close()
                if first is not None:
                    first.end()

    def _as_user(self) -> list[str]:
        if self.uid is None or self.unsafe:
            return []
        user = str(self.uid)
        return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs"]

    def _walls(self, steps: Steps, limits: Limits, files: Mapping[str, int]) -> list[str]:
        command = ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        command += ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        command += ["--unshare-cgroup-try", "--disable-userns", "--uid", _NOBODY, "--gid", _NOBODY]
        command += ["--hostname", "sandbox", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/") / name
            if path.is_symlink():
                command += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                command += ["--ro-bind", str(path), str(path)]
        for path in (found for name in _ETC for found in Path("/etc").glob(name)):
            command += ["--ro-bind", str(path), str(path)]
        command += ["--proc", "/proc", "--dev", "/dev"]
        for place in _WRITABLE:
            size = min(_SHARED_MEMORY, limits.disk) if place == "/dev/shm" else limits.disk
            command += ["--size", str(size), "--tmpfs", place]
        for inside, outside in {**self.folders, **steps.folders}.items():
            command += ["--ro-bind", str(outside), inside]
        for name, number in files.items():
            command += ["--perms", "0755", "--file", str(number), f"{WORK}/{name}"]
        command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK, "--clearenv"]
        environment = {"PATH": PATH, "HOME": WORK, "TMPDIR": "/tmp", "LANG": "C.UTF-8", **steps.environment}
        for name, value in environment.items():
            command += ["--setenv", name, value]
        return command


def _outside(text: str, places: Mapping[str, str]) -> str:
    """Words for a sandbox, with places inside it as they are on this machine."""
    inside = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
    return re.sub(rf"(?<![\w/])({inside})(?![\w-])", lambda match: places[match[1]], text)


def _environment(steps: Steps, places: Mapping[str, str]) -> dict[str, str]:
    return {"HOME": places[WORK]} | {k: _outside(v, places) for k, v in steps.environment.items()}


def limited(limits: Limits) -> str:
    """The first line of a script: what the kernel limits by process, and what it may have in MiB."""
    memory = f"memory={limits.memory >> 20}"
    return f"ulimit -c 0 -u {limits.processes} -f {limits.disk // 1024} || exit; {memory}"


def _script(steps: Steps, limits: Limits, phase: int, compiler: int) -> str:
    """What runs inside: the commands, and word of when the first part has ended."""
    closed = f"exec {phase}>&- {compiler}>&-"
    lines = [limited(limits), f"echo {UP} >&{phase}"]
    if steps.compiling:
        lines += [
            f"{{ {' && '.join(steps.compiling)}; }} >&{compiler} 2>&{compiler} {phase}>&-",
            "code=$?",
            f"echo $code >&{phase}",
            '[ "$code" = 0 ] || exit "$code"',
        ]
    elif not steps.marks:
        lines.append(f"echo 0 >&{phase}")
    if not steps.marks:
        lines.append(closed)
    return "\n".join([*lines, f"exec {steps.running}"])


@dataclass(frozen=True, kw_only=True, slots=True)
class _First:
    """The first process inside: the kernel ends every other one before it has ended."""

    pid: int
    handle: int

    @classmethod
    def of(cls, info: int) -> _First | None:
        """That of which bubblewrap writes; nothing if it has ended, or never was."""
        said = b""
        while b"}" not in said and _readable(info) and (more := os.read(info, 4096)):
            said += more
        if b"}" not in said:
            return None
        described = json.loads(said)
        pid = int(described["child-pid"])
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/ns/pid").stat().st_ino == described.get("pid-namespace"):
                return cls(pid=pid, handle=handle)
        os.close(handle)
        return None

    def end(self) -> None:
        """Kill it, and wait until nothing is left inside."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        _readable(self.handle)
        with contextlib.suppress(ChildProcessError):  # ours, if this is a container's first process
            os.waitid(os.P_PIDFD, self.handle, os.WEXITED | os.WNOHANG)
        os.close(self.handle)


def _readable(number: int) -> bool:
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    return bool(waiting.poll(_PATIENCE * 1000))


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """What runs in a sandbox.

    Attributes:
        process: its leader outside.
        limits: that it has.
        group: its cgroup, where one could be made.
        first: its first process inside, if it ever was.
    """

    process: subprocess.Popen[bytes]
    limits: Limits
    group: Group | None
    first: _First | None

    def exceeded(self) -> bool:
        """Whether it took more memory than it may, files included."""
        if self.group:
            return self.group.exceeded
        inside = self.first.pid if self.first else None
        return resident(self.process.pid, inside, _WRITABLE) > self.limits.memory

    def refused(self) -> bool:
        """Whether it was refused a process, as far as that is known."""
        return self.group is not None and self.group.refused


class _Pipe:
    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        self._open = True

    def close_write(self) -> None:
        if self._open:
            os.close(self.write)
            self._open = False


@contextlib.contextmanager
def _pipe() -> Iterator[_Pipe]:
    pipe = _Pipe()
    try:
        yield pipe
    finally:
        pipe.close_write()
        os.close(pipe.read)


@contextlib.contextmanager
def _memory(content: bytes) -> Iterator[int]:
    """A file without a name, from which the sandbox copies."""
    number = os.memfd_create("langmix")
    try:
        os.write(number, content)
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)
