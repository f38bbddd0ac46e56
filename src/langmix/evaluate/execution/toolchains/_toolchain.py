"""What a toolchain is, and how one is found on a machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from langmix.evaluate.execution._sandbox import Steps

Profile = Literal["multiple", "modern"]
PROFILES: Final[tuple[Profile, ...]] = ("multiple", "modern")

INSIDE: Final = "/opt/langmix"
"""Where folders of this machine are in a sandbox."""
HERE: Final = Path(__file__).parent
"""With what we give to toolchains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What is installed for a language.

    Attributes:
        version: of the compiler or interpreter, as it says itself.
        folders: that it needs inside a sandbox beside /usr, by their place there.
        commands: of its programs inside, by name.
        note: to be told to whoever judges, if it is not what it should be.
    """

    version: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """One language.

    Attributes:
        language: its name.
        find: what is installed; nothing if it is not there.
        install: how it is installed, for a message.
        steps: of a program, under a profile; where there is a server, of what that made of it.
        server: what is started of a compiler that stays up, see `Compiler`; nothing where it has none.
        prepare: its tools, after what is done once, in an empty folder, before programs come.
        right: a program that passes, by which it is known that the toolchain works.
    """

    language: str
    find: Callable[[], Tools | None]
    install: str
    right: str
    steps: Callable[[bytes, Tools, Profile], Steps]
    server: Callable[[Tools, Profile], Steps | None] = lambda tools, profile: None
    prepare: Callable[[Tools, Path], Tools] = lambda tools, scratch: tools


def said(*command: str) -> str:
    """The first line that a program says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines and done.returncode == 0 else ""


def of_system(name: str) -> str | None:
    """A program in the part of a system that every sandbox sees."""
    return shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")


def of_systems(*names: str) -> dict[str, str] | None:
    """Several, by name; nothing if one is not there."""
    found = {name: of_system(name) for name in names}
    paths = {name: path for name, path in found.items() if path is not None}
    return paths if len(paths) == len(found) else None
