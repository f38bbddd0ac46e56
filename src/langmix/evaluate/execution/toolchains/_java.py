"""Java: a JDK, whose compiler stays up, and small classes of ours for the tuples that MultiPL-E imports."""

from __future__ import annotations

from functools import cache
from typing import Final

from langmix.evaluate.execution._sandbox import Steps
from langmix.evaluate.execution.toolchains._toolchain import (
    HERE,
    INSIDE,
    Profile,
    Toolchain,
    Tools,
    of_systems,
    said,
)

_TUPLES: Final = f"{INSIDE}/javatuples"
_JVM: Final = "-XX:-UsePerfData -XX:+UseSerialGC"


@cache
def _find() -> Tools | None:
    commands = of_systems("javac", "java")
    if commands is None or not (version := said(commands["javac"], "-version")):
        return None
    return Tools(version=version, folders={_TUPLES: HERE / "javatuples"}, commands=commands)


def _server(tools: Tools, profile: Profile) -> Steps:
    exported = "--add-exports jdk.compiler/com.sun.tools.javac=ALL-UNNAMED"
    java = f"{tools.commands['java']} -Xmx1g -Xss8m {_JVM} -XX:TieredStopAtLevel=1 {exported}"
    return Steps(
        files={"Javac.java": (HERE / "Javac.java").read_bytes()},
        running=f"{java} Javac.java -encoding UTF8 -proc:none -sourcepath {_TUPLES} -cp .",
        folders=tools.folders,
    )


def _steps(made: bytes, tools: Tools, profile: Profile) -> Steps:
    return Steps(
        files={"classes.jar": made},
        running=f"{tools.commands['java']} -ea -Xmx$((memory * 3 / 4))m {_JVM} -cp classes.jar Problem",
    )


JAVA: Final = Toolchain(
    language="java",
    find=_find,
    install="a JDK, the package default-jdk-headless",
    right="class Problem { public static void main(String[] args) { assert args.length == 0; } }\n",
    steps=_steps,
    server=_server,
)
