"""Finished runs to a tracker: TensorBoard, W&B or MLflow, by names that `langmix import` reads back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from langmix.errors import InputError, LangmixError, MissingExtraError

Row = Mapping[str, Any]

_CONFIG: Final = ("arm", "params", "params_total", "seed", "organisation", "tokenizer")
_CONFIG_FAMILIES: Final = ("share.", "unique.", "bytes_per_token.")


class Tracker(Protocol):
    """Where finished runs go."""

    def log(self, run: str, rows: Sequence[Row]) -> None:
        """Record the checkpoints of a finished run, rows of a run table in the order of their tokens."""


def open_tracker(place: str, *, group: str) -> Tracker:
    """A tracker by its place.

    Args:
        place: ``tensorboard:FOLDER``, ``wandb:PROJECT``, ``wandb:ENTITY/PROJECT`` or
            ``mlflow:FOLDER-OR-ADDRESS``.
        group: of the runs: the W&B group, the MLflow experiment.

    Raises:
        InputError: another place.
        MissingExtraError: the tracker's package is not installed.
    """
    kind, colon, where = place.partition(":")
    if kind not in _TRACKERS or not colon or not where:
        raise InputError(
            f"--track: {place!r}; expected tensorboard:FOLDER, wandb:PROJECT, wandb:ENTITY/PROJECT or "
            "mlflow:FOLDER-OR-ADDRESS"
        )
    try:
        return _TRACKERS[kind](where, group)
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="track", module=str(error.name), purpose=f"logging to {kind}") from None


class _TensorBoard:
    """A folder of events per run; its configuration is logged as scalars and texts at step 0."""

    def __init__(self, where: str, group: str) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer, self._folder = EventFileWriter, Path(where)

    def log(self, run: str, rows: Sequence[Row]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        writer = self._writer(str(self._folder / run))
        for row in rows:
            numbers = _metrics(row) | {k: v for k, v in _config(row).items() if isinstance(v, int | float)}
            values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
            writer.add_event(Event(step=int(row["step"]), summary=Summary(value=values)))
        writer.close()


class _Wandb:
    def __init__(self, where: str, group: str) -> None:
        import wandb

        self._wandb, self._group = wandb, group
        entity, _, self._project = where.rpartition("/")
        self._entity = entity or None

    def log(self, run: str, rows: Sequence[Row]) -> None:
        try:
            live = self._wandb.init(
                entity=self._entity,
                project=self._project,
                name=run,
                group=self._group,
                config=_config(rows[0]),
                reinit="create_new",
                settings=self._wandb.Settings(silent=True),
            )
            for row in rows:
                live.log(_metrics(row), step=int(row["step"]))
            live.finish()
        except self._wandb.errors.Error as error:
            raise LangmixError(
                f"W&B: {error}; log in with `wandb login`, or set WANDB_MODE=offline; finished runs are kept"
            ) from None


class _MLflow:
    def __init__(self, where: str, group: str) -> None:
        from mlflow.tracking import MlflowClient

        address = where if "://" in where else f"sqlite:///{Path(where).resolve()}/mlflow.db"
        if "://" not in where:
            Path(where).mkdir(parents=True, exist_ok=True)
        with _told_by_mlflow():
            self._client = MlflowClient(tracking_uri=address)
            found = self._client.get_experiment_by_name(group)
            self._experiment = found.experiment_id if found else self._client.create_experiment(group)

    def log(self, run: str, rows: Sequence[Row]) -> None:
        from mlflow.entities import Metric, Param

        params = [Param(name, str(value)) for name, value in _config(rows[0]).items()]
        metrics = [
            Metric(name, value, 0, int(row["step"])) for row in rows for name, value in _metrics(row).items()
        ]
        with _told_by_mlflow():
            live = self._client.create_run(self._experiment, run_name=run)
            self._client.log_batch(live.info.run_id, metrics=metrics, params=params)
            self._client.set_terminated(live.info.run_id)


@contextmanager
def _told_by_mlflow() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        reason = " ".join(str(error).split())[:300]
        raise LangmixError(
            f"MLflow: {reason}; correct the place, then run again; finished runs are kept"
        ) from None


_TRACKERS: Final[dict[str, Callable[[str, str], Tracker]]] = {
    "tensorboard": _TensorBoard,
    "wandb": _Wandb,
    "mlflow": _MLflow,
}


def _config(row: Row) -> dict[str, Any]:
    """What a run is: the same at every checkpoint."""
    names = [name for name in row if name in _CONFIG or name.startswith(_CONFIG_FAMILIES)]
    return {name: row[name] for name in names if not _missing(row[name])}


def _metrics(row: Row) -> dict[str, float]:
    """What was measured at a checkpoint; a diverged loss is left out."""
    names = ["tokens", *(name for name in row if name.startswith("loss."))]
    return {name: float(row[name]) for name in names if not _missing(row[name])}


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
