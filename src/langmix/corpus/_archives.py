"""The files inside source archives and wheels, read in place: nothing is unpacked or run."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from langmix.errors import InputError


def read_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each regular file of a .tar.*, .tgz, .zip or .whl.

    Raises:
        InputError: the archive is broken or of another kind.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                for entry in zipped.infolist():
                    if not entry.is_dir():
                        yield entry.filename, zipped.read(entry)
            return
        with tarfile.open(path) as tarred:
            for member in tarred:
                if member.isreg() and (file := tarred.extractfile(member)):
                    yield member.name, file.read()
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise InputError(
            f"{path}: is not a readable archive ({error}); expected .tar.gz, .tgz, .zip or .whl; "
            "delete it and run again to fetch it anew"
        ) from None
