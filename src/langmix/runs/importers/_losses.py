"""Losses: the checkpoints at which they were logged, and their unit."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd

from langmix.errors import InputError
from langmix.runs._table import BYTES_PER_TOKEN, LOSS
from langmix.runs.importers._lookup import Lookup, count
from langmix.runs.importers._map import LossUnit
from langmix.runs.importers._reference import parse_reference
from langmix.runs.importers._resolve import check_faults, listing, some

_MOST_NATS: Final = 700.0
"""exp of more overflows; a perplexity beyond it was a run that diverged."""


def loss_rows(lookup: Lookup, notes: list[str]) -> pd.DataFrame:
    """One row per run and step at which a loss was logged, with ``loss.<target>`` columns."""
    columns: dict[str, pd.Series[float]] = {}
    logged = lookup.metrics
    again = diverged = 0
    for target, text in lookup.mapping.loss.items():
        reference = parse_reference(text, field=f"loss {target}")
        check_faults(reference, lookup.tracked, field=f"loss {target}")
        part = logged[logged["metric"] == reference.name]
        last = part.drop_duplicates(["run", "step"], keep="last")
        again += len(part) - len(last)
        diverged += int((~np.isfinite(last["value"])).sum())
        columns[LOSS + target] = last.set_index(["run", "step"])["value"] * reference.scale
    if all(column.empty for column in columns.values()):
        raise InputError(
            f"{lookup.source}: no run logged any of the mapped losses "
            f"({some(lookup.mapping.loss.values(), 8)}); {listing(lookup.tracked.names)}"
        )
    frame = pd.concat(columns, axis="columns").rename_axis(["run", "step"]).reset_index()
    order = {run: position for position, run in enumerate(lookup.kept)}
    frame = frame.assign(_order=frame["run"].map(order))
    frame = frame.sort_values(["_order", "step"], kind="stable").drop(columns="_order")
    if again:
        notes.append(
            f"{count(again, 'loss', 'losses')} logged again at the same step, as after a resume: last kept"
        )
    if diverged:
        notes.append(
            f"{count(diverged, 'loss', 'losses')} not finite (a run that diverged): kept as not measured"
        )
    if silent := [run for run in lookup.kept if run not in set(frame["run"])]:
        notes.append(f"{count(len(silent), 'run')} without any mapped loss left out: {some(silent, 6)}")
    return frame.reset_index(drop=True)


def convert_losses(lookup: Lookup, rows: pd.DataFrame, languages: list[str], notes: list[str]) -> None:
    """Nats per token, and empty cells for what is not finite."""
    unit = lookup.mapping.loss_unit
    without: list[str] = []
    for target in lookup.mapping.loss:
        column = LOSS + target
        values = rows[column].to_numpy(dtype=float)
        if unit is LossUnit.PERPLEXITY:
            values = np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), values)
            values = np.where(values > _MOST_NATS, math.inf, values)
        elif unit is not LossUnit.NATS:
            values = values * math.log(2)
        if unit is LossUnit.BITS_PER_BYTE:
            per_token = BYTES_PER_TOKEN + target
            if per_token in rows:
                values = values * rows[per_token].to_numpy(dtype=float)
            else:
                without.append(target)
                if target in languages:
                    rows[per_token] = 1.0
        rows[column] = np.where(np.isfinite(values), values, math.nan)
    if without:
        notes.append(
            f"no bytes_per_token for {some(without, 6)}: those losses are nats per byte, as if a token "
            "were a byte"
        )


def check_measured(lookup: Lookup, rows: pd.DataFrame, notes: list[str]) -> None:
    """Refuse a target without any finite loss; tell when most checkpoints hold only some.

    Raises:
        InputError: names the target and its metric.
    """
    for target, text in lookup.mapping.loss.items():
        if bool(rows[LOSS + target].isna().all()):
            raise InputError(
                f"{lookup.source}: loss {target}: {text} has no finite value in the checkpoints kept; "
                f"map another metric to {target}, or leave it out"
            )
    losses = rows[[LOSS + target for target in lookup.mapping.loss]]
    partly = losses.isna().any(axis=1) & ~losses.isna().all(axis=1)
    if partly.mean() > 0.5:
        notes.append(
            f"{count(partly.sum(), 'checkpoint')} of {len(rows)} hold only some of the losses; if your "
            "trainer logs each evaluation at a step of its own, map the step (--step train/global_step)"
        )
