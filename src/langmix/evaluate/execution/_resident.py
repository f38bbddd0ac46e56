"""What a sandbox holds in memory, counted where no cgroup does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int, inside: int | None, places: Sequence[str]) -> int:
    """Bytes in memory of a process and all below it; what several share counts for each.

    Args:
        pid: of the process.
        inside: one that sees the sandbox's files, if there is one.
        places: file systems in memory there.
    """
    total, left = 0, [pid]
    while left:
        place = Path("/proc") / str(left.pop())
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended
            total += int((place / "statm").read_text().split()[1]) * _PAGE
            for task in (place / "task").iterdir():
                left += map(int, (task / "children").read_text().split())
    if inside is not None:
        for name in places:
            with contextlib.suppress(OSError):
                files = os.statvfs(f"/proc/{inside}/root{name}")
                total += (files.f_blocks - files.f_bfree) * files.f_frsize
    return total
