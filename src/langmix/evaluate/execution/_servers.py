"""Compilers that stay warm: started once per worker, in a sandbox of their own, and asked program by program.

They are the compilers of the commands javac and tsc, with the same options; what they save is starting. What a
program is compiled to comes back as bytes, and runs in another sandbox. A compiler that takes too long or too
much is ended and started anew.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from langmix.evaluate.execution._sandbox import Limits, Running, Sandbox, Steps

_ANSWER: Final = 64 << 20
"""Bytes of an answer: more is no answer."""
_RECYCLED: Final = 500  # programs, after which a compiler is started anew


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What a compiler answered.

    Attributes:
        code: exit code of its command.
        said: its messages.
        files: that it wrote, by name.
        seconds: taken.
        timed_out, exceeded: it was ended, for time or for memory.
    """

    code: int
    said: str
    files: Mapping[str, bytes]
    seconds: float
    timed_out: bool = False
    exceeded: bool = False


class Server:
    """A warm compiler in a sandbox.

    Args:
        sandbox: that it runs in, beside the programs of a worker.
        steps: that start it.
        limits: of time per program, and of memory.
    """

    def __init__(self, sandbox: Sandbox, steps: Steps, limits: Limits) -> None:
        self._sandbox, self._steps, self._limits = sandbox, steps, limits
        self._running: Running | None = None
        self._asked = 0

    def compile(self, program: bytes) -> Compiled:
        """Compile a program."""
        begun = time.monotonic()
        if self._running is None or self._asked >= _RECYCLED:
            self.close()
            self._running = self._sandbox.start(self._steps, self._limits)
            self._asked = 0
        self._asked += 1
        until = begun + self._limits.compile_seconds
        try:
            _send(self._running, struct.pack(">I", len(program)) + program, until)
            code = _number(self._running, until)
            said = _sized(self._running, until).decode("utf-8", errors="replace")
            files = {}
            for _ in range(_number(self._running, until)):
                name = _sized(self._running, until).decode("utf-8")
                files[name] = _sized(self._running, until)
        except (TimeoutError, EOFError, OSError, ValueError) as error:
            exceeded = self._running.exceeded
            self.close()
            timed_out = isinstance(error, TimeoutError)
            return Compiled(
                code=1,
                said="" if timed_out else f"the compiler ended ({error!r})",
                files={},
                seconds=time.monotonic() - begun,
                timed_out=timed_out,
                exceeded=exceeded,
            )
        return Compiled(code=code, said=said, files=files, seconds=time.monotonic() - begun)

    def close(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.close()
            self._running = None


def _send(running: Running, content: bytes, until: float) -> None:
    left = memoryview(content)
    while left:
        _, ready, _ = select.select([], [running.stdin], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        with contextlib.suppress(BlockingIOError):
            left = left[os.write(running.stdin, left[: 1 << 16]) :]


def _receive(running: Running, count: int, until: float) -> bytes:
    if not 0 <= count <= _ANSWER:
        raise ValueError(f"an answer of {count} bytes")
    parts = []
    while count:
        ready, _, _ = select.select([running.stdout], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        content = os.read(running.stdout, min(count, 1 << 16))
        if not content:
            raise EOFError("no answer")
        parts.append(content)
        count -= len(content)
    return b"".join(parts)


def _number(running: Running, until: float) -> int:
    (number,) = struct.unpack(">i", _receive(running, 4, until))
    return int(number)


def _sized(running: Running, until: float) -> bytes:
    return _receive(running, _number(running, until), until)
