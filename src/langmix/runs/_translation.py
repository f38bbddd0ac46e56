"""Targets that are directions of translation, such as ``python>java``, and groups of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from langmix.errors import InputError
from langmix.runs._table import FRESH, LOSS, RunTable

ALONE: Final = "alone"
SEEN: Final = "seen"
UNSEEN: Final = "unseen"

ORGANISATION: Final = "organisation"
SHUFFLED: Final = "shuffled"
MIXED: Final = "mixed"
"""The organisation of a run whose tokens have several."""


def direction_groups(runs: RunTable, seen: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Targets by group: languages ``alone``, and directions ``seen`` in pairs or ``unseen``.

    Args:
        runs: with targets that are directions.
        seen: directions that paired runs were trained on.

    Raises:
        InputError: the table has no directions, or one that is named has no loss in it.
    """
    directions = [target for target in runs.targets if ">" in target]
    if not directions:
        raise InputError(
            f"{runs.source}: no target is a direction; expected columns such as loss.python>java, the loss "
            "of Java given its translation from Python"
        )
    if unknown := [name for name in seen if name not in directions]:
        raise InputError(
            f"direction {unknown[0]!r}: {runs.source} has no column loss.{unknown[0]}; it has "
            f"{', '.join(directions[:6])}{', …' if len(directions) > 6 else ''}"
        )
    groups = {
        ALONE: tuple(target for target in runs.targets if ">" not in target),
        SEEN: tuple(target for target in directions if target in seen),
        UNSEEN: tuple(target for target in directions if target not in seen),
    }
    return {name: targets for name, targets in groups.items() if targets}


def with_groups(runs: RunTable, groups: Mapping[str, Sequence[str]]) -> RunTable:
    """The table with the mean loss of each group as a further target; NaN where one of its losses is."""
    columns = {
        LOSS + name: runs.losses[:, [runs.targets.index(target) for target in targets]].mean(axis=1)
        for name, targets in groups.items()
    }
    return RunTable(frame=runs.frame.assign(**columns), source=runs.source)


def by_organisation(runs: RunTable) -> RunTable:
    """The runs of one organisation each, with organisations in place of languages.

    Checkpoints that repeated their data, by more than a tenth, are left out: what a second pass is worth is
    another question.

    Raises:
        InputError: the table does not say how data are organised, or all in one way; or losses per token of
            several tokenizers, which cannot be compared.
    """
    if ORGANISATION not in runs.frame:
        raise InputError(
            f"{runs.source}: has no column {ORGANISATION!r}; expected it to say how each run's data are "
            "organised, such as shuffled or paired"
        )
    named = runs.frame[ORGANISATION].astype("string").fillna(MIXED).to_numpy(dtype=str)
    fresh = (runs.shares * runs.tokens[:, None] / runs.unique).max(axis=1) <= FRESH
    pure = runs.select((named != MIXED) & fresh)
    names = list(dict.fromkeys(named[(named != MIXED) & fresh]))
    if "tokenizer" in pure.frame and len(used := set(pure.frame["tokenizer"].dropna().astype(str))) > 1:
        raise InputError(
            f"{runs.source}: the runs have the tokenizers {', '.join(sorted(used))}; losses per token of "
            "several cannot be compared; expected runs of one"
        )
    if not fresh.any():
        raise InputError(
            f"{runs.source}: all checkpoints repeat their data, and a second pass is another question; "
            "expected some of at most one pass"
        )
    if runs.frame[ORGANISATION].isna().all():
        raise InputError(
            f"{runs.source}: the column {ORGANISATION!r} is empty; expected shuffled, paired, ..."
        )
    if len(names) < 2:
        raise InputError(
            f"{runs.source}: all runs{'' if fresh.all() else ' that do not repeat their data'} are organised "
            f"as {', '.join(names) or MIXED}; expected runs of two organisations or more, of one each"
        )
    kept = ["run", "params", "tokens", *(c for c in ("seed", ORGANISATION) if c in pure.frame)]
    frame = pure.frame[[*kept, *(LOSS + target for target in pure.targets)]]
    shares = {f"share.{name}": np.where(pure.frame[ORGANISATION] == name, 1.0, 0.0) for name in names}
    return RunTable.from_frame(frame.assign(**shares), source=f"{runs.source}: runs of one organisation")


def compares_organisations(runs: RunTable) -> bool:
    """Whether the table has directions as targets and runs of two organisations or more."""
    if ORGANISATION not in runs.frame or not any(">" in target for target in runs.targets):
        return False
    return len(set(runs.frame[ORGANISATION].dropna().astype(str)) - {MIXED}) > 1
