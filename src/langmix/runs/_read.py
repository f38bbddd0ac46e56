"""Reading a run table from CSV or Parquet."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from langmix.errors import InputError, MissingExtraError
from langmix.runs._table import RunTable


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
    try:
        # As text: numbers are converted by the check, which can then name the cell that is none.
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: the file is empty; expected a header and one row per checkpoint") from None
    except pd.errors.ParserError as error:
        raise InputError(
            f"{path}: is not a CSV table ({str(error).strip()}); check its quotes and commas"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8 CSV") from None


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError(extra="lab", module="pyarrow", purpose="reading Parquet") from None
    try:
        return pd.read_parquet(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({error})") from None
