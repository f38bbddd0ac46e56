"""Files exported from W&B: charts and run tables of its pages, dumps of its API, history artifacts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from langmix import files
from langmix.errors import InputError
from langmix.runs._read import read_frame
from langmix.runs.importers._resolve import some
from langmix.runs.importers._tracked import Logged, Tracked, as_number, flat, literal, tracked
from langmix.runs.importers._wandb import wandb_config

_STEP: Final = "Step"
_TIMES: Final = ("Relative Time", "Wall Time", "_runtime", "_timestamp")
_ARTIFACT: Final = re.compile(r"(?:run-)?(?P<run>.+?)-history(?::v\d+|-v\d+)?")
_RUN_TABLE_COLUMNS: Final = frozenset(
    {"Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "ID", "Group", "Job Type"}
)


@dataclass
class _Export:
    """What the files of one export hold together."""

    history: list[Logged] = field(default_factory=list)
    summary: list[Logged] = field(default_factory=list)
    config: dict[str, dict[str, object]] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_run(self, name: str, config: Mapping[str, object], identity: object = None) -> None:
        self.config.setdefault(name, {}).update(config)
        if isinstance(identity, str) and identity:
            self.identities[identity] = name


def read_wandb_export(paths: Iterable[Path]) -> Tracked:
    """Read files that belong together: charts, one per metric, and a table of the runs with their config.

    Args:
        paths: any of: the CSV of a chart (``Step, <run> - <metric>, ...``); the CSV of the runs table
            (``Name, State, ...``); the CSV of the documented export script (``name, config, summary``); a
            JSON list of runs (``name``, ``config``, and ``history`` rows or ``summary``); a Parquet history
            artifact (``run-<id>-history/0000.parquet``).

    Raises:
        InputError: a file that is none of these, or a chart over wall time.
    """
    paths = list(paths)
    export = _Export()
    for path in paths:
        if path.suffix == ".json":
            _add_json(path, export)
        elif path.suffix == ".parquet":
            _add_artifact(path, export)
        else:
            _add_csv(path, export)
    names = export.identities
    history = [row._replace(run=names.get(row.run, row.run)) for row in export.history]
    runs = {row.run for row in history}
    # A summary is the last value of each metric: a checkpoint only where no history says more.
    logged = history + [row for row in export.summary if row.run not in runs]
    for run in dict.fromkeys(row.run for row in logged):
        export.config.setdefault(run, {})
    return tracked(
        ", ".join(str(path) for path in paths),
        logged,
        export.config,
        metrics={row.metric for row in export.summary},
        notes=dict.fromkeys(export.notes),
    )


def _add_csv(path: Path, export: _Export) -> None:
    frame = read_frame(path, what="a CSV file exported from W&B").rename(columns=str)
    columns = list(frame.columns)
    if {"name", "config", "summary"} <= set(columns):
        _add_script(path, frame, export)
    elif any(" - " in column for column in columns[1:]):
        _add_chart(path, frame, export)
    elif "Name" in columns and set(columns) & (_RUN_TABLE_COLUMNS - {"Name"}):
        _add_runs_table(path, frame, export)
    else:
        raise InputError(
            f"{path}: is no export of W&B that langmix knows (columns {some(columns, 8)}); expected a chart "
            "(Step, <run> - <metric>), a runs table (Name, State, ...) or name, config, summary. One row per "
            "checkpoint with a column of the run is read by `langmix import table`"
        )


def _add_chart(path: Path, frame: pd.DataFrame, export: _Export) -> None:
    axis = str(frame.columns[0])
    if axis.startswith(_TIMES):
        raise InputError(
            f"{path}: the x axis is {axis!r}; set the chart's x axis to Step and export it again"
        )
    steps = [as_number(cell) for cell in frame[axis]]
    for row, step in enumerate(steps, start=1):
        if step is None or step != step:
            raise InputError(
                f"{path}: row {row}, column {axis!r}: {frame[axis].iloc[row - 1]!r}; expected a step"
            )
    averaged = False
    for column in frame.columns[1:]:
        if column.endswith(("__MIN", "__MAX")):
            plain = column[: -len("__MIN")]
            averaged |= plain in frame and bool((frame[column].dropna() != frame[plain].dropna()).any())
            continue
        if " - " not in column:
            raise InputError(f"{path}: column {column!r}; expected <run> - <metric>, as a chart exports it")
        run, metric = column.rsplit(" - ", 1)
        for row, (step, cell) in enumerate(zip(steps, frame[column], strict=True), start=1):
            if pd.isna(cell) or cell == "":
                continue
            value = as_number(cell)
            if value is None:
                raise InputError(f"{path}: row {row}, column {column!r}: {cell!r}; expected a number")
            assert step is not None
            export.history.append(Logged(run, step, metric, value))
            if axis != _STEP and axis != metric:
                export.history.append(Logged(run, step, axis, step))
    if averaged:
        export.notes.append(
            f"{path.name}: the chart holds averages over buckets of steps (its __MIN and __MAX differ), not "
            "checkpoints; `langmix import wandb` reads what was logged"
        )
    export.notes.append("charts export sampled points; `langmix import wandb` reads every one")


def _add_runs_table(path: Path, frame: pd.DataFrame, export: _Export) -> None:
    names = frame["Name"].astype("string").str.strip()
    for row, name in enumerate(names, start=1):
        if pd.isna(name) or not name:
            raise InputError(f"{path}: row {row}, column 'Name': empty; expected the name of the run")
    repeated = names.duplicated(keep=False)
    if bool(repeated.any()) and "ID" not in frame:
        raise InputError(
            f"{path}: run {names[repeated].iloc[0]!r} appears twice; show the column ID in the table and "
            "export it again"
        )
    for index, cells in enumerate(frame.to_dict(orient="records")):
        name = str(names.iloc[index])
        if bool(repeated.iloc[index]):
            name = f"{name} ({cells['ID']})"
        given = {
            str(key): value
            for key, value in cells.items()
            if key not in _RUN_TABLE_COLUMNS and not pd.isna(value) and value != ""
        }
        export.add_run(name, flat(given), cells.get("ID"))
        export.summary += _summary(name, given)


def _add_script(path: Path, frame: pd.DataFrame, export: _Export) -> None:
    for row, (name, config, summary) in enumerate(
        frame[["name", "config", "summary"]].itertuples(index=False), start=1
    ):
        read = {"config": literal(str(config)), "summary": literal(str(summary))}
        for column, content in read.items():
            if not isinstance(content, dict):
                raise InputError(f"{path}: row {row}, column {column!r}: expected a dictionary as text")
        export.add_run(str(name), wandb_config(read["config"]))
        export.summary += _summary(str(name), flat(read["summary"]))


def _add_json(path: Path, export: _Export) -> None:
    text = files.read_text(path, what="a JSON list of W&B runs")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: is not JSON ({error.msg})") from None
    runs = content.get("runs") if isinstance(content, dict) else content
    if not isinstance(runs, list) or not runs:
        raise InputError(f"{path}: expected a list of runs, each with name, config and history or summary")
    for position, run in enumerate(runs):
        place = f"{path}: run {position + 1}"
        if not isinstance(run, dict) or not (run.get("name") or run.get("id")):
            raise InputError(f"{place}: expected an object with name (or id), config and history or summary")
        name = str(run.get("name") or run["id"])
        if name in export.config and any(row.run == name for row in [*export.history, *export.summary]):
            name = f"{name} ({run.get('id', position + 1)})"
        config, history, summary = run.get("config") or {}, run.get("history") or [], run.get("summary") or {}
        if not isinstance(config, dict) or not isinstance(history, list) or not isinstance(summary, dict):
            raise InputError(
                f"{place} ({name}): expected config and summary as objects, history as a list of rows"
            )
        export.add_run(name, wandb_config(config), run.get("id"))
        export.history += _json_history(f"{place} ({name})", name, history)
        export.summary += _summary(name, flat(summary))


def _json_history(place: str, name: str, history: list[Any]) -> Iterator[Logged]:
    for position, row in enumerate(history):
        step = as_number(row.get("_step", row.get("step"))) if isinstance(row, dict) else None
        if step is None:
            raise InputError(
                f"{place}: history row {position + 1} has no _step; expected rows of scan_history"
            )
        for metric, cell in flat(row).items():
            value = as_number(cell)
            if value is not None and metric != "_step":
                yield Logged(name, step, metric, value)


def _add_artifact(path: Path, export: _Export) -> None:
    frame = read_frame(path, what="a history artifact of W&B").rename(columns=str)
    if "_step" not in frame:
        raise InputError(
            f"{path}: has no column _step (found {some(frame.columns, 8)}); expected a history artifact of "
            "W&B"
        )
    match = _ARTIFACT.fullmatch(path.resolve().parent.name)
    name = match["run"] if match else path.stem
    frame = frame.sort_values("_step", kind="stable")
    for metric in frame.columns:
        if metric.startswith("_") or not pd.api.types.is_numeric_dtype(frame[metric]):
            continue
        filled = frame[["_step", metric]].dropna()
        export.history += [
            Logged(name, float(s), metric, float(v)) for s, v in filled.itertuples(index=False)
        ]


def _summary(name: str, entries: Mapping[str, object]) -> Iterator[Logged]:
    step = as_number(entries.get("_step")) or 0.0
    for metric, cell in entries.items():
        value = as_number(cell)
        if value is not None and not metric.startswith("_"):
            yield Logged(name, step, metric, value)
