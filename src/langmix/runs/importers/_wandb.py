"""Weights & Biases, through its public API: complete histories of the metrics that the map reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langmix.errors import InputError, MissingExtraError
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


def read_wandb(path: str, *, wanted: Wanted | None = None, api: Any = None) -> Tracked:
    """Read the runs of a project.

    ``run.history()`` samples 500 rows, so ``run.scan_history()`` is used, one metric at a time: asked for
    several it returns only rows that hold all of them, and evaluations are often logged in rows of their own.

    Args:
        path: ``entity/project``, or ``entity/project/run_id`` for one run.
        wanted: chooses the metrics to fetch; by default all.
        api: a ``wandb.Api`` to ask instead of a new one.

    Raises:
        InputError: not such a path, no such project, no access, or no runs.
        MissingExtraError: wandb is not installed.
    """
    parts = path.strip("/").split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(f"{path!r}: expected entity/project, or entity/project/run_id for one run")
    try:
        api = _api() if api is None else api
        runs = list(api.runs("/".join(parts))) if len(parts) == 2 else [api.run("/".join(parts))]
        if not runs:
            raise InputError(f"{path}: the project has no runs; expected at least one")
        names = unique_names((str(run.id), str(run.name or "")) for run in runs)
        config = {names[str(run.id)]: wandb_config(run.config) for run in runs}
        summaries = {str(run.id): _summary_names(run.summary) for run in runs}
        offered = Names(
            metrics=frozenset(name for found in summaries.values() for name in found),
            config=frozenset(key for entries in config.values() for key in entries),
        )
        metrics = offered.metrics if wanted is None else wanted(offered)
        logged = [
            row
            for run in runs
            for metric in sorted(metrics & summaries[str(run.id)])
            for row in _history(run, names[str(run.id)], metric)
        ]
    except (InputError, MissingExtraError):
        raise
    except Exception as error:
        # The API reports an unknown project as ValueError, and the rest by its own and requests' errors.
        if not isinstance(error, ValueError) and not type(error).__module__.startswith(("wandb", "requests")):
            raise
        raise InputError(
            f"{path}: W&B does not give its runs: {' '.join(str(error).split())}; check the path, and log in "
            "with `wandb login` or WANDB_API_KEY"
        ) from None
    running = [names[str(run.id)] for run in runs if str(getattr(run, "state", "")) == "running"]
    notes = [f"still running, so not at their last checkpoint: {', '.join(running[:6])}"] if running else []
    return tracked(f"W&B {path}", logged, config, metrics=offered.metrics, notes=notes)


def wandb_config(config: Mapping[str, Any]) -> dict[str, object]:
    """Flat config without W&B's own entries; files of a run wrap each value as ``{value:, desc:}``."""
    own = {key: value for key, value in config.items() if not str(key).startswith("_wandb")}
    wrapped = own and all(
        isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}
        for value in own.values()
    )
    return flat({key: value["value"] for key, value in own.items()} if wrapped else own)


def _summary_names(summary: Any) -> set[str]:
    """Metrics that a run logged. A summary entry may hold min and max of its metric; it names the metric "
    "too."""
    content = dict(getattr(summary, "_json_dict", summary))
    names = {str(key) for key, value in content.items() if as_number(value) is not None or _aggregate(value)}
    nested = {
        key: value for key, value in content.items() if isinstance(value, Mapping) and not _aggregate(value)
    }
    names |= {name for name, value in flat(nested).items() if as_number(value) is not None}
    return {name for name in names if not name.startswith("_")}


def _aggregate(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and set(value) <= {"min", "max", "mean", "best", "last"}


def _history(run: Any, name: str, metric: str) -> Iterator[Logged]:
    for row in run.scan_history(keys=["_step", metric]):
        step, value = as_number(row.get("_step")), as_number(row.get(metric))
        if step is not None and value is not None:
            yield Logged(name, step, metric, value)


def _api() -> Any:
    try:
        import wandb
    except ModuleNotFoundError as error:
        if error.name != "wandb":
            raise
        raise MissingExtraError(extra="track", module="wandb", purpose="asking W&B") from None
    return wandb.Api()
