"""Go: `go test`, with its vet, on a build cache of the standard library that all programs read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from langmix.evaluate.execution._sandbox import MARK, WORK, Steps
from langmix.evaluate.execution.toolchains._toolchain import (
    HERE,
    INSIDE,
    Profile,
    Toolchain,
    Tools,
    of_system,
    said,
)

_CACHE: Final = f"{INSIDE}/go-cache"
_OPTIONS: Final = {
    "GOFLAGS": "-count=1",
    "GO111MODULE": "off",
    "GOTOOLCHAIN": "local",
    "CGO_ENABLED": "0",
}


@cache
def _find() -> Tools | None:
    go = of_system("go") or ("/usr/local/go/bin/go" if Path("/usr/local/go/bin/go").exists() else None)
    if go is None or not (version := said(go, "version")):
        return None
    return Tools(version=version, commands={"go": go})


def _prepare(tools: Tools, scratch: Path) -> Tools:
    """Fill the cache, outside the sandbox, by a program of ours."""
    built, place = scratch / "go-cache", scratch / "go-warm"
    place.mkdir()
    built.mkdir()
    (place / "main_test.go").write_text(GO.right, encoding="utf-8")
    environment: Mapping[str, str] = {**os.environ, **_OPTIONS, "GOCACHE": str(built), "GOPATH": str(place)}
    subprocess.run(
        [tools.commands["go"], "test", "main_test.go"],
        cwd=place,
        env=environment,
        capture_output=True,
        timeout=600,
        check=False,
    )
    for path in (built, *built.rglob("*")):
        path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.is_dir() else 0))
    return replace(tools, folders={**tools.folders, _CACHE: built})


def _steps(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"main_test.go": program},
        running=f"{tools.commands['go']} test -v -exec {MARK} main_test.go",
        marks=True,
        environment={"GOCACHE": _CACHE, "GOPATH": f"{WORK}/.go", **_OPTIONS},
        folders=tools.folders,
    )


GO: Final = Toolchain(
    language="go",
    find=_find,
    install="Go, the package golang-go",
    right=(HERE / "warm_test.go").read_text(encoding="utf-8"),
    steps=_steps,
    prepare=_prepare,
)
