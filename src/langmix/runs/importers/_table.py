"""Tables from elsewhere, CSV or Parquet: one row per checkpoint, columns of any name and unit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from langmix.errors import InputError
from langmix.runs._read import read_frame
from langmix.runs.importers._reference import quantity
from langmix.runs.importers._resolve import some
from langmix.runs.importers._tracked import Logged, Tracked, tracked

RUN_COLUMNS: Final = ("run", "run_id", "run_name", "name", "Name")
_STEP_COLUMNS: Final = ("step", "_step", "global_step")


def read_table(path: Path, *, run: str | None = None) -> Tracked:
    """Read a table.

    Args:
        path: ending in ``.csv`` or ``.parquet``; a header and one row per checkpoint.
        run: the column of the run's name; by default the first of ``run``, ``run_id``, ``run_name``,
            ``name``.

    Raises:
        InputError: no such file, not a table, no column of runs, or a row without a run.
    """
    return track_frame(read_frame(path, what="a table"), source=str(path), run=run)


def track_frame(frame: pd.DataFrame, *, source: str, run: str | None = None) -> Tracked:
    """Columns of numbers become metrics, columns of text the config of the run.

    Raises:
        InputError: no rows, no column of runs, or a row without a run.
    """
    frame = frame.rename(columns=str)
    if frame.empty:
        raise InputError(f"{source}: the table has no rows; expected one row per checkpoint")
    if repeated := frame.columns[frame.columns.duplicated()].tolist():
        raise InputError(f"{source}: column {repeated[0]!r} appears more than once; keep one of them")
    names = run_column(frame, source, run)
    step_column = next((c for c in _STEP_COLUMNS if c in frame and c != names.name), None)
    steps = pd.Series(np.arange(len(frame), dtype=float), index=frame.index)
    if step_column is not None:
        steps = _numbers(frame[step_column])
        for index in np.flatnonzero(steps.isna().to_numpy())[:1]:
            raise InputError(
                f"{source}: row {index + 1} (run {names.iloc[index]!r}), column {step_column!r}: "
                f"{_shown(frame[step_column].iloc[index])}; expected the training step"
            )
    parts: list[pd.DataFrame] = []
    config: dict[str, dict[str, object]] = {name: {} for name in dict.fromkeys(names)}
    faults: dict[str, str] = {}
    mixed: set[str] = set()
    for column in frame.columns:
        if column == names.name or column.startswith("Unnamed:"):
            continue
        values = frame[column]
        filled = values.notna() & (values.astype("string").str.strip() != "")
        numbers = _numbers(values)
        spelled_nan = values.astype("string").str.strip().str.lower().isin(["nan", "-nan"])
        wrong = filled & numbers.isna() & ~spelled_nan
        if bool(wrong.any()):
            index = int(np.flatnonzero(wrong.to_numpy())[0])
            faults[column] = (
                f"row {index + 1} (run {names.iloc[index]!r}), column {column!r}: "
                f"{_shown(values.iloc[index])}"
            )
            if bool(numbers.notna().any()):
                mixed.add(
                    column
                )  # a column of numbers with a wrong cell: known, and refused where it is used
            for name, value in zip(names[filled], values[filled], strict=True):
                config[name][column] = value
        elif bool(filled.any()):
            parts.append(
                pd.DataFrame(
                    {
                        "run": names[filled],
                        "step": steps[filled],
                        "metric": column,
                        "value": numbers[filled],
                    }
                )
            )
    cells = pd.concat(parts).itertuples(index=False, name=None) if parts else ()
    return tracked(
        source,
        (Logged(*cell) for cell in cells),
        config,
        metrics=mixed,
        faults=faults,
        stepped=step_column is not None,
    )


def run_column(frame: pd.DataFrame, source: str, run: str | None) -> pd.Series[str]:
    """The names of the runs, row by row.

    Raises:
        InputError: no such column, or an empty cell in it.
    """
    columns = [str(c) for c in frame.columns]
    if run is not None and run not in columns:
        raise InputError(f"{source}: run: there is no column {run!r}; columns: {some(columns, 20)}")
    column = run or next((name for name in RUN_COLUMNS if name in columns), None)
    if column is None:
        raise InputError(
            f"{source}: no column is named run, run_id, run_name or name; columns: {some(columns, 20)}; "
            "say which names the runs with --run COLUMN"
        )
    names = frame[column].astype("string").str.strip()
    for index in np.flatnonzero((names.isna() | (names == "")).to_numpy(dtype=bool))[:1]:
        raise InputError(f"{source}: row {index + 1}, column {column!r}: empty; expected the name of the run")
    return names.astype(object).rename(column)


def _numbers(values: pd.Series[Any]) -> pd.Series[float]:
    """Numbers, also as ``1,300,000``, ``1.3B`` or ``12%``; NaN for anything else."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    text = values.astype("string").str.strip()
    grouped = text.str.fullmatch(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?").fillna(False).astype(bool)
    text = text.mask(grouped, text.str.replace(",", "", regex=False))
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    units = text.map(lambda cell: math.nan if cell is pd.NA else quantity(str(cell)), na_action="ignore")
    return numbers.fillna(pd.to_numeric(units, errors="coerce").astype(float))


def _shown(value: object) -> str:
    return "empty" if value is None or value is pd.NA or value != value else repr(value)
