"""Limits of memory and processes by cgroup, where one may be made: of all that runs inside, together."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_PATIENCE: Final = 30.0  # seconds; milliseconds, where the machine has nothing else to do


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Folders in which groups are made, by controller: the same one for both in version 2.

    Attributes:
        memory, pids: parents of the groups.
        unified: whether they are of version 2.
    """

    memory: Path
    pids: Path
    unified: bool

    @classmethod
    def here(cls) -> Cgroups | None:
        """The groups of this process, or the nearest above, in which it may make others and enter them."""
        try:
            lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        places = {
            name: path
            for line in lines
            for _, names, path in [line.split(":", 2)]
            for name in names.split(",")
        }
        if "memory" in places and "pids" in places:
            memory, pids = (_ROOT / name / places[name].lstrip("/") for name in ("memory", "pids"))
            found = [cls(memory, pids, False)]
        else:
            # One with processes of its own cannot hand its controllers on.
            group = _ROOT / places.get("", "").lstrip("/")
            above = (place for place in (group, *group.parents) if place.is_relative_to(_ROOT))
            found = [cls(place, place, True) for place in above]
        served = next((each for each in found if each._serve()), None)
        if served is not None:
            served._sweep()
        return served

    def _sweep(self) -> None:
        """Remove the groups of processes that were killed before they could."""
        for folder in {*self.memory.glob("langmix-*-*"), *self.pids.glob("langmix-*-*")}:
            owner = folder.name.split("-")[1]
            if owner.isdigit() and not Path("/proc", owner).exists():
                _remove(folder)

    def _serve(self) -> bool:
        try:
            with self.group(memory=1 << 30, processes=64) as group:
                entered = subprocess.run([*group.entering, "true"], capture_output=True, check=False)
        except OSError:
            return False
        return entered.returncode == 0

    @contextlib.contextmanager
    def group(self, *, memory: int, processes: int) -> Iterator[Group]:
        """A group with limits, gone afterwards with all that is left in it.

        Raises:
            OSError: it cannot be made, or has no such limits.
        """
        unique = f"langmix-{os.getpid()}-{secrets.token_hex(4)}"
        folders = list(dict.fromkeys(parent / unique for parent in (self.memory, self.pids)))
        try:
            for folder in folders:
                folder.mkdir()
            if self.unified:
                (folders[0] / "memory.max").write_text(str(memory))
                (folders[0] / "pids.max").write_text(str(processes))
                with contextlib.suppress(OSError):  # no swap, or none that is counted
                    (folders[0] / "memory.swap.max").write_text("0")
            else:
                (folders[0] / "memory.limit_in_bytes").write_text(str(memory))
                (folders[-1] / "pids.max").write_text(str(processes))
                with contextlib.suppress(OSError):
                    (folders[0] / "memory.memsw.limit_in_bytes").write_text(str(memory))
            yield Group(tuple(folders), self.unified)
        finally:
            for folder in folders:
                _remove(folder)


@dataclass(frozen=True, slots=True)
class Group:
    """One group."""

    folders: tuple[Path, ...]
    unified: bool

    @property
    def entering(self) -> list[str]:
        """A command that enters the group and becomes the next one, or fails."""
        steps = [f"echo $$ > {shlex.quote(str(folder / 'cgroup.procs'))}" for folder in self.folders]
        return ["sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh"]

    @property
    def exceeded(self) -> bool:
        """Whether a process was killed for memory."""
        return self._count("memory.events" if self.unified else "memory.oom_control", "oom_kill") > 0

    @property
    def refused(self) -> bool:
        """Whether a process was refused another one."""
        return self._count("pids.events", "max") > 0

    def _count(self, file: str, name: str) -> int:
        for folder in self.folders:
            with contextlib.suppress(OSError):
                for line in (folder / file).read_text(encoding="utf-8").splitlines():
                    key, _, value = line.partition(" ")
                    if key == name:
                        return int(value)
        return 0


def _remove(folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:  # what is left is killed, and takes a moment to be gone
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                for pid in (folder / "cgroup.procs").read_text(encoding="utf-8").split():
                    os.kill(int(pid), 9)
            time.sleep(0.01)
