from __future__ import annotations

import contextlib
import os
import platform
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from langmix.evaluate.execution._cgroup import Cgroups, Group
from langmix.evaluate.execution._drain import Drained
from langmix.evaluate.execution._harness import Harness
from langmix.evaluate.execution._sandbox import MARK, WORK, Limits, Sandbox, SandboxError, Steps
from langmix.evaluate.execution._seccomp import refusals
from langmix.evaluate.execution._self_test import self_test
from langmix.evaluate.execution._status import Status
from langmix.evaluate.execution._verdicts import verdict

MB = 1 << 20
LIMITS = Limits(
    compile_seconds=60, run_seconds=60, memory=128 * MB, processes=48, output=4 * MB, disk=16 * MB
)


def _holds() -> bool:
    """Whether bubblewrap works at all here."""
    with contextlib.suppress(OSError):
        plain = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
        return subprocess.run(plain, capture_output=True, check=False).returncode == 0
    return False


HOLDS = _holds()
MISSING = "bubblewrap is not installed, or makes no namespaces here"
needs_bubblewrap = pytest.mark.skipif(not HOLDS, reason=MISSING)


@pytest.fixture(params=["cgroups", "no cgroups"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    if not HOLDS:
        pytest.skip(MISSING)
    if request.param == "no cgroups":
        monkeypatch.setattr(Cgroups, "here", classmethod(lambda cls: None))
    elif Cgroups.here() is None:
        pytest.skip("no cgroup can be made here")
    return Sandbox(2)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user may reach."""
    with tempfile.TemporaryDirectory(prefix="langmix-test-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def _run(sandbox: Sandbox, script: str, limits: Limits = LIMITS, **steps: object) -> Drained:
    files = {"main.sh": script.encode()}
    return sandbox.run(Steps(**{"files": files, "running": "bash main.sh", **steps}), limits)


@pytest.mark.parametrize(
    "script", ["sleep 60", "exec >&- 2>&-; sleep 60", "trap '' TERM INT HUP; while :; do :; done"]
)
def test_seconds_of_running_are_limited(sandbox: Sandbox, script: str) -> None:
    begun = time.monotonic()
    ended = _run(sandbox, script, Limits(run_seconds=0.4))
    assert ended.timed_out
    assert (ended.phase, ended.code) == ("run", 137)
    assert 0.4 <= ended.run_seconds < time.monotonic() - begun < 40


def test_seconds_of_compiling_are_limited(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "echo runs", Limits(compile_seconds=2), compiling=["sleep 60"])
    assert ended.timed_out
    assert (ended.phase, ended.out, ended.run_seconds) == ("compile", "", 0.0)
    assert 2 <= ended.compile_seconds < 40


@pytest.mark.parametrize(
    "script",
    [
        "head -c 300000000 /dev/zero | tail; sleep 60",
        "for k in $(seq 8); do { (head -c 15000000 /dev/zero; sleep 60) | tail; } & done; wait",
        f"for k in $(seq 8); do head -c 15000000 /dev/zero > {WORK}/$k; done; sleep 60",
    ],
    ids=["one process", "several", "files"],
)
def test_memory_is_limited(sandbox: Sandbox, script: str) -> None:
    ended = _run(sandbox, script, Limits(run_seconds=50, memory=64 * MB, disk=512 * MB))
    assert ended.exceeded
    assert verdict("python", ended) is Status.MEMORY


def test_memory_below_the_limit_is_had(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "head -c 20000000 /dev/zero | tail | wc -c")
    assert (ended.code, ended.out, ended.exceeded) == (0, "20000000\n", False)


def test_processes_are_limited(sandbox: Sandbox) -> None:
    script = "for k in $(seq 40); do sleep 60 & done; echo all"
    few = Limits(run_seconds=50, processes=24)
    assert _run(sandbox, script, running="sh main.sh").out == "all\n"
    ended = _run(sandbox, script, few, running="sh main.sh")
    assert (ended.code != 0, ended.out) == (True, "")
    if sandbox.cgroups is not None:
        assert ended.refused
        assert verdict("python", ended) is Status.MEMORY


@pytest.mark.parametrize("script", ["yes", "yes >&2", "yes & yes >&2 & wait"])
def test_output_is_limited(sandbox: Sandbox, script: str) -> None:
    ended = _run(sandbox, script, Limits(output=2 * MB))
    assert ended.flooded
    assert len(ended.out) + len(ended.err) < 300_000
    assert verdict("python", ended) is Status.OUTPUT


def test_output_of_a_compiler_is_limited(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "echo runs", compiling=["yes"])
    assert ended.flooded
    assert (ended.phase, ended.compiler[:4], ended.out) == ("compile", "y\ny\n", "")


@pytest.mark.parametrize("place", [WORK, "/tmp", "/dev/shm"])
def test_disk_is_limited(sandbox: Sandbox, place: str) -> None:
    large = _run(sandbox, f"head -c 30000000 /dev/zero > {place}/x")
    assert large.code != 0
    many = f"for k in $(seq 12); do head -c 2000000 /dev/zero > {place}/$k || exit 5; done"
    ended = _run(sandbox, many)
    assert (ended.code, "No space left" in ended.err) == (5, True)
    assert _run(sandbox, f"head -c 8000000 /dev/zero > {place}/x").code == 0


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -TERM $$", 143),
        ("kill -SEGV $$", 139),
        ("kill -KILL $$", 137),
    ],
)
def test_exit_codes_and_signals_are_reported(sandbox: Sandbox, script: str, code: int) -> None:
    ended = _run(sandbox, script)
    assert (ended.phase, ended.code, ended.timed_out, ended.exceeded) == ("run", code, False, False)


def test_what_a_compiler_says_is_kept_apart(sandbox: Sandbox) -> None:
    steps = {"compiling": ["echo compiles", "echo warns >&2", "sleep 1"]}
    ended = _run(sandbox, "echo runs; echo errs >&2; exit 4", **steps)
    assert (ended.phase, ended.code) == ("run", 4)
    assert (ended.compiler, ended.out, ended.err) == ("compiles\nwarns\n", "runs\n", "errs\n")
    assert ended.compile_seconds >= 1


def test_what_does_not_compile_does_not_run(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "echo runs", compiling=["echo compiles; false", "echo goes on"])
    assert (ended.phase, ended.code, ended.compiler, ended.out) == ("compile", 1, "compiles\n", "")
    assert verdict("rust", ended) is Status.COMPILE_ERROR


def test_a_command_that_compiles_marks_the_end_of_it(sandbox: Sandbox) -> None:
    ended = _run(sandbox, f"sleep 0.2; {MARK} bash -c 'echo runs; ls /proc/self/fd; exit 3'", marks=True)
    assert (ended.phase, ended.code) == ("run", 3)
    assert ended.out.split() == ["runs", "0", "1", "2", "3"]  # the last is of `ls` itself
    assert ended.compile_seconds >= 0.2
    ended = _run(sandbox, "exit 2", marks=True)
    assert (ended.phase, ended.code) == ("compile", 2)


def test_a_program_has_three_streams(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "ls -l /proc/$$/fd", running="sh main.sh", compiling=["true"])
    inherited = [line for line in ended.out.splitlines() if "->" in line and "main.sh" not in line]
    assert len(inherited) == 3, ended.out


def test_of_long_streams_the_two_ends_are_kept(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "seq 100000; seq 100000 >&2", compiling=["seq 100000"])
    written = "".join(f"{k}\n" for k in range(1, 100_001))
    for kept in (ended.compiler, ended.out, ended.err):
        first, said, last = kept.partition(f"\n... {len(written) - 2 * 65536} bytes ...\n")
        assert said
        assert (written[:65536], written[-65536:]) == (first, last)


def test_text_is_of_every_script_and_may_be_none(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "echo 'naïve 日本 🦀'; printf '\\xff\\xfe!' >&2")
    assert (ended.out, ended.err) == ("naïve 日本 🦀\n", "\N{REPLACEMENT CHARACTER}" * 2 + "!")


def test_what_was_left_running_is_gone_and_not_waited_for(sandbox: Sandbox) -> None:
    begun = time.monotonic()
    ended = _run(sandbox, "setsid sleep 60 & (setsid sleep 60 >&- 2>&- &); echo left")
    assert (ended.code, ended.out) == (0, "left\n")
    assert time.monotonic() - begun < 40


def test_a_sandbox_that_is_not_set_up_says_nothing_about_the_program(sandbox: Sandbox) -> None:
    ended = _run(sandbox, "echo runs", folders={"/opt/tools": Path("/nowhere/tools")})
    assert (ended.phase, ended.out) == ("setup", "")
    assert "/nowhere/tools" in ended.err
    assert verdict("python", ended) is Status.HARNESS


def test_nothing_stays_open_here(sandbox: Sandbox) -> None:
    _run(sandbox, "true")
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    _run(sandbox, "echo x; sleep 60", Limits(run_seconds=0.2))
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@needs_bubblewrap
@pytest.mark.skipif(
    shutil.which("python3", path="/usr/bin:/usr/local/bin") is None, reason="no python3 in /usr"
)
def test_two_at_once_do_not_see_one_another() -> None:
    stays = "touch /tmp/x /dev/shm/x /program/x; sleep 1.5 & python3 main.py & wait"
    listens = (
        "import socket, time\n"
        "a, b = socket.socket(), socket.socket(socket.AF_UNIX)\n"
        "a.bind(('127.0.0.1', 7007)), b.bind('\\0langmix-test')\n"
        "a.listen(), b.listen(), time.sleep(1.5)\n"
    )
    looks = (
        "ls /tmp /dev/shm /program; ls -d /proc/[0-9]* | wc -l; cat /proc/net/unix | grep langmix-test\n"
        "(exec 3<>/dev/tcp/127.0.0.1/7007) 2>/dev/null && echo reached; true"
    )
    ended: list[Drained] = []
    first = Steps(files={"main.sh": stays.encode(), "main.py": listens.encode()}, running="bash main.sh")
    other = threading.Thread(target=lambda: ended.append(Sandbox(2).run(first, LIMITS)))
    other.start()
    time.sleep(0.7)
    seen = _run(Sandbox(3), looks)
    assert other.is_alive()
    other.join()
    assert (ended[0].code, ended[0].err) == (0, "")
    assert seen.out.split()[:4] == ["/dev/shm:", "/program:", "main.sh", "/tmp:"]
    assert "reached" not in seen.out
    assert "langmix-test" not in seen.out
    assert int(seen.out.split()[4]) < 7


def test_a_sandbox_that_holds_passes(sandbox: Sandbox) -> None:
    self_test(sandbox)


@needs_bubblewrap
@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("--unshare-net", "reaches the ports"),
        ("--unshare-pid", "sees the processes"),
        ("--disable-userns", "makes namespaces"),
        ("--seccomp N", "no call to the kernel is refused"),
        ("--ro-bind /usr /usr", "does not hold here"),
        ("--unshare-user", "does not hold here"),
    ],
)
def test_a_missing_wall_is_noticed(
    without: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    option, *values = without.split()
    script = f"""#!/bin/bash
        kept=()
        while [ $# -gt 0 ]; do
            if [ "$1" = {option} ]; then shift {1 + len(values)}; continue; fi
            kept+=("$1"); shift
        done
        exec {shutil.which("bwrap")} "${{kept[@]}}"
    """
    _put_first(folder, script, monkeypatch)
    with pytest.raises(SandboxError, match=said):
        self_test(Sandbox(2))


@needs_bubblewrap
@pytest.mark.parametrize("thorough", [False, True])
def test_a_command_that_is_no_sandbox_is_noticed(
    thorough: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs what it is given, and, if it is thorough, with its files."""
    copies = 'cat <&"$2" > "$place/${3##*/}"; echo "${3##*/}" >> "$log"' if thorough else ":"
    script = f"""#!/bin/bash
        place=$(mktemp -d {folder}/XXXX); log={folder}/log
        while [ "$1" != -- ]; do
            if [ "$1" = --file ]; then {copies}; fi
            shift
        done
        echo called >> "$log"; cd "$place"; shift; exec "$@"
    """
    _put_first(folder, script, monkeypatch)
    harness = Harness(["python"], workers=1)
    with pytest.raises(SandboxError, match="does not hold here"), harness:
        pytest.fail("it must not be entered")
    assert (folder / "log").read_text().split() == [*(["probe"] if thorough else []), "called"]


@needs_bubblewrap
def test_memory_without_limit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    if Cgroups.here() is None:
        pytest.skip("no cgroup can be made here")
    monkeypatch.setattr(Group, "entering", property(lambda group: []))
    with pytest.raises(SandboxError, match="does not limit memory"):
        self_test(Sandbox(2))


@needs_bubblewrap
def test_processes_without_limit_are_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cgroups, "here", classmethod(lambda cls: None))
    script = f'#!/bin/bash\nexec {shutil.which("bwrap")} "${{@//ulimit/: ulimit}}"\n'
    _put_first(folder, script, monkeypatch)
    with pytest.raises(SandboxError, match="does not limit processes"):
        self_test(Sandbox(2))


@needs_bubblewrap
def test_outside_a_group_that_cannot_be_entered_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    if Cgroups.here() is None:
        pytest.skip("no cgroup can be made here")
    sandbox = Sandbox(2)
    entering = Group.entering.fget
    monkeypatch.setattr(
        Group,
        "entering",
        property(lambda group: [word.replace("cgroup.procs", "no/procs") for word in entering(group)]),
    )
    ended = _run(sandbox, "echo runs")
    assert (ended.phase, ended.out) == ("setup", "")


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **where: None)
    with pytest.raises(SandboxError, match=r"bubblewrap is not installed.*install the package bubblewrap"):
        Sandbox()


def test_on_another_machine_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **where: "/usr/bin/bwrap")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match="not on riscv64"):
        Sandbox()


def test_unsafe_goes_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    harness = Harness(["python"], workers=1, unsafe=True)
    if "python" in harness.missing:
        pytest.skip(f"python is not installed: {harness.missing['python']}")
    monkeypatch.setattr(shutil, "which", lambda name, **where: None)
    here = tmp_path / "here"
    with harness:
        assert harness.judge("python", f"open({str(here)!r}, 'w').write('x')").status is Status.PASSED
        assert harness.judge("python", "assert 1 == 2").status is Status.ASSERTION
        harness.limits = Limits(run_seconds=1)
        goes_on = "import os, time; os.close(1); os.close(2); time.sleep(60)"
        assert harness.judge("python", goes_on).status is Status.RUN_TIMEOUT
    assert here.read_text() == "x"


WHOLE = {
    "java": "import org.javatuples.*;\nclass Problem {\n  public static void main(String[] a) {\n"
    '    assert Pair.with(1, "x").getValue0() == %s;\n  }\n}\n',
    "typescript": "const x: number = 1;\nif (x !== %s) throw new Error('no');\n",
    "rust": "fn main() { assert_eq!(1, %s); }\n",
    "go": 'package main\n\nimport "testing"\n\nfunc TestOne(t *testing.T) {\n'
    '\tif 1 != %s {\n\t\tt.Error("no")\n\t}\n}\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("language", list(WHOLE))
def test_toolchains_are_found_with_and_without_a_sandbox(language: str, unsafe: bool) -> None:
    harness = Harness([language], workers=1, unsafe=unsafe)
    if language in harness.missing:
        pytest.skip(f"{language} is not installed: {harness.missing[language]}")
    with harness:
        right, wrong = (harness.judge(language, WHOLE[language] % number) for number in (1, 2))
    assert right.status is Status.PASSED, right
    assert wrong.status in (Status.ASSERTION, Status.CRASH)
    assert not Path("/program/Problem.class").exists()


def _put_first(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of the name of bubblewrap, found before it."""
    (folder / "bwrap").write_text(script)
    (folder / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("machine", "name", "numbers"),
    [
        ("x86_64", 0xC000003E, {"read": 0, "keyctl": 250, "memfd_create": 319, "ptrace": 101, "socket": 41}),
        (
            "aarch64",
            0xC00000B7,
            {"read": 63, "keyctl": 219, "memfd_create": 279, "ptrace": 117, "socket": 198},
        ),
    ],
)
def test_which_calls_are_refused(
    machine: str, name: int, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    steps = [*struct.iter_unpack("=HBBI", refusals() or b"")]

    def outcome(number: int, argument: int = 0, machine: int = name) -> int:
        """What the kernel's machine of a filter comes to: 0 to let a call pass, else an error's number."""
        record = {0: number, 4: machine, 16: argument}
        value = at = 0
        while True:
            code, yes, no, operand = steps[at]
            if code == 0x06:
                return 0 if operand == 0x7FFF0000 else operand & 0xFFFF
            if code == 0x20:
                value, jump = record[operand], 0
            else:
                jump = yes if (value == operand if code == 0x15 else value >= operand) else no
            at += 1 + jump

    assert outcome(numbers["read"]) == 0
    assert {outcome(numbers[call]) for call in ("keyctl", "memfd_create", "ptrace")} == {1}
    families = {family: outcome(numbers["socket"], family) for family in (1, 2, 10, 16, 17, 38, 40)}
    assert families == {1: 0, 2: 0, 10: 0, 16: 0, 17: 97, 38: 97, 40: 97}
    assert outcome(numbers["read"], machine=0x40000003) == 1
    assert outcome(numbers["read"] | 0x40000000) == 1
