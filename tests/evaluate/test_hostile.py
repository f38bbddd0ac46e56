"""Programs that would harm the machine that judges them: what comes of each, and the machine as before.

They are in `hostile/`, by language: the first lines of each say what must come of it. One that gets hold of
what it must not have prints ESCAPED. Words between @ are filled in: places, ports and names of the machine.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from langmix.evaluate.execution import _sandbox
from langmix.evaluate.execution._cgroup import Cgroups
from langmix.evaluate.execution._harness import Harness, Verdict
from langmix.evaluate.execution._sandbox import Limits
from langmix.evaluate.execution._status import Status
from langmix.evaluate.execution.toolchains import TOOLCHAINS

pytestmark = pytest.mark.slow

FIRST_UID: Final = 63_000  # not the one of harnesses that may run beside the tests
LIMITS: Final = Limits(
    compile_seconds=120, run_seconds=20, memory=512 << 20, processes=128, output=2 << 20, disk=64 << 20
)
START: Final = "LANGMIX-TOKEN-"  # of all secrets
KEYCTL: Final = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl


@dataclass(frozen=True, kw_only=True, slots=True)
class Hostile:
    """A program, and what must come of it.

    Attributes:
        language, name: its own.
        program: with its @words@.
        ends: statuses of which one must come, and `because` why these.
        says: what it must have written, to have come as far as it was meant to.
        limits: of its run.
        machine: the one for which it is written, if only one.
    """

    language: str
    name: str
    program: str
    ends: frozenset[Status]
    because: str
    says: str = ""
    limits: Limits = LIMITS
    machine: str = ""

    @classmethod
    def read(cls, path: Path) -> Hostile:
        program = path.read_text(encoding="utf-8")
        head = dict(re.findall(r"^(?:#|//) (\w+): (.*)$", program.split("\n\n")[0], re.MULTILINE))
        limits: dict[str, Any] = {
            key: int(value[:-1]) << 20 if value.endswith("M") else float(value)
            for key, value in (word.split("=") for word in head.get("limits", "").split())
        }
        return cls(
            language=path.parent.name,
            name=path.stem,
            program=program,
            ends=frozenset(Status(status) for status in head["ends"].split(", ")),
            because=head["because"],
            says=head.get("says", ""),
            limits=replace(LIMITS, **limits),
            machine=head.get("machine", ""),
        )

    def __str__(self) -> str:
        return f"{self.language}-{self.name}"


def _flood_by_the_compiler(language: str, program: str) -> Hostile:
    return Hostile(
        language=language,
        name="flood-by-the-compiler",
        program=program,
        ends=frozenset({Status.OUTPUT}),
        because="the compiler writes more than is read",
        limits=replace(LIMITS, output=1 << 20),
    )


def _made() -> Iterator[Hostile]:
    """Programs that are too long to be written."""
    many = "\n".join(f"const a{k}: number = 'no number, but long: {'x' * 60}' + b{k};" for k in range(12_000))
    yield _flood_by_the_compiler("typescript", many)
    many = "\n".join(f'    let x{k}: u8 = "{"y" * 60}";' for k in range(6_000))
    yield _flood_by_the_compiler("rust", f"fn main() {{\n{many}\n}}\n")
    many = "\n".join(f'int x{k} = "{"y" * 40}" + z{k};' for k in range(20_000))
    yield _flood_by_the_compiler("csharp", f"class P {{ static void Main() {{\n{many}\n}} }}\n")
    many = "\n".join(f'  {{ a{k}: {{ b: [{k}, "{k}", {{ c{k}: {k} }}] }} }},' for k in range(150_000))
    yield Hostile(
        language="typescript",
        name="large-source",
        program=f"const x = [\n{many}\n];\n",
        ends=frozenset({Status.MEMORY}),
        because="a type for each of its elements takes more memory than the compiler has",
    )
    many = "\n".join(f"    static final String A{k} = A{k - 1} + A{k - 1};" for k in range(1, 24))
    yield Hostile(
        language="java",
        name="large-constant",
        program=f'public class Problem {{\n    static final String A0 = "{"x" * 1000}";\n{many}\n'
        "    public static void main(String[] args) { System.out.println(A23.length()); }\n}\n",
        ends=frozenset({Status.MEMORY, Status.COMPILE_ERROR, Status.COMPILE_TIMEOUT}),
        because="the compiler joins the strings, and a constant may not be so long",
    )
    deep = "(" * 20_000 + "1" + ")" * 20_000
    yield Hostile(
        language="java",
        name="deep",
        program=f"public class Problem {{ static int x = {deep}; }}\n",
        ends=frozenset({Status.COMPILE_ERROR}),
        because="the compiler's stack overflows",
    )
    yield Hostile(
        language="python",
        name="deep",
        program=f"x = {deep}\n",
        ends=frozenset({Status.COMPILE_ERROR, Status.MEMORY}),
        because="too many parentheses, or a MemoryError of the parser",
    )


PROGRAMS: Final = sorted(
    [*map(Hostile.read, Path(__file__).with_name("hostile").glob("*/*")), *_made()], key=str
)
CLEAN: Final = {
    "python": "assert sum(range(5)) == 10\n",
    "java": "public class Problem { public static void main(String[] a) { assert a.length == 0; } }",
    "javascript": 'require("node:assert").equal([1, 2].length, 2);',
    "typescript": "const x: number = [1, 2].length; if (x !== 2) throw new Error();",
    "csharp": "using System.Diagnostics; class P { static void Main() { Debug.Assert(1 + 1 == 2); } }",
    "go": 'package main\n\nimport "testing"\n\nfunc TestOne(t *testing.T) {\n}\n',
    "rust": "fn main() { assert_eq!(1 + 1, 2); }",
}


def _missing() -> str:
    """What is missing for a sandbox."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    plain = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
    made = subprocess.run(plain, capture_output=True, text=True, check=False)
    return f"bubblewrap makes no namespaces here: {made.stderr.strip()}" if made.returncode else ""


class Machine:
    """What of this machine must not be reached, and whether it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = f"langmix-hostile-{secrets.token_hex(6)}"
        self.token = START + secrets.token_hex(12)
        self.secret = folder / "secret"
        self.secret.write_text(self.token)
        for path, mode in ((folder, 0o777), (self.secret, 0o666)):
            path.chmod(mode)
        self.sockets = [socket.socket(family) for family in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)]
        self.abstract = self.marker
        named = str(folder / "socket")
        for listening, address in zip(
            self.sockets, (("127.0.0.1", 0), f"\0{self.abstract}", named), strict=True
        ):
            listening.bind(address)
            listening.listen()
            listening.setblocking(False)
        Path(named).chmod(0o777)
        user = ["setpriv", "--reuid", str(FIRST_UID), "--regid", str(FIRST_UID), "--clear-groups"]
        self.victim = subprocess.Popen([*(user if os.geteuid() == 0 else []), "sleep", "3600"])
        self.processes = {self.victim.pid, *self._processes()}
        self.key = self._key()
        self.places = ["/", "/usr", "/usr/bin", "/usr/lib", "/etc", "/dev", "/dev/shm", "/dev/pts", "/opt"]
        self.places += ["/tmp", "/var/tmp", "/run", "/proc", str(Path.home()), str(Path.cwd()), str(folder)]
        self.settings = self._settings()
        found = Cgroups.here()
        self.groups = {found.memory, found.pids} if found else set()
        self.users = Path("/etc/passwd").read_text().splitlines()[:1]
        self.harnesses: list[Harness] = []

    def words(self) -> dict[str, str]:
        return {
            "PORT": str(self.sockets[0].getsockname()[1]),
            "ABSTRACT": self.abstract,
            "HOST_FOLDER": str(self.folder),
            "HOST_FILE": str(self.secret),
            "HOME": str(Path.home()),
            "MARKER": self.marker,
            "TOKEN_START": START,
            "VARIABLE": "LANGMIX_HOSTILE",
            "KEY": self.marker,
            "KEY_NUMBER": str(self.key),
        }

    def filled(self, program: str) -> str:
        for word, value in self.words().items():
            program = program.replace(f"@{word}@", value)
        assert not re.search(r"@[A-Z_]+@", program)
        return program

    def check(self) -> None:
        """Nothing was reached; nothing is left but compilers that stay up, and they started nothing."""
        for listening in self.sockets:
            with pytest.raises(BlockingIOError):
                listening.accept()
        assert self.victim.poll() is None
        for number in os.openpty():  # there are still some
            os.close(number)
        assert self.secret.read_text() == self.token
        assert sorted(path.name for path in self.folder.iterdir()) == ["secret", "socket"]
        assert not [place for place in self.places if os.path.lexists(f"{place}/{self.marker}")]
        assert self._settings() == self.settings
        found = set(self._processes())  # first: a compiler that is just being started has more a moment later
        compilers = {pid: below for harness in self.harnesses for pid, below in _compilers(harness).items()}
        assert found <= self.processes.union(*compilers.values())
        assert all(len(processes) <= 3 for processes in compilers.values())
        for above in self.groups:
            assert len([*above.glob(f"langmix-{os.getpid()}-*")]) <= len(compilers)

    def _settings(self) -> list[str]:
        names = ("kernel/hostname", "kernel/core_pattern", "kernel/shmmax", "net/ipv4/ip_forward")
        return [Path("/proc/sys", name).read_text() for name in names]

    def _processes(self) -> Iterator[int]:
        """Those of the sandbox's user; as an ordinary user, one's own in other namespaces."""
        root, own = os.geteuid() == 0, Path("/proc/self/ns/pid").readlink()
        users = range(FIRST_UID, FIRST_UID + 8) if root else (os.geteuid(),)
        for place in Path("/proc").glob("[0-9]*"):
            try:
                ended = (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
                inside = root or (place / "ns" / "pid").readlink() != own
                if inside and not ended and place.stat().st_uid in users:
                    yield int(place.name)
            except OSError:
                continue

    def _key(self) -> int:
        """A key in the session of this process, and so in that of all that it starts."""
        if platform.machine() not in KEYCTL:
            return 0
        add, control = KEYCTL[platform.machine()]
        call = ctypes.CDLL(None).syscall
        call(control, 1, None)
        return max(0, call(add, b"user", self.marker.encode(), self.token.encode(), len(self.token), -3))

    def close(self) -> None:
        for listening in self.sockets:
            listening.close()
        self.victim.kill()
        self.victim.wait()


def _state(folder: Path) -> dict[str, tuple[int, float, int]]:
    """Names, sizes, times and modes of all files below."""
    return {
        str(path): (found.st_size, found.st_mtime, found.st_mode)
        for path in sorted(folder.rglob("*"))
        for found in [path.lstat()]
    }


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    if missing := _missing():
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="langmix-test-") as folder, pytest.MonkeyPatch.context() as patch:
        machine = Machine(Path(folder))
        patch.setenv("LANGMIX_HOSTILE", machine.token)
        try:
            yield machine
        finally:
            machine.close()


@pytest.fixture(scope="module")
def harness(machine: Machine) -> Iterator[Harness]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sandbox, "_FIRST_UID", FIRST_UID)
        with Harness(list(TOOLCHAINS), workers=1) as harness:
            folders = {*_folders(harness)}
            before = {folder: _state(folder) for folder in folders}
            machine.harnesses.append(harness)
            yield harness
            assert {folder: _state(folder) for folder in folders} == before
            scratch = [folder for folder in folders if folder.name == "go-cache"]
        assert not any(folder.exists() for folder in scratch)


def _compilers(harness: Harness) -> dict[int, set[int]]:
    """Processes of each compiler that stays up, by that which was started for it."""
    worker = harness._workers.get()
    harness._workers.put(worker)
    started = [compiler._started.process.pid for compiler in worker.compilers.values() if compiler._started]
    return {pid: set(_below(pid)) for pid in started}


def _below(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _below(int(child))


def _folders(harness: Harness) -> Iterator[Path]:
    for tools in harness.tools.values():
        yield from tools.folders.values()


@pytest.fixture(scope="module")
def harness_without_cgroups(machine: Machine) -> Iterator[Harness]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sandbox, "_FIRST_UID", FIRST_UID + 4)
        patch.setattr(Cgroups, "here", classmethod(lambda cls: None))
        with Harness(["python"], workers=1) as harness:
            yield harness


def _judged(hostile: Hostile, harness: Harness, machine: Machine) -> Verdict:
    if hostile.language not in harness.tools:
        pytest.skip(f"{hostile.language} is not installed: {harness.missing[hostile.language]}")
    if hostile.machine not in ("", platform.machine()):
        pytest.skip(f"it is written for {hostile.machine}")
    program = machine.filled(hostile.program)
    opened = len([*Path("/proc/self/fd").iterdir()])
    harness.limits = hostile.limits
    begun = time.monotonic()
    judged = harness.judge(hostile.language, program)
    ended = judged.ended
    seconds = time.monotonic() - begun
    said = ended.compiler + ended.out + ended.err
    shown = f"{judged.status} with {ended.code} in {seconds:.1f} s; {said[:1000]} ... {said[-300:]}"
    print(hostile, shown)
    assert "ESCAPED" not in ended.out + ended.err, shown  # compilers show lines of the program
    assert not [secret for secret in (machine.token, *machine.users) if secret in said], shown
    assert judged.status in hostile.ends, shown
    assert machine.filled(hostile.says) in said, shown
    assert ended.compile_seconds < hostile.limits.compile_seconds + 20
    assert ended.run_seconds < hostile.limits.run_seconds + 20
    assert seconds < ended.compile_seconds + ended.run_seconds + 20
    assert len([*Path("/proc/self/fd").iterdir()]) == opened
    machine.check()
    return judged


@pytest.mark.parametrize("hostile", PROGRAMS, ids=str)
def test_a_hostile_program_is_contained(hostile: Hostile, harness: Harness, machine: Machine) -> None:
    _judged(hostile, harness, machine)
    harness.limits = LIMITS
    assert harness.judge(hostile.language, CLEAN[hostile.language]).status is Status.PASSED


@pytest.mark.parametrize(
    "hostile",
    [
        hostile
        for hostile in PROGRAMS
        if hostile.language == "python" and re.search("bomb|heap|memory|daemon|taken-over|stop", hostile.name)
    ],
    ids=str,
)
def test_it_is_contained_without_cgroups(
    hostile: Hostile, harness_without_cgroups: Harness, machine: Machine
) -> None:
    _judged(hostile, harness_without_cgroups, machine)
    harness_without_cgroups.limits = LIMITS
    assert harness_without_cgroups.judge("python", CLEAN["python"]).status is Status.PASSED


def test_there_are_hostile_programs_of_every_language() -> None:
    counts = {name: sum(hostile.language == name for hostile in PROGRAMS) for name in TOOLCHAINS}
    assert min(counts.values()) >= 2
    assert len({str(hostile) for hostile in PROGRAMS}) == sum(counts.values()) >= 30
