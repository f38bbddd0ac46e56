"""TypeScript: npm's package, whose compiler stays up, and Node.js.

`multiple` has MultiPL-E's target esnext, not strict; `modern` is strict. Types are checked, always.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from langmix.corpus._packages import cache_folder
from langmix.evaluate.execution._sandbox import Steps
from langmix.evaluate.execution.toolchains._javascript import find_node, run_by_node
from langmix.evaluate.execution.toolchains._toolchain import HERE, INSIDE, Profile, Toolchain, Tools

VERSION: Final = "5.9.3"
"""Of npm's package: the last line of releases whose compiler is a library."""
_OPTIONS: Final = {"multiple": "--target esnext", "modern": "--target es2022 --module commonjs --strict"}


@cache
def _find() -> Tools | None:
    node, library = find_node(), _library()
    if node is None or library is None:
        return None
    version = re.search(r'"version":\s*"([^"]+)"', (library / "package.json").read_text(encoding="utf-8"))
    inside = f"{INSIDE}/typescript"
    return Tools(
        version=f"typescript {version[1] if version else 'unknown'}, {node.version}",
        folders={inside: library},
        commands={**node.commands, "typescript": f"{inside}/lib/typescript.js"},
    )


def _library() -> Path | None:
    """The package, in langmix's cache or where npm installs for all."""
    for place in (cache_folder() / "typescript", Path("/usr/lib"), Path("/usr/local/lib")):
        library = place / "node_modules" / "typescript"
        if (library / "lib" / "typescript.js").is_file():
            return library
    return None


def _server(tools: Tools, profile: Profile) -> Steps:
    given = f"{tools.commands['typescript']} {_OPTIONS[profile]}"
    return Steps(
        files={"tsc.js": (HERE / "tsc.js").read_bytes()},
        running=f"{tools.commands['node']} --max-old-space-size=1024 tsc.js {given}",
        folders=tools.folders,
    )


TYPESCRIPT: Final = Toolchain(
    language="typescript",
    find=_find,
    install=f"Node.js (the package nodejs), and TypeScript: npm install -g typescript@{VERSION}",
    right="const x: number[] = [1, 2]; if (x.length !== 2) throw new Error();\n",
    steps=run_by_node,
    server=_server,
)
