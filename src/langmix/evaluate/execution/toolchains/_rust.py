"""Rust: rustc, of edition 2015 as in MultiPL-E's harness, or 2021 (`modern`)."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Final

from langmix.evaluate.execution._sandbox import Steps
from langmix.evaluate.execution.toolchains._toolchain import (
    INSIDE,
    Profile,
    Toolchain,
    Tools,
    of_system,
    said,
)

_EDITION: Final = {"multiple": "2015", "modern": "2021"}


@cache
def _find() -> Tools | None:
    rustc = of_system("rustc") or shutil.which("rustc")
    if rustc is None or of_system("cc") is None or not (version := said(rustc, "--version")):
        return None
    sysroot = said(rustc, "--print", "sysroot")
    if not sysroot:
        return None
    root = Path(sysroot)
    if root.is_relative_to("/usr"):
        return Tools(version=version, commands={"rustc": rustc})
    inside = f"{INSIDE}/rust"
    return Tools(version=version, folders={inside: root}, commands={"rustc": f"{inside}/bin/rustc"})


def _steps(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"main.rs": program},
        compiling=[f"{tools.commands['rustc']} --edition {_EDITION[profile]} main.rs -o main"],
        running="./main",
        folders=tools.folders,
    )


RUST: Final = Toolchain(
    language="rust",
    find=_find,
    install="rustc and a linker, the packages rustc and gcc",
    right="fn main() { assert_eq!(1 + 1, 2); }\n",
    steps=_steps,
)
