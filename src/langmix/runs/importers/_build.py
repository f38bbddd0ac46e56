"""The one place where tracked runs become a run table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from langmix.errors import InputError
from langmix.runs._table import BYTES_PER_TOKEN, LOSS, SHARE, UNIQUE, RunTable
from langmix.runs.importers._lookup import Lookup, count
from langmix.runs.importers._losses import check_measured, convert_losses, loss_rows
from langmix.runs.importers._map import ImportMap
from langmix.runs.importers._params import add_params
from langmix.runs.importers._resolve import resolve, some
from langmix.runs.importers._shares import add_shares
from langmix.runs.importers._tokens import with_tokens
from langmix.runs.importers._tracked import Tracked


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A run table, and what was done to get it.

    Attributes:
        runs: checked.
        notes: what was guessed, dropped, merged or converted; to be read by a person.
        mapping: every reference explicit; saved as YAML it gives the same import without guesses.
    """

    runs: RunTable
    notes: tuple[str, ...]
    mapping: ImportMap


def to_runs(tracked: Tracked, mapping: ImportMap | None = None) -> Imported:
    """Map tracked runs to a run table: one row per checkpoint that has a loss.

    Args:
        tracked: what an importer read.
        mapping: which metric is what; gaps are filled by names that follow a convention.

    Raises:
        InputError: names the source, the run or metric, the value, what was expected and the remedy.
    """
    asked = mapping or ImportMap()
    resolved = resolve(asked, tracked.names, source=tracked.source)
    notes = [*tracked.notes]
    lookup = Lookup(tracked, resolved.mapping, notes, step_asked=asked.step is not None)
    if resolved.guessed:
        notes.append("guessed from their names: " + "; ".join(resolved.guessed))
    frame = _frame(lookup, notes)
    table = RunTable.from_frame(frame, source=tracked.source)
    return Imported(runs=table, notes=tuple(notes), mapping=resolved.mapping)


def _frame(lookup: Lookup, notes: list[str]) -> pd.DataFrame:
    """All columns of the run table."""
    rows = loss_rows(lookup, notes)
    mapping = lookup.mapping
    rows = with_tokens(lookup, rows, notes)
    unseen = ~(rows["tokens"] > 0)
    if bool(unseen.any()):
        notes.append(f"{count(unseen.sum(), 'checkpoint')} at 0 tokens (before training) left out")
        rows = rows[~unseen].reset_index(drop=True)
    if rows.empty:
        raise InputError(
            f"{lookup.source}: no checkpoint is left after 0 tokens; check tokens or tokens_per_step"
        )
    add_params(lookup, rows)
    shares = add_shares(lookup, rows, notes)
    for family, prefix in (("unique", UNIQUE), ("bytes_per_token", BYTES_PER_TOKEN)):
        for name, text in getattr(mapping, family).items():
            rows[prefix + name] = lookup.numbers(text, rows, field=f"{family} {name}")
    if mapping.seed is not None:
        rows["seed"] = lookup.numbers(mapping.seed, rows, field="seed")
    for column in ("tokenizer", "organisation"):
        text = getattr(mapping, column)
        if text is not None:
            rows[column] = lookup.texts(text, rows, field=column)
    convert_losses(lookup, rows, shares, notes)
    rows["run"] = _names(lookup, rows)
    rows = _merged(rows, notes)
    rows = _thinned(lookup.mapping, rows, notes)
    check_measured(lookup, rows, notes)
    _compare_names(lookup, shares, notes)
    return _ordered(rows, stepped=lookup.tracked.stepped or mapping.step is not None)


def _names(lookup: Lookup, rows: pd.DataFrame) -> pd.Series[str]:
    if lookup.mapping.run is None:
        return rows["run"]
    names = lookup.texts(lookup.mapping.run, rows, field="run")
    for index in np.flatnonzero(names.isna().to_numpy())[:1]:
        raise InputError(
            f"{lookup.source}: run {rows['run'].iloc[index]!r} has no {lookup.mapping.run!r} to be named by; "
            "add it, or leave the run out with exclude"
        )
    return names


def _merged(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows of one run and token count are one checkpoint; the last value of each column is kept."""
    repeated = rows.duplicated(["run", "tokens"])
    if not bool(repeated.any()):
        return rows
    notes.append(f"{count(repeated.sum(), 'row')} merged with another of the same run and tokens")
    return rows.groupby(["run", "tokens"], sort=False, as_index=False).last()


def _thinned(mapping: ImportMap, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    if not mapping.last and mapping.every == 1:
        return rows
    from_last = rows.groupby("run", sort=False)["tokens"].rank(method="first", ascending=False) - 1
    keep = from_last == 0 if mapping.last else from_last % mapping.every == 0
    if not bool(keep.all()):
        how = "the last" if mapping.last else f"each {mapping.every}-th, counted back from the last,"
        notes.append(f"{count(keep.sum(), 'checkpoint')} of {len(rows)} kept: {how} of each run")
    return rows[keep].reset_index(drop=True)


def _compare_names(lookup: Lookup, languages: list[str], notes: list[str]) -> None:
    targets = {part for target in lookup.mapping.loss for part in target.split(">")}
    if unmeasured := [name for name in languages if name not in targets]:
        notes.append(
            f"no loss is named like the language{'s' if len(unmeasured) > 1 else ''} {some(unmeasured, 8)}; "
            "if its target has another name, use --rename TRACKER=NAME"
        )


def _ordered(rows: pd.DataFrame, *, stepped: bool) -> pd.DataFrame:
    """Runs in the order in which they came, checkpoints by tokens, columns as `read_runs` lists them."""
    order = {run: position for position, run in enumerate(dict.fromkeys(rows["run"]))}
    rows = rows.assign(_order=rows["run"].map(order)).sort_values(["_order", "tokens"], kind="stable")
    first = ["run", "params", "params_total", "tokens", "step", "seed", "organisation", "tokenizer"]
    plain = [column for column in first if column in rows and (stepped or column != "step")]
    families = [
        column
        for prefix in (SHARE, LOSS, UNIQUE, BYTES_PER_TOKEN)
        for column in rows.columns
        if str(column).startswith(prefix)
    ]
    return rows[[*plain, *families]].reset_index(drop=True)
