"""Shares of the training tokens, from shares, percent or weights."""

from __future__ import annotations

import numpy as np
import pandas as pd

from langmix.errors import InputError
from langmix.runs._table import SHARE, SHARE_SUM_TOLERANCE
from langmix.runs.importers._lookup import Lookup, count
from langmix.runs.importers._map import SharesAre
from langmix.runs.importers._resolve import listing, some


def add_shares(lookup: Lookup, rows: pd.DataFrame, notes: list[str]) -> list[str]:
    """Add ``share.<language>`` to the rows; returns the languages."""
    mapping = lookup.mapping
    if not mapping.share:
        raise InputError(
            f"{lookup.source}: share: nothing says what the runs were trained on; give --share LANGUAGE=NAME "
            "for each (in a map: `share:`), or a table of the runs' shares with --configs; "
            f"{listing(lookup.tracked.names)}"
        )
    names = list(mapping.share)
    shares = np.column_stack(
        [lookup.numbers(text, rows, field=f"share {name}") for name, text in mapping.share.items()]
    )
    for index in np.flatnonzero(np.isnan(shares).all(axis=1))[:1]:
        raise InputError(
            f"{lookup.source}: run {rows['run'].iloc[index]!r} has none of the shares "
            f"({some(mapping.share.values(), 6)}); add them with --configs, or leave the run out with "
            "--exclude"
        )
    blank = np.isnan(shares)
    if bool(blank.any()):
        sparse = set(rows.loc[np.asarray(blank.any(axis=1)), "run"])
        notes.append(
            f"{count(len(sparse), 'run')} without a share of every language: those left out count as 0"
        )
    shares = np.where(blank, 0.0, shares)
    for index, column in np.argwhere(~(shares >= 0) | np.isinf(shares))[:1]:
        raise InputError(
            f"{lookup.source}: run {rows['run'].iloc[index]!r}: share {names[column]} is "
            f"{shares[index, column]:g}; expected a number from 0"
        )
    total = shares.sum(axis=1)
    kind = mapping.shares_are
    if kind is None:
        percent = bool(np.all(np.abs(total - 100) <= 100 * SHARE_SUM_TOLERANCE))
        kind = SharesAre.PERCENT if percent else SharesAre.SHARE
        if percent:
            notes.append("the shares sum to 100: read as percent")
    expected = {SharesAre.SHARE: 1.0, SharesAre.PERCENT: 100.0}.get(kind)
    wrong = ~(total > 0) if expected is None else np.abs(total / expected - 1) > SHARE_SUM_TOLERANCE
    for index in np.flatnonzero(wrong)[:1]:
        raise InputError(
            f"{lookup.source}: run {rows['run'].iloc[index]!r}: the shares sum to {total[index]:.6g}, "
            f"expected {'more than 0' if expected is None else f'{expected:g}'} "
            f"({', '.join(f'{n}={v:g}' for n, v in zip(names, shares[index], strict=True))}); map every "
            "language, or say --shares-are percent, or weight for tokens or sampling weights"
        )
    for column, name in enumerate(names):
        rows[SHARE + name] = shares[:, column] / total
    return names
