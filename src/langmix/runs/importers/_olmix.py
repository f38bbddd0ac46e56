"""olmix swarms: ratios.csv (domain weights per run) joined with metrics.csv (evaluations per run)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from langmix.errors import InputError
from langmix.runs._read import read_frame
from langmix.runs.importers._map import ImportMap, LossUnit
from langmix.runs.importers._resolve import some
from langmix.runs.importers._table import track_frame
from langmix.runs.importers._tracked import Tracked

_IDENTITIES: Final = ("run", "run_id")
_DESCRIPTIONS: Final = frozenset({"run", "run_id", "name", "index"})
_PER_BYTE: Final = "_bpb"


class Swarm(NamedTuple):
    """A swarm's runs, and which of their columns are domains."""

    tracked: Tracked
    domains: list[str]


def read_olmix(ratios: Path, metrics: Path) -> Swarm:
    """Read a swarm.

    Args:
        ratios: ``run`` or ``run_id``, optional ``name`` and ``index``, and one column of weights per domain.
        metrics: the same identity, and one column per metric; the last evaluation of each run.

    Raises:
        InputError: not such files, a run twice, no run in both, or a run without a domain.
    """
    left, domains = _read(ratios, what="olmix's ratios.csv")
    right, names = _read(metrics, what="olmix's metrics.csv")
    if both := sorted(set(domains) & set(names)):
        raise InputError(
            f"{metrics}: column {both[0]!r} is a domain of {ratios} too; is this the metrics file?"
        )
    common = [run for run in left.index if run in right.index]
    if not common:
        raise InputError(
            f"{metrics}: shares no run with {ratios} (runs {some(left.index, 3)} against "
            f"{some(right.index, 3)}); expected the same run ids in both"
        )
    joined = pd.concat([left.loc[common], right.loc[common]], axis="columns")
    read = track_frame(joined.rename_axis("run").reset_index(), source=f"{ratios} with {metrics}", run="run")
    alone = len(left) + len(right) - 2 * len(common)
    notes = (f"{alone} runs are in one of the two files only: left out",) if alone else ()
    return Swarm(replace(read, notes=notes), domains)


def olmix_map(mapping: ImportMap, swarm: Swarm) -> ImportMap:
    """Fill gaps of a map: the domains are shares; metrics in bits per byte are named ``<task>_bpb``."""
    update: dict[str, object] = {}
    if not mapping.share:
        update["share"] = {domain: domain for domain in swarm.domains}
    per_byte = [name for name in sorted(swarm.tracked.names.metrics) if name.endswith(_PER_BYTE)]
    if not mapping.loss and per_byte:
        update["loss"] = {name.removesuffix(_PER_BYTE): name for name in per_byte}
        if mapping.loss_unit is LossUnit.NATS:
            update["loss_unit"] = LossUnit.BITS_PER_BYTE
    return mapping.model_copy(update=update)


def _read(path: Path, *, what: str) -> tuple[pd.DataFrame, list[str]]:
    frame = read_frame(path, what=what).rename(columns=str)
    identity = next((name for name in _IDENTITIES if name in frame.columns), None)
    if identity is None:
        raise InputError(
            f"{path}: has no column run or run_id (found {some(frame.columns, 8)}); expected {what}"
        )
    values = [c for c in frame.columns if c not in _DESCRIPTIONS and not c.startswith("Unnamed:")]
    if not values:
        raise InputError(f"{path}: has no columns besides {some(frame.columns, 8)}; expected {what}")
    runs = frame[identity].astype("string").str.strip()
    for index in np.flatnonzero((runs.isna() | (runs == "")).to_numpy(dtype=bool))[:1]:
        raise InputError(f"{path}: row {index + 1}, column {identity!r}: empty; expected a run id")
    for index in np.flatnonzero(runs.duplicated().to_numpy())[:1]:
        raise InputError(
            f"{path}: row {index + 1}: run {runs.iloc[index]!r} appears twice; keep one row per run"
        )
    return frame[values].set_axis(runs.astype(str).to_numpy(), axis="index"), values
