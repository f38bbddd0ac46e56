"""From a source of runs to a run table: reading is the importer's, mapping is the same for all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from langmix.errors import InputError
from langmix.runs.importers._build import Imported, to_runs
from langmix.runs.importers._configs import Configs, read_configs, with_configs
from langmix.runs.importers._map import ImportMap
from langmix.runs.importers._mlflow import read_mlflow
from langmix.runs.importers._olmix import Swarm, olmix_map, read_olmix
from langmix.runs.importers._reference import parse_reference
from langmix.runs.importers._resolve import metrics_needed
from langmix.runs.importers._table import read_table
from langmix.runs.importers._tensorboard import read_tensorboard
from langmix.runs.importers._tracked import Config, Names, Tracked, Wanted
from langmix.runs.importers._trainer_state import read_trainer_state
from langmix.runs.importers._wandb import read_wandb
from langmix.runs.importers._wandb_export import read_wandb_export

FilePath = str | os.PathLike[str]


class Source(StrEnum):
    """Where runs come from."""

    TABLE = "table"
    """CSV or Parquet with one row per checkpoint."""

    WANDB = "wandb"
    """A W&B project, entity/project, through its API."""

    WANDB_EXPORT = "wandb-export"
    """Files exported from W&B."""

    MLFLOW = "mlflow"
    """A folder mlruns, a SQLite file or the address of an MLflow server."""

    TENSORBOARD = "tensorboard"
    """A log folder with event files."""

    TRAINER_STATE = "trainer-state"
    """trainer_state.json of the Hugging Face Trainer, or folders that hold some."""

    OLMIX = "olmix"
    """ratios.csv and metrics.csv of an olmix swarm."""


def look(source: Source, places: Sequence[str], *, experiment: str | None = None) -> Tracked:
    """What a source offers to map; histories that cost requests are not fetched.

    Raises:
        InputError: not such a source.
        MissingExtraError: the package that reads it is not installed.
    """
    read = _read(source, places, experiment=experiment, run=None, wanted=lambda names: frozenset())
    return read.tracked if isinstance(read, Swarm) else read


def import_runs(
    source: Source,
    places: Sequence[str],
    mapping: ImportMap | None = None,
    *,
    configs: Configs | None = None,
    experiment: str | None = None,
    api: Any = None,
) -> Imported:
    """Import runs.

    Args:
        source: what kind of source.
        places: paths, project or store; more than one for exports, trainer states and olmix (ratios,
            metrics).
        mapping: what is what; gaps are filled by names that follow a convention.
        configs: config entries per run that the source lacks; they win over the source's.
        experiment: name or id of MLflow's experiment.
        api: a ``wandb.Api`` or ``MlflowClient`` to ask instead of a new one.

    Raises:
        InputError: names the source, the run or metric, the value, what was expected and the remedy.
        MissingExtraError: the package that reads the source is not installed.
    """
    mapping = mapping or ImportMap()
    extra = read_configs(configs) if configs is not None else {}
    # In a table the run is a column, which its reader needs before there are runs to map.
    run = mapping.run if source is Source.TABLE else None
    column = parse_reference(run, field="run").name if run is not None else None
    wanted = _wanted(mapping, extra, " ".join(places))
    read = _read(source, places, experiment=experiment, run=column, wanted=wanted, api=api)
    if isinstance(read, Swarm):
        mapping, tracked = olmix_map(mapping, read), read.tracked
    else:
        tracked = read
    imported = to_runs(with_configs(tracked, extra), mapping if run is None else _without_run(mapping))
    return (
        imported
        if run is None
        else replace(imported, mapping=imported.mapping.model_copy(update={"run": run}))
    )


def import_table(
    path: FilePath, mapping: ImportMap | None = None, *, configs: Configs | None = None
) -> Imported:
    """Import a CSV or Parquet table with one row per checkpoint; see `import_runs`."""
    return import_runs(Source.TABLE, [os.fspath(path)], mapping, configs=configs)


def import_wandb(
    project: str, mapping: ImportMap | None = None, *, configs: Configs | None = None, api: Any = None
) -> Imported:
    """Import ``entity/project`` (or ``entity/project/run_id``) through W&B's API; see `import_runs`."""
    return import_runs(Source.WANDB, [project], mapping, configs=configs, api=api)


def import_wandb_export(
    *paths: FilePath, mapping: ImportMap | None = None, configs: Configs | None = None
) -> Imported:
    """Import files exported from W&B that belong together; see `import_runs`."""
    return import_runs(Source.WANDB_EXPORT, [os.fspath(path) for path in paths], mapping, configs=configs)


def import_mlflow(
    store: FilePath,
    mapping: ImportMap | None = None,
    *,
    experiment: str | None = None,
    configs: Configs | None = None,
    client: Any = None,
) -> Imported:
    """Import an MLflow store: folder, SQLite file or server; see `import_runs`."""
    return import_runs(
        Source.MLFLOW, [os.fspath(store)], mapping, configs=configs, experiment=experiment, api=client
    )


def import_tensorboard(
    folder: FilePath, mapping: ImportMap | None = None, *, configs: Configs | None = None
) -> Imported:
    """Import the event files below a folder; see `import_runs`."""
    return import_runs(Source.TENSORBOARD, [os.fspath(folder)], mapping, configs=configs)


def import_trainer_state(
    *paths: FilePath, mapping: ImportMap | None = None, configs: Configs | None = None
) -> Imported:
    """Import runs of the Hugging Face Trainer, from files or folders; see `import_runs`."""
    return import_runs(Source.TRAINER_STATE, [os.fspath(path) for path in paths], mapping, configs=configs)


def import_olmix(
    ratios: FilePath, metrics: FilePath, mapping: ImportMap | None = None, *, configs: Configs | None = None
) -> Imported:
    """Import an olmix swarm; see `import_runs`."""
    return import_runs(Source.OLMIX, [os.fspath(ratios), os.fspath(metrics)], mapping, configs=configs)


def _read(
    source: Source,
    places: Sequence[str],
    *,
    experiment: str | None,
    run: str | None,
    wanted: Wanted,
    api: Any = None,
) -> Tracked | Swarm:
    several = source in (Source.WANDB_EXPORT, Source.TRAINER_STATE)
    expected = 2 if source is Source.OLMIX else 1
    if len(places) < expected or (len(places) > expected and not several):
        what = "ratios.csv and metrics.csv" if source is Source.OLMIX else "one path, project or store"
        raise InputError(f"import {source}: got {len(places)} places ({' '.join(places)}); expected {what}")
    if experiment is not None and source is not Source.MLFLOW:
        raise InputError(f"import {source}: has no experiments; --experiment is for mlflow")
    paths = [Path(place) for place in places]
    match source:
        case Source.TABLE:
            return read_table(paths[0], run=run)
        case Source.WANDB:
            return read_wandb(places[0], wanted=wanted, api=api)
        case Source.WANDB_EXPORT:
            return read_wandb_export(paths)
        case Source.MLFLOW:
            return read_mlflow(places[0], experiment=experiment, wanted=wanted, client=api)
        case Source.TENSORBOARD:
            return read_tensorboard(paths[0])
        case Source.TRAINER_STATE:
            return read_trainer_state(paths)
        case Source.OLMIX:
            return read_olmix(paths[0], paths[1])


def _wanted(mapping: ImportMap, extra: Mapping[str, Config], source: str) -> Wanted:
    added = frozenset(key for entries in extra.values() for key in entries)

    def choose(names: Names) -> frozenset[str]:
        return metrics_needed(mapping, Names(names.metrics, names.config | added), source=source)

    return choose


def _without_run(mapping: ImportMap) -> ImportMap:
    return mapping.model_copy(update={"run": None})
