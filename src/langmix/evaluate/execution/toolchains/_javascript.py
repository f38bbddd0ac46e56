"""JavaScript: Node.js."""

from __future__ import annotations

from typing import Final

from langmix.evaluate.execution._sandbox import Steps
from langmix.evaluate.execution.toolchains._toolchain import Profile, Toolchain, Tools, of_systems, said

_BLOCKING: Final = (
    b"for (const each of [process.stdout, process.stderr]) each._handle?.setBlocking?.(true);\n"
)
"""Read by Node.js first: else what a loop without end prints is kept in memory, and nobody sees the flood."""


def find_node() -> Tools | None:
    """Node.js."""
    commands = of_systems("node")
    if commands is None or not (version := said(commands["node"], "--version")):
        return None
    return Tools(version=f"node {version}", commands=commands)


def run_by_node(program: bytes, tools: Tools, profile: Profile) -> Steps:
    """A program in JavaScript."""
    return Steps(
        files={"main.js": program, "blocking.cjs": _BLOCKING},
        running=f"{tools.commands['node']} -r ./blocking.cjs main.js",
    )


JAVASCRIPT: Final = Toolchain(
    language="javascript",
    find=find_node,
    install="Node.js, the package nodejs",
    right="require('node:assert').deepEqual([1, 2].map((x) => x + 1), [2, 3]);\n",
    steps=run_by_node,
)
