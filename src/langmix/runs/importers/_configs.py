"""A side table of what the tracker does not know of its runs: shares, parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from langmix import files
from langmix.errors import InputError
from langmix.runs._read import read_frame
from langmix.runs.importers._resolve import some
from langmix.runs.importers._table import run_column
from langmix.runs.importers._tracked import Config, Tracked, flat

Configs = str | os.PathLike[str] | Mapping[str, Mapping[str, object]]
"""A CSV or Parquet table with a column ``run``, a YAML file of run to entries, or such a mapping."""


def read_configs(configs: Configs) -> dict[str, Config]:
    """Flat config entries per run.

    Raises:
        InputError: no such file, no column of runs, a run twice, or YAML of another shape.
    """
    if isinstance(configs, Mapping):
        return {run: flat(entries) for run, entries in configs.items()}
    path = Path(configs)
    if path.suffix in (".yaml", ".yml"):
        return _yaml(path)
    frame = read_frame(path, what="a table with one row per run").rename(columns=str)
    runs = run_column(frame, str(path), None)
    if (repeated := runs[runs.duplicated()].tolist()) != []:
        raise InputError(f"{path}: run {repeated[0]!r} appears twice; expected one row per run")
    records = frame.drop(columns=runs.name).to_dict(orient="records")
    return {
        str(run): {str(key): value for key, value in record.items() if not pd.isna(value) and value != ""}
        for run, record in zip(runs, records, strict=True)
    }


def with_configs(tracked: Tracked, configs: Mapping[str, Config]) -> Tracked:
    """Add them to the runs.

    Raises:
        InputError: none of the runs is among them.
    """
    if configs and not set(configs) & set(tracked.config):
        raise InputError(
            f"configs: none of their runs ({some(configs, 6)}) is in {tracked.source}, whose runs are "
            f"{some(tracked.config, 6)}; use the same names"
        )
    return tracked.with_config(configs)


def _yaml(path: Path) -> dict[str, Config]:
    try:
        content = yaml.safe_load(files.read_text(path, what="YAML of run: entries"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or not all(isinstance(entries, dict) for entries in content.values()):
        raise InputError(f"{path}: expected for each run its entries, such as `run1: {{share: {{go: 1}}}}`")
    return {str(run): flat(entries) for run, entries in content.items()}
