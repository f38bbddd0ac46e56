"""D of the checkpoints: tokens seen, logged or counted by steps."""

from __future__ import annotations

import pandas as pd

from langmix.errors import InputError
from langmix.runs.importers._lookup import Lookup, count
from langmix.runs.importers._reference import Place, parse_reference
from langmix.runs.importers._resolve import check_faults, listing


def with_tokens(lookup: Lookup, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows with a column ``tokens``."""
    mapping = lookup.mapping
    if mapping.tokens is None:
        if mapping.tokens_per_step is None:
            raise InputError(
                f"{lookup.source}: tokens: nothing says how many tokens a checkpoint has seen; give the "
                "metric with --tokens METRIC, or --tokens-per-step N (sequences per step x tokens per "
                f"sequence); {listing(lookup.tracked.names)}"
            )
        if not lookup.tracked.stepped and mapping.step is None:
            raise InputError(
                f"{lookup.source}: tokens_per_step needs steps, and no column is named step; name it with "
                "--step COLUMN, or give --tokens"
            )
        each = lookup.numbers(mapping.tokens_per_step, rows, field="tokens_per_step")
        each = lookup.complete(each, rows, "tokens_per_step")
        return rows.assign(tokens=rows["step"].to_numpy(dtype=float) * each)
    reference = parse_reference(mapping.tokens, field="tokens")
    if lookup.place(reference) is not Place.METRIC:
        tokens = lookup.numbers(mapping.tokens, rows, field="tokens")
        rows = rows.assign(tokens=lookup.complete(tokens, rows, "tokens"))
        earlier = rows.duplicated("run", keep="last")
        if bool(earlier.any()):
            notes.append(
                f"tokens: {reference} is one number per run, so only the last checkpoint of each run has it"
            )
        return rows[~earlier].reset_index(drop=True)
    check_faults(reference, lookup.tracked, field="tokens")
    tokens, between = lookup.along(reference, rows)
    if between:
        notes.append(
            f"tokens of {count(between, 'checkpoint')} lie between (or beyond) steps at which "
            f"{reference.name} was logged: taken along the line"
        )
    return rows.assign(tokens=lookup.complete(tokens, rows, "tokens"))
