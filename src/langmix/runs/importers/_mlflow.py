"""MLflow: a local store (folder ``mlruns`` or SQLite) read as it lies, a server through its client."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from langmix import files
from langmix.errors import InputError, MissingExtraError
from langmix.runs.importers._resolve import some
from langmix.runs.importers._tracked import (
    Logged,
    Names,
    Tracked,
    Wanted,
    as_number,
    flat,
    tracked,
    unique_names,
)

_NAME_TAG: Final = "mlflow.runName"
_REMOTE: Final = re.compile(r"(https?|databricks|databricks-uc)(://.*)?")


def read_mlflow(
    store: str, *, experiment: str | None = None, wanted: Wanted | None = None, client: Any = None
) -> Tracked:
    """Read the runs of a store that are not deleted.

    Args:
        store: a folder ``mlruns``, a SQLite file (``mlflow.db`` or ``sqlite:///mlflow.db``), or the address
            of a server (``http://...``, ``databricks``), which needs ``mlflow`` or ``mlflow-skinny``.
        experiment: name or id of the experiment; by default all.
        wanted: chooses the metrics whose history a server is asked for; by default all.
        client: an ``MlflowClient`` to ask instead of one made for ``store``.

    Raises:
        InputError: no such store, not a store, no such experiment, or no runs.
        MissingExtraError: a server is asked for and no client is installed.
    """
    if client is not None or _REMOTE.fullmatch(store):
        return _from_server(store, experiment, wanted, client)
    path = Path(re.sub(r"^(sqlite:///|file://(localhost)?|file:)", "", store))
    if path.is_dir():
        return _from_folder(path, experiment)
    if path.is_file():
        return _from_sqlite(path, experiment)
    raise InputError(
        f"{store}: there is no such store; expected a folder mlruns, a SQLite file such as mlflow.db, or the "
        "address of a server"
    )


def _gathered(
    source: str, named: Mapping[str, str], logged: Iterator[Logged], config: Mapping[str, Mapping[str, Any]]
) -> Tracked:
    if not named:
        raise InputError(f"{source}: has no runs that are not deleted; expected at least one")
    names = unique_names(named.items())
    rows = (row._replace(run=names[row.run]) for row in logged)
    return tracked(source, rows, {names[run]: flat(entries) for run, entries in config.items()})


def _chosen(source: str, experiments: Mapping[str, str], asked: str | None) -> list[str]:
    """Ids of the experiments that are asked for by name or id."""
    chosen = [key for key, name in experiments.items() if asked in (None, key, name)]
    if not chosen:
        raise InputError(
            f"{source}: there is no experiment {asked!r}; it has {some(sorted(experiments.values()), 12)}"
        )
    return chosen


# Folder: EXPERIMENT/meta.yaml, EXPERIMENT/RUN/{meta.yaml,metrics/,params/,tags/}


def _from_folder(root: Path, experiment: str | None) -> Tracked:
    experiments = {
        path.parent: meta
        for path in sorted(root.glob("*/meta.yaml"))
        if (meta := _meta(path)).get("lifecycle_stage", "active") == "active" and "experiment_id" in meta
    }
    if not experiments:
        raise InputError(
            f"{root}: holds no experiments (folders with a meta.yaml); expected MLflow's folder mlruns"
        )
    names = {
        str(meta["experiment_id"]): str(meta.get("name", folder.name)) for folder, meta in experiments.items()
    }
    chosen = _chosen(str(root), names, experiment)
    runs: dict[str, Path] = {}
    named: dict[str, str] = {}
    for folder, meta in experiments.items():
        if str(meta["experiment_id"]) not in chosen:
            continue
        for path in sorted(folder.glob("*/meta.yaml")):
            run = _meta(path)
            identity = run.get("run_id") or run.get("run_uuid")  # the older name
            if identity and run.get("lifecycle_stage", "active") == "active":
                tag = path.parent / "tags" / _NAME_TAG
                name = tag.read_text(encoding="utf-8") if tag.is_file() else run.get("run_name")
                runs[str(identity)] = path.parent
                named[str(identity)] = str(name or "")
    config = {identity: _params(folder / "params") for identity, folder in runs.items()}
    rows = (row for identity, folder in runs.items() for row in _metric_files(identity, folder / "metrics"))
    return _gathered(str(root), named, rows, config)


def _meta(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(files.read_text(path, what="MLflow's meta.yaml"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    return content if isinstance(content, dict) else {}


def _params(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).as_posix(): files.read_text(path, what="a parameter of MLflow")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _metric_files(run: str, folder: Path) -> Iterator[Logged]:
    """Lines are ``timestamp value step``, then optional further fields; the oldest MLflow wrote no step."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        metric = path.relative_to(folder).as_posix()
        rows: list[tuple[float, float, float]] = []
        for number, line in enumerate(files.read_text(path, what="a metric of MLflow").splitlines(), start=1):
            fields = line.split()
            if not fields:
                continue
            values = [as_number(field) for field in fields[:3]]
            if len(fields) < 2 or None in values:
                raise InputError(f"{path}: line {number}: {line!r}; expected `timestamp value step`")
            timestamp, value, step = (*(v for v in values if v is not None), 0.0)[:3]
            rows.append((timestamp, value, step))
        rows.sort(key=lambda row: row[0])  # the last one logged rules, wherever its line stands
        yield from (Logged(run, step, metric, value) for _, value, step in rows)


# SQLite: the tables experiments, runs, metrics, params, tags, of which these columns never changed


def _from_sqlite(path: Path, experiment: str | None) -> Tracked:
    uri = f"file:{path.resolve().as_posix().replace('?', '%3f').replace('#', '%23')}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as base:
            return _from_tables(base, path, experiment)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{path}: is not a store of MLflow ({error}); expected a SQLite file with the tables "
            "experiments, runs, metrics, params and tags"
        ) from None


def _from_tables(base: sqlite3.Connection, path: Path, experiment: str | None) -> Tracked:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return base.execute(query).fetchall()

    experiments = {
        str(key): str(name)
        for key, name in rows(
            "SELECT experiment_id, name FROM experiments WHERE coalesce(lifecycle_stage, 'active') = 'active'"
        )
    }
    chosen = set(_chosen(str(path), experiments, experiment))
    names = dict(rows(f"SELECT run_uuid, value FROM tags WHERE key = '{_NAME_TAG}'"))
    named = {
        run: str(names.get(run) or "")
        for run, of in rows(
            "SELECT run_uuid, experiment_id FROM runs WHERE coalesce(lifecycle_stage, 'active') = 'active' "
            "ORDER BY start_time, run_uuid"
        )
        if str(of) in chosen
    }
    config: dict[str, dict[str, object]] = {run: {} for run in named}
    for run, key, value in rows("SELECT run_uuid, key, value FROM params"):
        if run in config:
            config[run][key] = value
    logged = (
        Logged(run, float(step), key, float("nan") if is_nan else float(value))
        for run, step, key, value, is_nan in rows(
            "SELECT run_uuid, step, key, value, is_nan FROM metrics ORDER BY timestamp"
        )
        if run in config
    )
    return _gathered(str(path), named, logged, config)


# Server


def _from_server(store: str, experiment: str | None, wanted: Wanted | None, client: Any) -> Tracked:
    if client is None:
        client = _client(store)
    try:
        experiments = {str(e.experiment_id): str(e.name) for e in _pages(client.search_experiments)}
        chosen = _chosen(store, experiments, experiment)
        runs = {run.info.run_id: run for run in _pages(client.search_runs, experiment_ids=chosen)}
        config = {identity: flat(run.data.params) for identity, run in runs.items()}
        offered = Names(
            metrics=frozenset(metric for run in runs.values() for metric in run.data.metrics),
            config=frozenset(key for entries in config.values() for key in entries),
        )
        metrics = offered.metrics if wanted is None else wanted(offered)
        logged = [
            Logged(identity, float(point.step), metric, float(point.value))
            for identity, run in runs.items()
            for metric in sorted(metrics & set(run.data.metrics))
            for point in sorted(
                client.get_metric_history(identity, metric), key=lambda point: point.timestamp
            )
        ]
    except InputError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("mlflow", "requests", "urllib3")):
            raise
        raise InputError(f"{store}: MLflow's server does not answer as expected: {error}") from None
    named = {identity: str(run.data.tags.get(_NAME_TAG) or "") for identity, run in runs.items()}
    read = _gathered(store, named, iter(logged), config)
    return replace(read, names=Names(read.names.metrics | offered.metrics, read.names.config))


def _client(store: str) -> Any:
    try:
        from mlflow.tracking import MlflowClient
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mlflow":
            raise
        raise MissingExtraError(
            extra="track", module="mlflow-skinny", purpose="asking an MLflow server"
        ) from None
    return MlflowClient(tracking_uri=store)


def _pages(search: Any, **arguments: Any) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(**arguments, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
