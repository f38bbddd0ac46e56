"""Reading a run table from CSV or Parquet."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pandas as pd

from langmix import files
from langmix.errors import InputError, MissingExtraError
from langmix.runs._table import LINE, RunTable


def read_runs(path: str | os.PathLike[str]) -> RunTable:
    """Read and check a run table.

    Args:
        path: a CSV file (``.csv``) or a Parquet file (``.parquet``) with one row per checkpoint. Columns:
            ``run`` (text), ``params`` (non-embedding parameters), ``tokens`` (trained on so far),
            ``share.<language>`` (summing to 1), ``loss.<target>`` (nats per token; empty = not measured);
            optional ``unique.<language>`` (distinct tokens available), ``bytes_per_token.<language>``,
            ``params_total``, ``seed``, ``step``, ``organisation``, ``tokenizer``.

    Raises:
        InputError: names the file, the row or column, the value, what was expected and the remedy.
    """
    path = Path(path)
    return RunTable.from_frame(read_frame(path, what="a run table"), source=str(path))


def read_frame(path: Path, *, what: str) -> pd.DataFrame:
    """A CSV file as text, cell by cell, or a Parquet file; ``what`` says in an error what it should be.

    Raises:
        InputError: another suffix, no such file, or no table.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: expected {what} ending in .csv or .parquet")
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "there is no such file"
        raise InputError(f"{path}: {found}; expected {what} in CSV or Parquet")
    return _parquet(path) if path.suffix == ".parquet" else _csv(path)


def _csv(path: Path) -> pd.DataFrame:
    """The cells as text, rows named by their lines: the check turns them to numbers, or names the bad one."""
    # newline="" leaves line ends to the reader, so that its line numbers are those of an editor.
    reader = csv.reader(io.StringIO(files.read_text(path, what="a CSV table"), newline=""), strict=True)
    try:
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num} is not CSV ({error}); check its quotes and commas"
        ) from None
    if not rows:
        raise InputError(f"{path}: the file is empty; expected a header and one row per checkpoint")
    (_, header), *body = rows
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise InputError(
                f"{path}: line 1: the columns are separated by {name}; save the table with commas"
            )
    for line, cells in body:
        if len(cells) != len(header):
            raise InputError(
                f"{path}: line {line} has {len(cells)} cells; the header has {len(header)}; check its commas "
                "and quotes"
            )
    cells_or_missing = [[cell or None for cell in cells] for _, cells in body]
    lines = pd.Index([line for line, _ in body], name=LINE)
    return pd.DataFrame(cells_or_missing, columns=header, index=lines, dtype=object)


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError(extra="lab", module="pyarrow", purpose="reading Parquet") from None
    try:
        return pd.read_parquet(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({error})") from None
