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
from typing import Final, Literal

_KEPT: Final = 64 << 10  # bytes of a stream that are kept, at its beginning and at its end each
_READ: Final = 1 << 16
_LOOKED: Final = 0.05  # seconds between looks at whether it has ended, and at what it holds in memory

UP: Final = "up"
"""Said when a sandbox is set up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """What came of a program.

    Attributes:
        phase: in which it ended; ``setup`` if nothing of it ran.
        code: exit code, above 128 that of a signal.
        timed_out: of that phase.
        flooded: it wrote more than it may.
        exceeded: it took more memory than it may.
        refused: it was refused a process, as far as that is known.
        compiler, out, err: what was written, without the middle where it is long.
        compile_seconds, run_seconds: taken.
    """

    phase: Literal["setup", "compile", "run"]
    code: int
    timed_out: bool = False
    flooded: bool = False
    exceeded: bool = False
    refused: bool = False
    compiler: str = ""
    out: str = ""
    err: str = ""
    compile_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def stopped(self) -> bool:
        """Whether it was ended for what it did."""
        return self.timed_out or self.flooded or self.exceeded


class Stream:
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
    exceeded: Callable[[], bool],
    refused: Callable[[], bool],
) -> Drained:
    """Read a process until it ends, or is ended.

    Args:
        process: leader of its group, with its own streams as pipes.
        phase: a pipe with two lines: `UP`, and the exit code of compiling when that has ended.
        compiler: a pipe with what the compiler writes.
        seconds: of compiling, of running.
        most: bytes that it may write.
        exceeded: asked now and then whether it took more memory than it may, which ends it.
        refused: asked at the end whether it was refused a process.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    pipes = {
        "phase": phase,
        "compiler": compiler,
        "out": process.stdout.fileno(),
        "err": process.stderr.fileno(),
    }
    streams = {name: Stream() for name in pipes}
    begun = looked = time.monotonic()
    compiled: float | None = None
    timed_out = flooded = too_large = False
    with selectors.DefaultSelector() as selector:
        for name, number in pipes.items():
            os.set_blocking(number, False)
            selector.register(number, selectors.EVENT_READ, name)
        while True:
            ended = process.poll() is not None  # all that it wrote is in the pipes by now
            now = time.monotonic()
            left = (begun + seconds[0] if compiled is None else compiled + seconds[1]) - now
            timed_out = left <= 0 and not ended
            if streams["phase"].many and (ended or now - looked >= _LOOKED):
                looked, too_large = now, exceeded()
            if timed_out or flooded or too_large:
                break
            wait = 0.0 if ended else min(left, _LOOKED)
            if not selector.get_map():  # of a process that has ended, or goes on without its streams
                if ended:
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(wait)
                continue
            came = selector.select(wait)
            if ended and not came:
                break
            for key, _ in came:
                content = _read(key.fd)
                if content:
                    streams[key.data].add(content)
                elif content is not None:
                    selector.unregister(key.fd)
            if compiled is None and streams["phase"].text.split()[1:2] == ["0"]:
                compiled = time.monotonic()
            flooded = sum(stream.many for stream in streams.values()) > most
    if timed_out or flooded or too_large:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    finished = time.monotonic()
    process.stdout.close()
    process.stderr.close()
    return Drained(
        phase="run" if compiled is not None else "compile" if streams["phase"].many else "setup",
        code=code if code >= 0 else 128 - code,
        timed_out=timed_out,
        flooded=flooded,
        exceeded=too_large,
        refused=refused(),
        compiler=streams["compiler"].text,
        out=streams["out"].text,
        err=streams["err"].text,
        compile_seconds=(compiled or finished) - begun,
        run_seconds=0.0 if compiled is None else finished - compiled,
    )


def _read(number: int) -> bytes | None:
    """What is there; nothing at the end, None where there is none yet."""
    try:
        return os.read(number, _READ)
    except BlockingIOError:
        return None
