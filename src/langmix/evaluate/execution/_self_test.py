"""Whether a sandbox holds: ways out of it that must not succeed, tried before anything else runs in it."""

from __future__ import annotations

import os
import socket
from typing import Final

from langmix.evaluate.execution._sandbox import Limits, Sandbox, SandboxError, Steps

_SECRET: Final = "LANGMIX_SECRET"
_PROBE: Final = f"""
fail() {{ echo "$1"; exit 9; }}
[ "$(id -u)" != 0 ] || fail 'a program runs as root'
[ -z "$(cat /etc/shadow 2>/dev/null)" ] || fail 'a program reads /etc/shadow'
[ -z "$(ls -A /root /home 2>/dev/null)" ] || fail 'a program sees the folders of users'
for place in / /usr /usr/bin /etc /dev; do
  ! touch "$place/langmix" 2>/dev/null || fail "a program writes into $place"
done
[ "$(ls -d /proc/[0-9]* | wc -l)" -lt 12 ] || fail 'a program sees the processes of the machine'
! unshare -U true 2>/dev/null || fail 'a program makes namespaces of its own'
grep -q '^CapEff:[[:space:]]*0000000000000000$' /proc/self/status || fail 'a program has capabilities'
grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status || fail 'a program can become another user'
grep -q '^Seccomp:[[:space:]]*2$' /proc/self/status || fail 'no call to the kernel is refused'
! (exec 3<>/dev/tcp/127.0.0.1/PORT) 2>/dev/null || fail 'a program reaches the ports of the machine'
[ -z "${_SECRET}" ] || fail 'a program sees the environment'
echo held
"""
_GREEDY: Final = "head -c 600000000 /dev/zero | tail; sleep 1"  # one line, all of which is held
_MANY: Final = "for k in $(seq 48); do sleep 60 & done; echo all"


def self_test(sandbox: Sandbox) -> None:
    """Try to leave a sandbox.

    Raises:
        SandboxError: it cannot be set up, or a way out of it succeeded, and which.
    """
    limits = Limits(run_seconds=60, memory=256 << 20, processes=32)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        probe = _PROBE.replace("PORT", str(listening.getsockname()[1]))
        os.environ[_SECRET] = "known"
        try:
            ended = sandbox.run(Steps(files={"probe": probe.encode()}, running="bash probe"), limits)
        finally:
            del os.environ[_SECRET]
    if ended.code != 0 or ended.out.strip() != "held":
        said = (ended.out + ended.err).strip() or f"exit code {ended.code}"
        raise SandboxError(
            f"the sandbox does not hold here: {said}; programs that models wrote are not run; allow "
            "unprivileged user namespaces to bubblewrap, or use another machine"
        )
    if not sandbox.run(Steps(files={"greedy": _GREEDY.encode()}, running="bash greedy"), limits).exceeded:
        raise SandboxError(
            "the sandbox does not limit memory here; programs that models wrote are not run; use a machine "
            "where cgroups can be made, or where /proc is readable"
        )
    ended = sandbox.run(Steps(files={"many": _MANY.encode()}, running="sh many"), limits)
    if ended.timed_out or ended.out.strip() == "all":
        raise SandboxError(
            "the sandbox does not limit processes here; programs that models wrote are not run; use a "
            "machine where cgroups can be made"
        )
