"""Limits of memory and processes by cgroup, where one may be made: of all that runs inside, together."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")


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
        """The groups of this process, if it may make others in them."""
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
            found = cls(
                _ROOT / "memory" / places["memory"].lstrip("/"),
                _ROOT / "pids" / places["pids"].lstrip("/"),
                False,
            )
        elif "" in places:
            parent = _ROOT / places[""].lstrip("/")
            found = cls(parent, parent, True)
        else:
            return None
        try:
            with found.group("probe", memory=1 << 30, processes=64):
                return found
        except OSError:
            return None

    @contextlib.contextmanager
    def group(self, name: str, *, memory: int, processes: int) -> Iterator[Group]:
        """A group with limits, gone afterwards with all that is left in it.

        Raises:
            OSError: it cannot be made.
        """
        unique = f"langmix-{os.getpid()}-{name}"
        folders = list(dict.fromkeys(parent / unique for parent in (self.memory, self.pids)))
        try:
            for folder in folders:
                folder.mkdir()
            if self.unified:
                limits = {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes}
                for file, value in limits.items():
                    with contextlib.suppress(FileNotFoundError):  # no swap accounting
                        (folders[0] / file).write_text(str(value))
                if not (folders[0] / "memory.max").exists() or not (folders[0] / "pids.max").exists():
                    raise OSError("the controllers memory and pids are not delegated")
            else:
                (folders[0] / "memory.limit_in_bytes").write_text(str(memory))
                with contextlib.suppress(OSError):
                    (folders[0] / "memory.memsw.limit_in_bytes").write_text(str(memory))
                (folders[-1] / "pids.max").write_text(str(processes))
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
    def joins(self) -> tuple[str, ...]:
        """Files into which a process writes its id to be in the group."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    @property
    def exceeded(self) -> bool:
        """Whether a process was killed for memory, or was refused another one."""
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
    for _ in range(200):  # what is left is killed, and takes a moment to be gone
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
