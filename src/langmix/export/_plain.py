"""JSON and CSV: the allocation itself, for trainers of one's own and for spreadsheets."""

from __future__ import annotations

import csv
import io

from langmix.allocate import mixture_json
from langmix.export._blend import Blend


def json(blend: Blend) -> str:
    """The versioned ``mixture.json`` that `langmix.allocate.read_mixture` reads. Unit: tokens."""
    return mixture_json(blend.allocation)


def csv_table(blend: Blend) -> str:
    """A row per language: share of the tokens, its interval, whole tokens. Unit: tokens.

    Languages without tokens are listed too, with a share of 0.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["language", "share", "low", "high", "tokens"])
    counts = blend.allocation.token_counts()
    for name, share in blend.allocation.shares.items():
        writer.writerow([name, share, *blend.allocation.intervals[name], counts[name]])
    return text.getvalue()
