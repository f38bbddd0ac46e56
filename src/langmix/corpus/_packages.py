"""The registry of pinned, openly licensed packages, fetched through the clients that are configured.

Archives are only read: nothing is built, installed or run. (`pairing/_snowball.py` builds what one holds.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from langmix import files
from langmix.corpus._archives import read_archive
from langmix.corpus._debian import apt_sources, lay_out
from langmix.corpus._document import Document
from langmix.errors import LangmixError, MissingExtraError
from langmix.languages import LANGUAGES

_APT: Final = Path("/etc/apt")


class Package(BaseModel):
    """A pinned archive and the languages that are taken from it.

    Attributes:
        source: client that fetches it: pip's index, npm, or apt (a source package of Debian).
        name: in that client's index.
        version: exact.
        file: name of the archive.
        sha256: of the archive.
        licence: SPDX expression of its code.
        languages: taken; other files are ignored (npm packages carry compiled JavaScript, for one).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["pypi", "npm", "debian"]
    name: str
    version: str
    file: str
    sha256: str
    licence: str
    languages: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.source} {self.name} {self.version}"


class ClientMissingError(LangmixError):
    """A package's client, or another program that it needs, is not installed."""


class DownloadError(LangmixError):
    """A package could not be fetched, or what came is not what was pinned."""


@cache
def registry() -> tuple[Package, ...]:
    """The packages that ship with langmix's registry."""
    text = resources.files("langmix.corpus").joinpath("registry.yaml").read_text(encoding="utf-8")
    return tuple(Package.model_validate(entry) for entry in yaml.safe_load(text))


def cache_folder() -> Path:
    """Where fetched archives are kept: ``$LANGMIX_CACHE``, else the user's cache folder."""
    if chosen := os.environ.get("LANGMIX_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "langmix"


def fetch_package(package: Package) -> Path:
    """The archive, from the cache or its client; its SHA-256 is checked either way.

    Raises:
        ClientMissingError: npm, or apt-get, is not installed.
        InputError: the cache cannot be written.
        DownloadError: the client failed, or the archive is not the one that was pinned.
    """
    path = cache_folder() / "packages" / f"{package.sha256[:12]}-{package.file}"
    if path.exists() and files.sha256(path) == package.sha256:
        return path
    files.check_writable(
        path.parent, folder=True, remedy="set LANGMIX_CACHE to a folder that langmix may write to"
    )
    with tempfile.TemporaryDirectory(prefix="langmix-") as temporary:
        client = {"pypi": _from_pypi, "npm": _from_npm, "debian": _from_debian}[package.source]
        fetched = client(package, Path(temporary))
        found = files.sha256(fetched)
        if found != package.sha256:
            raise DownloadError(
                f"{package}: the archive {fetched.name} has sha256 {found}; expected {package.sha256}; the "
                "index serves another file than the one pinned: check the index that is configured"
            )
        files.write_bytes(path, fetched.read_bytes())
    return path


def read_package(package: Package, archive: Path) -> Iterator[Document]:
    """Documents of the languages that the package is pinned for."""
    suffixes = {
        suffix: language.name
        for language in LANGUAGES
        if language.name in package.languages
        for suffix in language.suffixes
    }
    for name, content in read_archive(archive):
        language = suffixes.get(PurePosixPath(name).suffix.lower())
        if language is None:
            continue
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        yield Document(language, f"{package.source}:{package.name}", name, text)


def _from_pypi(package: Package, folder: Path) -> Path:
    try:
        from unearth import PackageFinder
    except ModuleNotFoundError:
        raise MissingExtraError(extra="lab", module="unearth", purpose="fetching packages") from None
    indexes, links = _pip_locations()
    finder = PackageFinder(index_urls=indexes, find_links=links, ignore_compatibility=True)
    try:
        matches = finder.find_matches(f"{package.name}=={package.version}")
        link = next((match.link for match in matches if match.link.filename == package.file), None)
        if link is None:
            raise DownloadError(
                f"{package}: no file {package.file} in {_count(indexes)} of pip's configuration; check the "
                "network and `pip config list`, then run again; what has been fetched is kept"
            )
        with finder.session.get_stream(link.normalized) as response:
            response.raise_for_status()
            target = folder / package.file
            with target.open("wb") as out:
                for part in response.iter_bytes(1 << 16):
                    out.write(part)
    except DownloadError:
        raise
    except Exception as error:  # unearth passes on whatever its HTTP client raises
        raise DownloadError(
            f"{package}: could not be fetched ({_first_line(error)}); check the network and "
            "`pip config list`, then run again; what has been fetched is kept"
        ) from None
    return target


def _pip_locations() -> tuple[list[str], list[str]]:
    """Indexes and link folders that pip is configured for, else pip's own default index."""
    pip = [sys.executable, "-m", "pip"]
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    settings: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(?:\S+\.)([a-z-]+)='(.*)'$", listed, re.MULTILINE):
        settings.setdefault(key, []).extend(value.replace("\\n", " ").split())
    indexes = settings.get("index-url", [])[:1]
    if not indexes:
        # pip prints its default index in its help; asking it keeps the address out of langmix.
        shown = subprocess.run(
            [*pip, "download", "--help"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "500"},
        ).stdout
        indexes = re.findall(r"\(default:? (\w+://\S+?)\)", " ".join(shown.split()))[:1]
    return indexes + settings.get("extra-index-url", []), settings.get("find-links", [])


def _from_npm(package: Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ClientMissingError(f"{package}: npm is not installed; install Node.js to have this package")
    done = subprocess.run(
        [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return folder / str(json.loads(done.stdout)[0]["filename"])
    except (ValueError, LookupError, TypeError):
        reason = next((line for line in done.stderr.splitlines() if "npm error" in line), done.stderr.strip())
        raise DownloadError(
            f"{package}: `npm pack` failed ({reason or f'exit code {done.returncode}'}); check the network "
            "and `npm config get registry`, then run again; what has been fetched is kept"
        ) from None


def _from_debian(package: Package, folder: Path) -> Path:
    apt = shutil.which("apt-get")
    if apt is None:
        raise ClientMissingError(
            f"{package}: apt-get is not installed; install apt to have this package, or fetch it on Debian "
            f"and copy the cache: {cache_folder()}"
        )
    sources = apt_sources(_APT)
    if not sources:
        raise DownloadError(f"{package}: apt has no sources in {_APT}; expected entries of Debian's packages")
    folder.chmod(0o755)  # as root apt downloads as a user of its own, who must reach the folder
    options = ["--config-file", str(lay_out(folder / "apt", sources))]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [apt, *options, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        return done.stderr

    # A source that fails leaves the others usable, so that only the package's absence is a failure.
    told = run("update")
    told += run("source", "--download-only", "--tar-only", f"{package.name}={package.version}")
    target = folder / package.file
    if not target.exists():
        reasons = re.findall(r"^(?:E: |W: (?=Failed))(.*)", told, re.MULTILINE)
        raise DownloadError(
            f"{package}: `apt-get source` failed ({'; '.join(reasons[-3:]) or f'no file {package.file}'}); "
            "check the network, and that one of apt's sources is of a Debian that has this version, then run "
            "again"
        )
    return target


def _count(indexes: list[str]) -> str:
    return "the index" if len(indexes) == 1 else f"the {len(indexes)} indexes"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
