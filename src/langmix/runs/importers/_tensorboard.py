"""TensorBoard event files, through TensorBoard's own reader; a run is a folder with event files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from langmix.errors import InputError, MissingExtraError
from langmix.runs.importers._tracked import Logged, Tracked, tracked

_EVENTS: Final = "*tfevents*"


def read_tensorboard(folder: Path) -> Tracked:
    """Read every scalar of every run below a folder.

    Each folder that holds event files is a run, named by its path from ``folder``. Nothing is sampled (the
    web page and its CSV downloads are). Where a restarted writer said from which step on it writes again,
    what the first attempt wrote beyond that step is dropped, as TensorBoard itself does.

    Raises:
        InputError: no such folder, or no event files with scalars in it.
        MissingExtraError: tensorboard is not installed.
    """
    if not folder.is_dir():
        found = "is a file; give its folder" if folder.is_file() else "there is no such folder"
        raise InputError(f"{folder}: {found}; expected a log folder of TensorBoard")
    runs = sorted({path.parent for path in folder.rglob(_EVENTS) if path.is_file()})
    if not runs:
        raise InputError(f"{folder}: holds no event files (*tfevents*); expected a log folder of TensorBoard")
    names = {
        run: run.relative_to(folder).as_posix() if run != folder else folder.resolve().name for run in runs
    }
    logged = [row for run in runs for row in _rows(run, names[run])]
    if not logged:
        raise InputError(f"{folder}: its event files hold no scalars; expected losses written by add_scalar")
    return tracked(str(folder), logged, {names[run]: {} for run in runs})


def _rows(folder: Path, run: str) -> Iterator[Logged]:
    try:
        from tensorboard.backend.event_processing import event_accumulator
        from tensorboard.util import tensor_util
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorboard":
            raise
        raise MissingExtraError(
            extra="track", module="tensorboard", purpose="reading TensorBoard event files"
        ) from None
    everything = {event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0}
    accumulator = event_accumulator.EventAccumulator(str(folder), size_guidance=everything)
    with _quiet():
        try:
            accumulator.Reload()
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: its event files cannot be read ({error})") from None
    tags: dict[str, Any] = accumulator.Tags()
    for tag in tags["scalars"]:
        for event in accumulator.Scalars(tag):
            yield Logged(run, float(event.step), str(tag), float(event.value))
    for tag in tags["tensors"]:
        metadata = accumulator.SummaryMetadata(tag)
        if metadata.plugin_data.plugin_name != "scalars":
            continue
        for event in accumulator.Tensors(tag):
            value = tensor_util.make_ndarray(event.tensor_proto)
            if value.size == 1:
                yield Logged(run, float(event.step), str(tag), float(value.reshape(())))


class _quiet:
    """TensorBoard logs what it drops after a restart; the import says it in its own words."""

    def __enter__(self) -> None:
        self.logger = logging.getLogger("tensorboard")
        self.level = self.logger.level
        self.logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        self.logger.setLevel(self.level)
