"""Compilers that stay up, each in a sandbox of its own, and are given one program after another.

Starting javac, tsc or Roslyn takes several times as long as they need for a short program once they are
warm. What they read is a program that a model wrote, but nothing of it runs in them: they have no annotation
processors and no plugins.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import struct
import subprocess
import time
from dataclasses import dataclass, replace
from typing import Final

from langmix.evaluate.execution._drain import Drained, Stream
from langmix.evaluate.execution._sandbox import Limits, Sandbox, Started, Steps, limited

_HEAD: Final = struct.Struct(">iII")  # exit code, lengths of what is said and of what was made
_LENGTH: Final = struct.Struct(">I")
_READ: Final = 1 << 16
_LOOKED: Final = 0.05  # seconds between looks at what it holds in memory
_OWN: Final = Limits(memory=2 << 30)  # the heaps of javac and tsc are limited to half of it
_GAVE_WAY: Final = 3  # from this exit code on it was the compiler that failed, not the program


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What came of a program.

    Attributes:
        ended: of its phase `compile`.
        made: what is to be run; nothing where it did not compile.
    """

    ended: Drained
    made: bytes

    @property
    def succeeded(self) -> bool:
        """Whether there is something to run."""
        return self.ended.code == 0 and not self.ended.stopped


class Compiler:
    """One that stays up; it takes one program at a time.

    Args:
        sandbox: for it alone.
        server: what is started; it speaks as those in the folder `toolchains` do.
    """

    def __init__(self, sandbox: Sandbox, server: Steps) -> None:
        self._sandbox, self._server = sandbox, server
        self._stack = contextlib.ExitStack()
        self._started: Started | None = None
        self._errors = -1
        self._fresh = False

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self.close()
        self._errors = os.memfd_create("langmix")
        self._stack.callback(os.close, self._errors)
        self._started = self._stack.enter_context(
            self._sandbox.started(
                self._server,
                _OWN,
                script=_script(self._server),
                errors=self._errors,
                given=subprocess.PIPE,
            )
        )
        self._fresh = True

    def close(self) -> None:
        """End it."""
        self._started = None
        self._stack.close()

    def compile(self, program: bytes, limits: Limits) -> Compiled:
        """Compile a program, within limits of time and output; memory is the compiler's own.

        That the compiler itself failed is said only of one that had seen no other program.
        """
        if self._started is None or self._started.process.poll() is not None:
            self.start()
        assert self._started is not None
        fresh, self._fresh = self._fresh, False
        if fresh:
            up = _exchange(self._started, self._errors, b"", _OWN)
            if not up.succeeded:
                self.close()
                return Compiled(ended=replace(up.ended, phase="setup"), made=b"")
        compiled = _exchange(self._started, self._errors, _LENGTH.pack(len(program)) + program, limits)
        ended = compiled.ended
        if ended.stopped or ended.code >= _GAVE_WAY:
            self.start()
            if not fresh and not ended.timed_out:
                return self.compile(program, limits)
        return compiled


def _script(server: Steps) -> str:
    compiling = " && ".join(f"{command} >&2" for command in server.compiling)
    return f"{limited(_OWN)}\n{compiling + ' || exit' if compiling else ''}\nexec {server.running}"


def _exchange(started: Started, errors: int, given: bytes, limits: Limits) -> Compiled:
    """What a compiler answers to what it is given; its first answer, when it is up, is to nothing."""
    process = started.process
    assert process.stdin is not None
    assert process.stdout is not None
    left, answer = memoryview(given), _Answer()
    timed_out = flooded = exceeded = over = False
    told = os.fstat(errors).st_size
    begun = looked = time.monotonic()
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while not (answer.whole or over or timed_out or flooded or exceeded):
            for key, _ in selector.select(_LOOKED):
                if key.fileobj is process.stdin:
                    left = left[_written(key.fd, left) :]
                    if not left:
                        selector.unregister(process.stdin)
                else:
                    came = os.read(key.fd, _READ)
                    answer.content += came
                    over = not came
            now = time.monotonic()
            if over or now - looked >= _LOOKED:
                looked, exceeded = now, started.exceeded()
            timed_out = now - begun > limits.compile_seconds
            flooded = answer.lengths[0] > limits.output or answer.lengths[1] > limits.disk
    said = Stream()
    said.add(answer.said if answer.content else os.pread(errors, _READ, told))
    return Compiled(
        ended=Drained(
            phase="compile",
            code=answer.code if answer.whole else _code(process) if over else 128 + signal.SIGKILL,
            timed_out=timed_out,
            flooded=flooded,
            exceeded=exceeded,
            compiler=said.text,
            compile_seconds=time.monotonic() - begun,
        ),
        made=answer.made,
    )


class _Answer:
    """What a compiler says of a program, as it comes."""

    def __init__(self) -> None:
        self.content = bytearray()

    @property
    def whole(self) -> bool:
        return len(self.content) >= _HEAD.size + sum(self.lengths)

    @property
    def code(self) -> int:
        return self._head[0]

    @property
    def lengths(self) -> tuple[int, int]:
        """Of what is said, and of what was made."""
        return self._head[1:]

    @property
    def said(self) -> bytes:
        return bytes(self.content[_HEAD.size :][: self.lengths[0]])

    @property
    def made(self) -> bytes:
        return bytes(self.content[_HEAD.size :][self.lengths[0] :])

    @property
    def _head(self) -> tuple[int, int, int]:
        return _HEAD.unpack_from(self.content) if len(self.content) >= _HEAD.size else (0, 0, 0)


def _written(number: int, content: memoryview) -> int:
    try:
        return os.write(number, content)
    except BlockingIOError:
        return 0
    except BrokenPipeError:  # it has ended, and its stdout tells
        return len(content)


def _code(process: subprocess.Popen[bytes]) -> int:
    """Of a process that ended without an answer, which is a failure even if it says otherwise."""
    code = process.wait()
    return code if code >= _GAVE_WAY else _GAVE_WAY if code >= 0 else 128 - code
