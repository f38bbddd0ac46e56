"""The verb doctor."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from rich.markup import escape

from langmix._version import VERSION
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus import cache_folder
from langmix.errors import LangmixError
from langmix.evaluate.execution import TOOLCHAINS, Sandbox
from langmix.evaluate.execution._self_test import self_test
from langmix.lab import Local
from langmix.languages import label

_OF_DEVELOPERS: Final = ("dev", "docs")
_PROGRAMS: Final = {
    "npm": "fetching JavaScript and TypeScript packages: the package npm",
    "cc": "building Snowball's compiler, linking Rust: the package gcc",
    "c++": "compiled training (torch.compile): the package g++",
    "bwrap": "the sandbox of programs that models wrote: the package bubblewrap",
}


class Finding(NamedTuple):
    """One thing that langmix can use.

    Attributes:
        what: its name.
        found: its version or state; nothing if it is not there.
        remedy: what installs it.
    """

    what: str
    found: str
    remedy: str


@app.command()
def doctor(json: _options.Json = False) -> None:
    """What is installed here, and what installs the rest.

    Nothing is changed; what is missing is no error, since most of langmix goes without.
    """
    sections = {
        "langmix": _itself(),
        "extras": _extras(),
        "engines": list(_engines()),
        "programs": _programs(),
        "toolchains of evaluate execute": list(_toolchains()),
        "disk": list(_disk()),
    }
    if json:
        _print.as_json({name: [each._asdict() for each in found] for name, found in sections.items()})
        return
    for title, found in sections.items():
        table = _print.new_table(title, "")
        table.show_header = False
        table.add_column(overflow="fold")
        for each in found:
            table.add_row(escape(each.what), escape(each.found) or f"[yellow]-[/] {escape(each.remedy)}")
        _print.console.print(table)


def _itself() -> list[Finding]:
    return [
        Finding("langmix", f"{VERSION}, {Path(__file__).parents[1]}", ""),
        Finding("Python", f"{platform.python_version()}, {sys.executable}", ""),
        Finding("machine", f"{platform.system()} {platform.release()}, {platform.machine()}", ""),
    ]


def _extras() -> list[Finding]:
    """Each extra of the package's metadata: the versions of what it asks for, or what is missing."""
    try:
        asked = [Requirement(text) for text in metadata.requires("langmix") or []]
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return [Finding("extras", "", "unknown here: pip install langmix")]
    by_extra: dict[str, list[Requirement]] = {}
    for requirement in asked:
        if extra := re.search(r"extra == ['\"](\w+)['\"]", str(requirement.marker)):
            by_extra.setdefault(extra[1], []).append(requirement)
    return [
        _extra(name, requirements) for name, requirements in by_extra.items() if name not in _OF_DEVELOPERS
    ]


def _extra(name: str, requirements: list[Requirement]) -> Finding:
    versions = {each.name: _version(each.name) for each in requirements}
    wrong = [
        each.name
        for each in requirements
        if (version := versions[each.name]) is None or not each.specifier.contains(version, prereleases=True)
    ]
    if wrong:
        return Finding(name, "", f"pip install 'langmix[{name}]' ({', '.join(wrong)})")
    return Finding(name, ", ".join(f"{package} {version}" for package, version in versions.items()), "")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _engines() -> Iterator[Finding]:
    local = Local()
    threads = os.environ.get("OMP_NUM_THREADS")
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}" + (
        f", OMP_NUM_THREADS={threads}" if threads else ""
    )
    yield Finding("cores", cores, "")
    where = "a GPU each" if local.on_gpu else "a core each"
    trains = f"{local.processes} training processes, {where}"
    torch = _version("torch")
    yield Finding("local", trains if torch else "", "pip install 'langmix[lab]'")
    yield Finding("GPUs", _gpus() if torch else "", "pip install 'langmix[lab]'")
    ray = _version("ray")
    address = os.environ.get("RAY_ADDRESS")
    told = f"ray {ray}, " + (f"RAY_ADDRESS={address}" if address else "RAY_ADDRESS is not set")
    yield Finding("ray", told if ray else "", "pip install 'langmix[ray]'")


def _gpus() -> str:
    try:
        import torch
    except (ImportError, OSError) as error:  # installed, and missing a library of its own
        return f"unknown, torch does not load: {error}"
    if not torch.cuda.is_available():
        return f"none that torch {torch.__version__} can use"
    return ", ".join(torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count()))


def _programs() -> list[Finding]:
    return [Finding(name, shutil.which(name) or "", remedy) for name, remedy in _PROGRAMS.items()]


def _toolchains() -> Iterator[Finding]:
    for toolchain in TOOLCHAINS.values():
        tools = toolchain.find()
        yield Finding(label(toolchain.language), tools.version if tools else "", toolchain.install)
    try:
        self_test(Sandbox())
    except LangmixError as error:
        yield Finding("sandbox", "", str(error))
    else:
        yield Finding("sandbox", "holds: a self-test could not leave it", "")


def _disk() -> Iterator[Finding]:
    cache = cache_folder()
    kept = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    yield Finding("cache", f"{cache}, {_gigabytes(kept)} (LANGMIX_CACHE moves it)", "")
    for name, folder in {"here": Path.cwd(), "temporary files": Path(tempfile.gettempdir())}.items():
        yield Finding(name, f"{_gigabytes(shutil.disk_usage(folder).free)} free in {folder}", "")


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
