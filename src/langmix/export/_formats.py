"""Mixture files of trainers, each in the unit that the trainer samples in.

A share counts part of the training *tokens*. The formats here sample in tokens or in packed rows of equal
length, for which token shares are the weights as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Final

from langmix.allocate import Allocation, mixture_json
from langmix.errors import InputError


def export(allocation: Allocation, trainer: str, *, paths: Mapping[str, str] | None = None) -> str:
    """The text of a trainer's mixture file.

    Args:
        allocation: what to export.
        trainer: one of `TRAINERS`.
        paths: where each language's tokenised data lies, for trainers that name files; by default
            ``data/<language>``.

    Raises:
        InputError: an unknown trainer, or a path for an unknown language.
    """
    if trainer not in TRAINERS:
        raise InputError(f"trainer: {trainer!r} is not known; expected one of {', '.join(TRAINERS)}")
    for name in paths or {}:
        if name not in allocation.shares:
            raise InputError(
                f"paths: unknown language {name!r}; expected one of {', '.join(allocation.shares)}"
            )
    where = {name: (paths or {}).get(name, f"data/{name}") for name in allocation.shares}
    return TRAINERS[trainer](allocation, where)


def _csv(allocation: Allocation, paths: Mapping[str, str]) -> str:
    """A row per language: share, its interval and whole tokens."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["language", "share", "low", "high", "tokens"])
    counts = allocation.token_counts()
    for name, share in allocation.shares.items():
        writer.writerow([name, share, *allocation.intervals[name], counts[name]])
    return text.getvalue()


def _json(allocation: Allocation, paths: Mapping[str, str]) -> str:
    return mixture_json(allocation)


def _megatron(allocation: Allocation, paths: Mapping[str, str]) -> str:
    """``--data-path`` of Megatron-LM: weights and prefixes in turn.

    Megatron samples rows of equal length, so token shares are its weights. It fails on a weight of 0:
    languages without tokens are left out.
    """
    counts = allocation.token_counts()
    words = [f"{allocation.shares[name]:.9f} {paths[name]}" for name in allocation.shares if counts[name] > 0]
    return "--data-path " + " ".join(words) + "\n"


TRAINERS: Final[Mapping[str, Callable[[Allocation, Mapping[str, str]], str]]] = {
    "json": _json,
    "csv": _csv,
    "megatron": _megatron,
}
