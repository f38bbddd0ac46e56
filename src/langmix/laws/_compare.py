"""Errors of forms of law and their rivals on runs that they did not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.laws._laws import HeldOutError, Laws
from langmix.laws._problems import LEAST_ROWS, usable_rows
from langmix.laws._units import in_units
from langmix.laws.forms import FORMS
from langmix.laws.rivals import RIVALS, Rival, Training
from langmix.runs import RunTable

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

_FOLDS: Final = 5


def compare(runs: RunTable, *, seed: int, delta: float | None, all_forms: bool) -> tuple[HeldOutError, ...]:
    """Held-out errors of all rivals on all splits that the table allows."""
    rivals = [r for r in RIVALS.values() if _competes(r, runs, all_forms=all_forms)]
    return held_out_errors(runs, rivals, seed=seed, delta=delta)


def held_out_errors(
    runs: RunTable, rivals: Sequence[Rival], *, seed: int, delta: float | None = None
) -> tuple[HeldOutError, ...]:
    """Held-out errors of some rivals on all splits that the table allows."""
    found: dict[tuple[str, str], list[Floats]] = {}
    for split, held, training in _trials(runs, seed, delta):
        for rival in rivals:
            relative = np.abs(rival.fit(training)(held) / held.losses - 1.0)
            found.setdefault((rival.name, split), []).append(relative[_scored_cells(held)])
    errors = {key: np.concatenate(parts) for key, parts in found.items()}
    return tuple(
        HeldOutError(form=name, split=split, error=float(flat.mean()), rows=len(flat))
        for (name, split), flat in errors.items()
    )


def held_out_predictions(runs: RunTable, laws: Laws) -> pd.DataFrame:
    """What laws of this form say about runs that their fit does not see, beside what was measured.

    The form is fitted again without each part of the runs: those parts by which `fit` compares forms, drawn
    with the laws' own seed, so that the errors are those in ``laws.held_out``. It takes seconds.

    Args:
        runs: the run table of the laws.
        laws: fitted with the default ``delta``.

    Returns:
        A row per split, checkpoint and target: ``split, run, params, tokens, target, share, measured,
        predicted``; the share is that of the target's own tokens, NaN where it is no language. No rows
        where the runs are too few to hold any out.
    """
    rival, parts = RIVALS[laws.form], []
    for split, held, training in _trials(runs, laws.provenance.seed, None):
        predicted = rival.fit(training)(held)
        rows, targets = np.nonzero(_scored_cells(held))
        names = np.array(held.targets)[targets]
        own = np.full((len(held), len(held.targets)), np.nan)
        for i, target in enumerate(held.targets):
            if target in held.languages:
                own[:, i] = held.shares[:, held.languages.index(target)]
        parts.append(
            pd.DataFrame(
                {
                    "split": split,
                    "run": np.array(held.run)[rows],
                    "params": held.params[rows],
                    "tokens": held.tokens[rows],
                    "target": names,
                    "share": own[rows, targets],
                    "measured": held.losses[rows, targets],
                    "predicted": predicted[rows, targets],
                }
            )
        )
    columns = ["split", "run", "params", "tokens", "target", "share", "measured", "predicted"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def can_carry_an_allocation(name: str) -> bool:
    """Whether an allocation can rest on it: a certified optimum, and repetition discounted."""
    return name in FORMS and FORMS[name].convex and FORMS[name].repeats


def _competes(rival: Rival, runs: RunTable, *, all_forms: bool) -> bool:
    if len(runs.languages) == 1:
        return rival.name == "chinchilla"
    if rival.name in FORMS and FORMS[rival.name].needs_own and set(runs.targets) - set(runs.languages):
        return False  # it says nothing about a target that is no language where others are trained on
    return (all_forms or can_carry_an_allocation(rival.name)) and not rival.missing(runs)


def _trials(runs: RunTable, seed: int, delta: float | None) -> Iterator[tuple[str, RunTable, Training]]:
    """Every split and fold: its name, what is held out, and the training part.

    Rivals are given the training part alone: what is held out cannot reach them.
    """
    for split, folds in _splits(runs, seed).items():
        for held in folds:
            yield split, runs.select(held), Training(runs.select(~held), delta=delta)


def _scored_cells(held: RunTable) -> Rows:
    """Losses on the held-out checkpoints that every rival can predict, shape (n, T)."""
    return np.stack([_scored(held, i) for i in range(len(held.targets))], axis=1)


def _splits(runs: RunTable, seed: int) -> dict[str, list[Rows]]:
    """Masks of held-out checkpoints; a fold whose rest could not be fitted is left out."""
    names, run = np.unique(runs.run, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names)) % _FOLDS
    splits = {"new runs": [fold[run] == k for k in range(_FOLDS)]}
    for name, values in (("larger N", runs.params), ("larger D", runs.tokens)):
        part = in_units(values, float(values.max()))
        if len(np.unique(np.round(np.log(part), 1))) >= 4:
            splits[name] = [part > 1 / 1.2]
    scored = np.any([_scored(runs, i) for i in range(len(runs.targets))], axis=0)
    feasible = {
        s: [f for f in folds if _fittable(runs, ~f) and (f & scored).any()] for s, folds in splits.items()
    }
    return {s: folds for s, folds in feasible.items() if folds}


def _fittable(runs: RunTable, kept: Rows) -> bool:
    return all((kept & _scored(runs, i)).sum() >= 2 * LEAST_ROWS for i in range(len(runs.targets)))


def _scored(runs: RunTable, target: int) -> Rows:
    """Checkpoints that all that compete can predict: with own tokens, where the target is a language."""
    if runs.targets[target] in runs.languages:
        return usable_rows(runs, target, "chinchilla")
    scored: Rows = np.isfinite(runs.losses[:, target])
    return scored
