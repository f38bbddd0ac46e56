"""Files that are either complete or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from langmix.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that a reader, or a crash, never sees half of it.

    Raises:
        InputError: the path cannot be written.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room there, then run again" if full else "choose another path"
        raise _unwritable(path, error.strerror, remedy) from None


_BEGIN: Final = b'{"name"'
"""Of the rows of JSONL files to which lines are added."""


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and see it on the disk: a kill costs at most the line that is being written.

    Raises:
        InputError: the path cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(path, error.strerror, "choose another path") from None


def check_writable(path: Path, *, folder: bool = False, remedy: str) -> None:
    """Refuse a path that cannot be written, before the work whose outcome it is to hold.

    Args:
        path: of a file, or of a folder that files will be written into.
        folder: which of the two.
        remedy: ends the message.

    Raises:
        InputError: the path cannot be written, with the reason.
    """
    if not folder and path.is_dir():
        raise _unwritable(path, "it is a folder", remedy)
    if not folder and path.exists() and not path.is_file():
        raise _unwritable(path, "it is no regular file", remedy)
    place = path if folder else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        # Trying tells more than permissions do: root may write everywhere but on a read-only disk.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise _unwritable(path, f"{place}: {error.strerror}", remedy) from None


def _unwritable(path: Path, reason: str | None, remedy: str) -> InputError:
    return InputError(f"{path}: cannot be written ({reason}); {remedy}")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, which takes the place of ``path`` when all of it is written."""
    path = path.resolve()  # what a link leads to, not the link
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # mkstemp makes private files
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def alone(folder: Path, *, doing: str) -> Iterator[None]:
    """Hold a lock on a folder, and leave nothing in it; a process that is killed lets go of it.

    Raises:
        InputError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(
            f"{folder}: another {doing} is under way; wait until it ends, or stop it, then run again"
        ) from None
    except OSError:
        pass  # a disk that knows no locks
    try:
        yield
    finally:
        os.close(handle)


def discard_unfinished(paths: Iterable[Path]) -> None:
    """Remove what a kill left of files that were being written (see `replacing`)."""
    by_folder: dict[Path, set[str]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, set()).add(f".{path.name}")
    for folder, names in by_folder.items():
        for found in folder.iterdir() if folder.is_dir() else ():
            name, _, random = found.name.rpartition(".")
            if name in names and len(random) == 8:  # as mkstemp makes them
                found.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically (see `write_bytes`)."""
    write_bytes(path, content.encode())


def read_text(path: Path, *, what: str) -> str:
    """The text of a file that a user named; ``what`` says in an error what it should have been.

    Raises:
        InputError: the file is absent, a folder, unreadable or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; expected {what}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected {what}") from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, byte = 1 + before.count(b"\n"), len(before) - before.rfind(b"\n")
        raise InputError(
            f"{path}: line {line}, byte {byte} (0x{error.object[error.start]:02x}) is not UTF-8 text; "
            f"expected {what}, saved as UTF-8"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected {what}") from None


def whole_rows(path: Path, *, what: str, has: str) -> list[tuple[str, dict[str, Any]]]:
    """Lines of a JSONL file of ours, and their objects; none of no file. What a kill cut off is left out.

    Args:
        path: of the file, which will be written again.
        what: it should hold, for a message.
        has: a key that every row has.

    Raises:
        InputError: the file cannot be read, or holds anything else, which is not to be lost.
    """
    if not path.exists():
        return []
    *lines, last = read_bytes(path).split(b"\n")
    found = []
    for k, line in enumerate(lines, 1):
        try:
            text, row = line.decode(), json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or has not in row:
            raise InputError(f"{path}: line {k} holds something else than {what}; give another --out")
        found.append((text, row))
    if last[: len(_BEGIN)] != _BEGIN[: len(last)]:
        raise InputError(f"{path}: ends in something else than {what}; give another --out")
    return found


def read_bytes(path: Path) -> bytes:
    """All of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_schema(text: str, path: Path, *, kind: str, newest: int, command: str) -> None:
    """Refuse a JSON file that is another kind of thing, or of a newer schema than this version reads.

    Raises:
        InputError: not JSON, not of this kind, or newer; with the command that writes it.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {error.lineno}: is not JSON ({error.msg}); write it again with `{command}`"
        ) from None
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise InputError(f"{path}: is not a {kind} file; expected one that `{command}` wrote")
    version = content.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{path}: schema_version is {version!r}; expected a whole number from 1 to {newest}")
    if version > newest:
        raise InputError(
            f"{path}: schema version {version} is newer than this langmix reads (up to {newest}); "
            "upgrade langmix with `pip install --upgrade langmix`"
        )


def kind_of(text: str) -> object:
    """What a JSON file says that it is; None where it says nothing, or is not JSON."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        return None
    return content.get("kind") if isinstance(content, dict) else None


def validation_message(path: Path, error: Exception, *, remedy: str) -> str:
    """One line for the first fault that pydantic found in a file: where, the value, what was expected."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        message = first["msg"].removeprefix("Value error, ")
        if isinstance(first["input"], dict):  # it lies at that place for all to see
            return f"{path}: {place}: {message}; {remedy}"
        value = repr(first["input"])
        shown = value if len(value) <= 60 else value[:57] + "..."
        return f"{path}: {place}: {message} (found {shown}); {remedy}"
    return f"{path}: {error}; {remedy}"
