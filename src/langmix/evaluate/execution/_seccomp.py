"""Calls to the kernel that reach past namespaces and limits, refused to all that runs in a sandbox.

None of them is one that a program of a benchmark makes. A filter is a program of the kernel's classic packet
filter (seccomp(2), `SECCOMP_SET_MODE_FILTER`), made here instruction by instruction: it compares numbers.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Final

_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Columns of the numbers below, and what the kernel calls the machine."""

_REFUSED: Final = {
    # Keys are a user's, and the session's of whoever judges: no namespace hides them.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Memory that is neither resident in a process nor in file systems of limited size.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    # The sandbox's first process is of the same user as the program.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    # What the machine logs and counts.
    "syslog": (103, 116),
    "perf_event_open": (298, 241),
    # Large, and often at fault where a sandbox was left.
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)
_FAMILIES: Final = (1, 2, 10, 16)
"""Of sockets that a network namespace holds: unix, IPv4, IPv6, netlink. Those to a hypervisor leave it."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _MACHINE, _ARGUMENT = 0, 4, 16  # places in seccomp's record of a call
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_X32: Final = 0x40000000  # calls of x86_64's other interface have numbers from here on


def refusals() -> bytes | None:
    """The filter for this machine; nothing where its numbers of calls are not known."""
    if platform.machine() not in _MACHINES:
        return None
    column, machine = _MACHINES[platform.machine()]
    refuse, allow = (_RETURN, 0, 0, _FAIL | errno.EPERM), (_RETURN, 0, 0, _ALLOW)
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, machine), refuse]
    steps += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), refuse]
    for numbers in _REFUSED.values():
        steps += [(_EQUAL, 0, 1, numbers[column]), refuse]
    steps += [(_EQUAL, 2, 0, _SOCKET[column]), (_EQUAL, 1, 0, _SOCKETPAIR[column]), allow]
    steps.append((_LOAD, 0, 0, _ARGUMENT))
    for family in _FAMILIES:
        steps += [(_EQUAL, 0, 1, family), allow]
    steps.append((_RETURN, 0, 0, _FAIL | errno.EAFNOSUPPORT))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
