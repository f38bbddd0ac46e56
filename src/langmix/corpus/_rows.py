"""Rows of JSONL, Parquet and Arrow files, each with its place for messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from langmix.errors import InputError, MissingExtraError

TEXT: Final = ("content", "text", "code")
LANGUAGE: Final = ("language", "lang", "programming_language")
"""Usual names of columns."""
_ALIASES: Final = {
    "c#": "csharp",
    "c-sharp": "csharp",
    "js": "javascript",
    "ts": "typescript",
    "golang": "go",
}
_ROWS: Final = 256  # that are Python objects at a time


def language_named(text: str) -> str:
    """The name of a language that a table calls ``C#``, or ``Golang``."""
    name = text.strip().lower()
    return _ALIASES.get(name, name)


def _jsonl_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{path}: line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{place}: is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise InputError(f"{place}: is {type(row).__name__}; expected an object with columns")
            yield place, row


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    pa, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path, buffer_size=1 << 20) as file:
            yield from _rows(file.iter_batches(batch_size=_ROWS), path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({error})") from None


def _arrow_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    pa, _ = _pyarrow()
    try:
        with pa.memory_map(str(path)) as mapped:
            yield from _rows(pa.ipc.open_stream(mapped), path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a readable Arrow stream ({error})") from None


def _rows(batches: Iterable[Any], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    number = 0
    for batch in batches:
        for first in range(0, batch.num_rows, _ROWS):
            for row in batch.slice(first, _ROWS).to_pylist():
                number += 1
                yield f"{path}: row {number}", row


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingExtraError(extra="lab", module="pyarrow", purpose="reading Parquet and Arrow") from None
    return pyarrow, pyarrow.parquet


ROW_READERS: Final = {".jsonl": _jsonl_rows, ".parquet": _parquet_rows, ".arrow": _arrow_rows}
"""By the suffix of the file: an iterator over (place, row)."""
