"""How programs of each language are compiled and run, and with what.

`multiple` follows the commands of MultiPL-E's harness (Cassano et al. 2022, arXiv 2208.08227): TypeScript
to esnext, not strict, type-checked; Rust of 2015; Go with the vet of `go test`; C# with mono and DEBUG; Java
with assertions. `modern` differs where toolchains have other defaults today: TypeScript strict, Rust of 2021.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from langmix.corpus._packages import cache_folder
from langmix.evaluate.execution._sandbox import MARK, WORK, Steps

Profile = Literal["multiple", "modern"]
PROFILES: Final[tuple[Profile, ...]] = ("multiple", "modern")

TYPESCRIPT: Final = "5.9.3"
"""Of npm's package: the last line of releases whose compiler is a library."""
_INSIDE: Final = "/opt/langmix"
_PACKAGE: Final = resources.files("langmix.evaluate.execution")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What is installed for a language.

    Attributes:
        version: of the compiler or interpreter, as it says itself.
        folders: that it needs inside a sandbox beside /usr, by their place there.
        commands: of its programs inside, by name.
    """

    version: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """One language.

    Attributes:
        language: its name.
        file: that a program is written to.
        find: what is installed; nothing if it is not there.
        install: how it is installed, for a message.
        steps: of a program, under a profile; where there is a server, of what that made of it.
        server: what is started of a compiler that stays up, see `Compiler`.
    """

    language: str
    file: str
    find: Callable[[], Tools | None]
    install: str
    steps: Callable[[bytes, Tools, Profile], Steps]
    server: Callable[[Tools, Profile], Steps] | None = None


def _said(*command: str) -> str:
    """The first line that a program says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines and done.returncode == 0 else ""


def _of_system(name: str) -> str | None:
    """A program in the part of a system that every sandbox sees."""
    return shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")


def _plain(name: str, *version: str) -> Tools | None:
    path = _of_system(name)
    if path is None or not (said := _said(path, *version)):
        return None
    return Tools(version=said, commands={name: path})


def _find_python() -> Tools | None:
    return _plain("python3", "--version")


def _python(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(files={"main.py": program}, running=f"{tools.commands['python3']} main.py")


def _find_node() -> Tools | None:
    found = _plain("node", "--version")
    return None if found is None else Tools(version=f"node {found.version}", commands=found.commands)


_BLOCKING: Final = (
    b"for (const each of [process.stdout, process.stderr]) each._handle?.setBlocking?.(true);\n"
)
"""Read by Node.js first: else what a loop without end prints is kept in memory, and nobody sees the flood."""


def _javascript(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"main.js": program, "blocking.cjs": _BLOCKING},
        running=f"{tools.commands['node']} -r ./blocking.cjs main.js",
    )


@cache
def _find_typescript() -> Tools | None:
    node = _find_node()
    library = _typescript_library()
    if node is None or library is None:
        return None
    version = re.search(r'"version":\s*"([^"]+)"', (library / "package.json").read_text(encoding="utf-8"))
    inside = f"{_INSIDE}/typescript"
    return Tools(
        version=f"typescript {version[1] if version else 'unknown'}, {node.version}",
        folders={inside: library},
        commands={**node.commands, "typescript": f"{inside}/lib/typescript.js"},
    )


def _typescript_library() -> Path | None:
    """The package, in langmix's cache or where npm installs for all."""
    places = [cache_folder() / "typescript", Path("/usr/lib"), Path("/usr/local/lib")]
    for place in places:
        library = place / "node_modules" / "typescript"
        if (library / "lib" / "typescript.js").is_file():
            return library
    return None


def _tsc(tools: Tools, profile: Profile) -> Steps:
    options = "--target esnext" if profile == "multiple" else "--target es2022 --module commonjs --strict"
    # The declarations of the standard library are not checked again with every program.
    options += " --skipLibCheck"
    node, library = tools.commands["node"], tools.commands["typescript"]
    return Steps(
        files={"tsc.js": (_PACKAGE / "compilers" / "tsc.js").read_bytes()},
        running=f"{node} --max-old-space-size=1024 tsc.js {library} {options}",
        folders=tools.folders,
    )


_TUPLES: Final = f"{_INSIDE}/java"
_JVM: Final = "-XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1"


@cache
def _find_java() -> Tools | None:
    paths = {name: _of_system(name) for name in ("javac", "java")}
    if None in paths.values() or not (said := _said(str(paths["javac"]), "-version")):
        return None
    return Tools(
        version=said,
        folders={_TUPLES: Path(str(_PACKAGE / "java"))},
        commands={name: str(path) for name, path in paths.items()},
    )


def _javac(tools: Tools, profile: Profile) -> Steps:
    java = (
        f"{tools.commands['java']} -Xmx1g {_JVM} --add-exports jdk.compiler/com.sun.tools.javac=ALL-UNNAMED"
    )
    return Steps(
        files={"Javac.java": (_PACKAGE / "compilers" / "Javac.java").read_bytes()},
        running=f"{java} Javac.java -encoding UTF8 -proc:none -sourcepath {_TUPLES} -cp .",
        folders=tools.folders,
    )


def _java(made: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"classes.jar": made},
        running=f"{tools.commands['java']} -ea -Xmx1536m {_JVM} -cp classes.jar Problem",
    )


@cache
def _find_csharp() -> Tools | None:
    paths = {name: _of_system(name) for name in ("mcs", "mono")}
    if None in paths.values() or not (said := _said(str(paths["mcs"]), "--version")):
        return None
    return Tools(version=said, commands={name: str(path) for name, path in paths.items()})


def _csharp(program: bytes, tools: Tools, profile: Profile) -> Steps:
    mcs, mono = tools.commands["mcs"], tools.commands["mono"]
    return Steps(
        files={"main.cs": program},
        compiling=[f"{mcs} -d:DEBUG -r:System.Numerics.dll main.cs -out:main.exe"],
        running=f"{mono} main.exe",
        environment={"MONO_TRACE_LISTENER": "Console.Error"},
    )


@cache
def _find_go() -> Tools | None:
    go = _of_system("go") or ("/usr/local/go/bin/go" if Path("/usr/local/go/bin/go").exists() else None)
    if go is None or not (said := _said(go, "version")):
        return None
    return Tools(version=said, commands={"go": go})


GO_CACHE: Final = f"{_INSIDE}/go-cache"


def _go(program: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"main_test.go": program},
        running=f"{tools.commands['go']} test -v -exec {MARK} main_test.go",
        marks=True,
        environment={
            "GOCACHE": GO_CACHE,
            "GOPATH": f"{WORK}/.go",
            "GOFLAGS": "-count=1",
            "GO111MODULE": "off",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        },
        folders=tools.folders,
    )


@cache
def _find_rust() -> Tools | None:
    rustc = _of_system("rustc") or shutil.which("rustc")
    if rustc is None or _of_system("cc") is None or not (said := _said(rustc, "--version")):
        return None
    root = Path(_said(rustc, "--print", "sysroot"))
    if root.is_relative_to("/usr"):
        return Tools(version=said, commands={"rustc": rustc})
    inside = f"{_INSIDE}/rust"
    return Tools(version=said, folders={inside: root}, commands={"rustc": f"{inside}/bin/rustc"})


def _rust(program: bytes, tools: Tools, profile: Profile) -> Steps:
    edition = "2015" if profile == "multiple" else "2021"
    return Steps(
        files={"main.rs": program},
        compiling=[f"{tools.commands['rustc']} --edition {edition} main.rs -o main"],
        running="./main",
        folders=tools.folders,
    )


TOOLCHAINS: Final = {
    each.language: each
    for each in (
        Toolchain(
            language="python",
            file="main.py",
            find=_find_python,
            install="the package python3",
            steps=_python,
        ),
        Toolchain(
            language="java",
            file="Problem.java",
            find=_find_java,
            install="a JDK, the package default-jdk-headless",
            steps=_java,
            server=_javac,
        ),
        Toolchain(
            language="javascript",
            file="main.js",
            find=_find_node,
            install="Node.js, the package nodejs",
            steps=_javascript,
        ),
        Toolchain(
            language="typescript",
            file="main.ts",
            find=_find_typescript,
            install=f"Node.js (the package nodejs), and TypeScript: npm install -g typescript@{TYPESCRIPT}",
            steps=_javascript,
            server=_tsc,
        ),
        Toolchain(
            language="csharp",
            file="main.cs",
            find=_find_csharp,
            install="mono, the packages mono-mcs, mono-runtime and libmono-system-numerics4.0-cil",
            steps=_csharp,
        ),
        Toolchain(
            language="go",
            file="main_test.go",
            find=_find_go,
            install="Go, the package golang-go",
            steps=_go,
        ),
        Toolchain(
            language="rust",
            file="main.rs",
            find=_find_rust,
            install="rustc and a linker, the packages rustc and gcc",
            steps=_rust,
        ),
    )
}
"""By language."""
