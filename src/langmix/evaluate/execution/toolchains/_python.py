"""Python: the system's interpreter."""

from __future__ import annotations

from typing import Final

from langmix.evaluate.execution._sandbox import Steps
from langmix.evaluate.execution.toolchains._toolchain import Profile, Toolchain, Tools, of_systems, said


def _find() -> Tools | None:
    commands = of_systems("python3")
    if commands is None or not (version := said(commands["python3"], "--version")):
        return None
    return Tools(version=version, commands=commands)


def _steps(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(files={"main.py": program}, running=f"{tools.commands['python3']} main.py")


PYTHON: Final = Toolchain(
    language="python",
    find=_find,
    install="the package python3",
    right="assert sum(range(5)) == 10\n",
    steps=_steps,
)
