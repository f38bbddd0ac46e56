"""Values of tracked runs at the rows of a run table in the making."""

from __future__ import annotations

import math
from collections.abc import Callable
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.runs.importers._map import ImportMap
from langmix.runs.importers._reference import Place, Reference, parse_reference, quantity
from langmix.runs.importers._resolve import check_faults, some
from langmix.runs.importers._tracked import Tracked, as_number

Floats = NDArray[np.float64]


class Lookup:
    """What a resolved map refers to, for the runs that it keeps.

    ``rows`` in the methods are frames with the columns ``run`` (the tracker's name) and ``step``.

    Attributes:
        source: for messages.
        tracked: as it was read.
        mapping: resolved.
        kept: runs that include and exclude leave.
        metrics: their logged values, under the step that the map asks for.
        series: (metric, run) to steps and values, each shape (logged,), by step; the last value of a step.
    """

    def __init__(self, tracked: Tracked, mapping: ImportMap, notes: list[str], *, step_asked: bool) -> None:
        self.source = tracked.source
        self.tracked = tracked
        self.mapping = mapping
        runs = list(dict.fromkeys([*tracked.config, *tracked.metrics["run"]]))
        self.kept = [run for run in runs if self._is_kept(run)]
        if not self.kept:
            raise InputError(
                f"{self.source}: no run is left by include and exclude; runs found: {some(runs, 12)}"
            )
        self.metrics = tracked.metrics[tracked.metrics["run"].isin(set(self.kept))]
        if mapping.step is not None:
            reference = parse_reference(mapping.step, field="step")
            self.metrics = self._restepped(reference, notes, required=step_asked)
        self.series: dict[tuple[str, str], tuple[Floats, Floats]] = {
            (str(metric), str(run)): (
                part["step"].to_numpy(dtype=float),
                part["value"].to_numpy(dtype=float),
            )
            for (metric, run), part in self.metrics.drop_duplicates(["run", "step", "metric"], keep="last")
            .sort_values("step", kind="stable")
            .groupby(["metric", "run"], sort=False)
        }

    def _is_kept(self, run: str) -> bool:
        include, exclude = self.mapping.include, self.mapping.exclude
        named = bool(include) and not any(fnmatchcase(run, pattern) for pattern in include)
        return not named and not any(fnmatchcase(run, pattern) for pattern in exclude)

    def _restepped(self, reference: Reference, notes: list[str], *, required: bool) -> pd.DataFrame:
        """Metrics under the step that the trainer logged: the last one logged so far."""
        check_faults(reference, self.tracked, field="step")
        parts = []
        losses = {parse_reference(text, field="loss").name for text in self.mapping.loss.values()}
        for run, part in self.metrics.groupby("run", sort=False):
            own = part[part["metric"] == reference.name]
            own = own.drop_duplicates("step", keep="last").sort_values("step")
            if not own.empty:
                at = np.searchsorted(own["step"].to_numpy(), part["step"].to_numpy(), side="right") - 1
                steps = own["value"].to_numpy(dtype=float)[np.maximum(at, 0)] * reference.scale
                part = part.assign(step=steps)
            elif part["metric"].isin(losses).any():  # a run without losses has no checkpoints
                if required:
                    raise InputError(
                        f"{self.source}: step: run {run!r} logged no {reference.name!r}; leave it out with "
                        f"--exclude '{run}', or map another step"
                    )
                notes.append(
                    f"run {run!r} logged no {reference.name!r}: the tracker's own step is used for it"
                )
            parts.append(part)
        return pd.concat(parts) if parts else self.metrics

    def numbers(self, text: str, rows: pd.DataFrame, *, field: str) -> Floats:
        """Shape (rows,): the value at each row, NaN where a run has none."""
        reference = parse_reference(text, field=field)
        if reference.place is Place.VALUE:
            value = quantity(reference.name)
            if value is None:
                raise InputError(f"{self.source}: {field}: {reference.name!r}; expected a number")
            return np.full(len(rows), value * reference.scale)
        check_faults(reference, self.tracked, field=field)
        return self._looked_up(reference, rows, lambda run, value: self._number(run, value, field)) * (
            reference.scale
        )

    def texts(self, text: str, rows: pd.DataFrame, *, field: str) -> pd.Series[str]:
        reference = parse_reference(text, field=field)
        if reference.place is Place.VALUE:
            return pd.Series([reference.name] * len(rows), index=rows.index, dtype="object")
        config = self.tracked.config
        entries = {run: config.get(str(run), {}).get(reference.name) for run in set(rows["run"])}
        if self.place(reference) is Place.METRIC:
            entries |= {
                run: f"{self.series[reference.name, str(run)][1][-1]:g}"
                for run in entries
                if (reference.name, str(run)) in self.series
            }
        return rows["run"].map(lambda run: None if entries[run] is None else str(entries[run]))

    def along(self, reference: Reference, rows: pd.DataFrame) -> tuple[Floats, int]:
        """A metric that grows with the step, at each row; how many rows are not steps where it was logged."""
        values = np.full(len(rows), math.nan)
        between = 0
        for run, index in rows.groupby("run", sort=False).indices.items():
            steps, logged = self.series.get((reference.name, str(run)), (np.empty(0), np.empty(0)))
            finite = np.isfinite(logged)
            steps, logged = steps[finite], logged[finite]
            wanted = rows["step"].to_numpy(dtype=float)[index]
            if len(steps) == 0:
                continue
            between += int((~np.isin(wanted, steps)).sum())
            values[index] = np.interp(wanted, steps, logged)
            beyond = wanted > steps[-1]
            if bool(beyond.any()) and steps[-1] > 0:
                start = int(np.flatnonzero(steps < steps[-1])[-1]) if len(steps) > 1 else None
                origin = (0.0, 0.0) if start is None else (steps[start], logged[start])
                slope = (logged[-1] - origin[1]) / (steps[-1] - origin[0])
                values[index[beyond]] = logged[-1] + slope * (wanted[beyond] - steps[-1])
        return values * reference.scale, between

    def place(self, reference: Reference) -> Place:
        if reference.place is not Place.ANY:
            return reference.place
        return Place.CONFIG if reference.name in self.tracked.names.config else Place.METRIC

    def complete(self, values: Floats, rows: pd.DataFrame, field: str) -> Floats:
        for index in np.flatnonzero(np.isnan(values))[:1]:
            run = str(rows["run"].iloc[index])
            missing = len(set(rows["run"][np.isnan(values)]))
            more = f" (and {missing - 1} more runs)" if missing > 1 else ""
            found = some(sorted(self.tracked.config.get(run, {})), 12)
            raise InputError(
                f"{self.source}: run {run!r}{more} has no {field} ({getattr(self.mapping, field)}); its "
                f"config: {found}. Add it with --configs, or leave the run out with --exclude"
            )
        return values

    def _number(self, run: str, value: object, field: str) -> float:
        number = as_number(value)
        if number is None:
            number = quantity(value) if isinstance(value, str) else None
        if number is None:
            raise InputError(f"{self.source}: run {run!r}: {field} is {value!r}; expected a number")
        return number

    def _looked_up(
        self, reference: Reference, rows: pd.DataFrame, read: Callable[[str, object], float]
    ) -> Floats:
        values = np.full(len(rows), math.nan)
        steps = rows["step"].to_numpy(dtype=float)
        for key, index in rows.groupby("run", sort=False).indices.items():
            run = str(key)
            entry = self.tracked.config.get(run, {}).get(reference.name)
            if reference.place is not Place.METRIC and entry is not None and entry != "":
                values[index] = read(run, entry)
            elif reference.place is not Place.CONFIG and (reference.name, run) in self.series:
                at, logged = self.series[reference.name, run]
                values[index] = logged[np.maximum(np.searchsorted(at, steps[index], side="right") - 1, 0)]
        return values


def count(number: float, what: str, several: str | None = None) -> str:
    """A number with its noun: ``1 run``, ``2 runs``."""
    return f"{int(number)} {what if number == 1 else several or what + 's'}"
