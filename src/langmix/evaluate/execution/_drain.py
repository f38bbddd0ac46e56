"""A program's streams, read as they come, within its time and its memory."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

_KEPT: Final = 64 << 10  # bytes of a stream that are kept, at its beginning and at its end each
_READ: Final = 1 << 16
_LOOKED: Final = 0.05  # seconds between looks at what is resident, where no cgroup counts
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """What came of a program.

    Attributes:
        phase: ``compile`` or ``run``, in which it ended.
        code: exit code, above 128 that of a signal.
        timed_out: of that phase.
        flooded: it wrote more than it may.
        exceeded: it took more memory than it may.
        compiler, out, err: what was written, without the middle where it is long.
        compile_seconds, run_seconds: taken.
    """

    phase: Literal["compile", "run"]
    code: int
    timed_out: bool
    flooded: bool
    exceeded: bool
    compiler: str
    out: str
    err: str
    compile_seconds: float
    run_seconds: float


class _Stream:
    """The beginning and the end of what is written."""

    def __init__(self) -> None:
        self.first, self.last, self.many = b"", b"", 0

    def add(self, content: bytes) -> None:
        self.many += len(content)
        room = _KEPT - len(self.first)
        self.first += content[:room]
        self.last = (self.last + content[max(room, 0) :])[-_KEPT:]

    @property
    def text(self) -> str:
        left_out = self.many - len(self.first) - len(self.last)
        middle = f"\n... {left_out} bytes ...\n".encode() if left_out else b""
        return (self.first + middle + self.last).decode("utf-8", errors="replace")


def drain(
    process: subprocess.Popen[bytes],
    *,
    phase: int,
    compiler: int,
    seconds: tuple[float, float],
    most: int,
    memory: int | None,
    exceeded: Callable[[], bool],
) -> Drained:
    """Read a process until it ends, or is ended.

    Args:
        process: leader of its group, with its own streams as pipes.
        phase: a pipe that has the exit code of compiling when that has ended.
        compiler: a pipe with what the compiler writes.
        seconds: of compiling, of running.
        most: bytes that it may write.
        memory: bytes that may be resident, where nothing else limits them.
        exceeded: asked at the end whether memory was.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    streams = {name: _Stream() for name in ("compiler", "out", "err")}
    numbers = {
        phase: "phase",
        compiler: "compiler",
        process.stdout.fileno(): "out",
        process.stderr.fileno(): "err",
    }
    begun = time.monotonic()
    compiled: float | None = None
    timed_out = flooded = grown = False
    looked = begun
    with selectors.DefaultSelector() as selector:
        for number, name in numbers.items():
            os.set_blocking(number, False)
            selector.register(number, selectors.EVENT_READ, name)
        while selector.get_map():
            now = time.monotonic()
            end = begun + seconds[0] if compiled is None else compiled + seconds[1]
            if now >= end:
                timed_out = True
                break
            wait = end - now if memory is None else min(end - now, _LOOKED)
            for key, _ in selector.select(wait):
                content = _read(key.fd)
                if not content:
                    if content is not None:
                        selector.unregister(key.fd)
                elif key.data == "phase":
                    if content.strip() == b"0":
                        compiled = compiled or time.monotonic()
                else:
                    streams[key.data].add(content)
            if sum(stream.many for stream in streams.values()) > most:
                flooded = True
                break
            if memory is not None and (now := time.monotonic()) - looked >= _LOOKED:
                looked = now
                if _resident(process.pid) > memory:
                    grown = True
                    break
    if timed_out or flooded or grown:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    ended = time.monotonic()
    process.stdout.close()
    process.stderr.close()
    return Drained(
        phase="compile" if compiled is None else "run",
        code=code if code >= 0 else 128 - code,
        timed_out=timed_out,
        flooded=flooded,
        exceeded=grown or exceeded(),
        compiler=streams["compiler"].text,
        out=streams["out"].text,
        err=streams["err"].text,
        compile_seconds=(compiled or ended) - begun,
        run_seconds=0.0 if compiled is None else ended - compiled,
    )


def _read(number: int) -> bytes | None:
    """What is there; nothing at the end, None where there is none yet."""
    try:
        return os.read(number, _READ)
    except BlockingIOError:
        return None


def _resident(pid: int) -> int:
    """Bytes in memory of a process and all below it."""
    total, left = 0, [pid]
    while left:
        place = Path("/proc") / str(left.pop())
        try:
            total += int((place / "statm").read_text().split()[1]) * _PAGE
            for task in (place / "task").iterdir():
                left += map(int, (task / "children").read_text().split())
        except (OSError, ValueError, IndexError):
            continue
    return total
