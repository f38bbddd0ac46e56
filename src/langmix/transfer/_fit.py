"""Fitting any law: those of `langmix.laws`, and the proportion law on the synergy of the same runs."""

from __future__ import annotations

from typing import Literal, overload

import pandas as pd

from langmix import laws as law_room
from langmix.errors import InputError
from langmix.laws import FORMS, PREDICTORS, PROPORTION, Laws, ProportionLaw, fit_proportion
from langmix.runs import RunTable
from langmix.transfer._synergy import synergy as measure


@overload
def fit(  # type: ignore[overload-overlap]  # the name decides what comes back
    runs: RunTable,
    *,
    law: Literal["proportion"],
    synergy: pd.DataFrame | None = None,
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
) -> ProportionLaw: ...
@overload
def fit(
    runs: RunTable,
    *,
    law: str | None = None,
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
    all_forms: bool = False,
) -> Laws: ...
def fit(
    runs: RunTable,
    *,
    law: str | None = None,
    synergy: pd.DataFrame | None = None,
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
    all_forms: bool = False,
) -> Laws | ProportionLaw:
    """Fit a scaling law for every target, or the proportion law for the mean loss of mixtures.

    Args:
        runs: the run table.
        law: one of `langmix.laws.FORMS`; by default the one that predicts held-out runs best, among those on
            which an allocation can rest. ``proportion`` gives a `ProportionLaw`, which only predicts.
        synergy: for ``proportion``: gains as parts, target by auxiliary, such as
            ``langmix.published().synergy``; by default those of the pairs in the table.
        draws: bootstrap draws over runs, for the intervals.
        seed: of the bootstrap and of the folds.
        delta: Huber threshold on the log loss; by default set from the noise of the runs.
        all_forms: compare also the other forms, published rivals; they are shown, and taken only by name.

    Raises:
        InputError: an unknown form, or a target with too few checkpoints.
    """
    if law is not None and law not in (*FORMS, *PREDICTORS, PROPORTION):
        raise InputError(f"law: {law!r} is not known; expected one of {', '.join((*FORMS, PROPORTION))}")
    if law == PROPORTION:
        gains = measured_gains(runs) if synergy is None else synergy
        return fit_proportion(
            runs, gains=gains, given=synergy is not None, draws=draws, seed=seed, delta=delta
        )
    if synergy is not None:
        raise InputError(f"synergy: only the law {PROPORTION} takes it; leave it out")
    return law_room.fit(runs, law=law, draws=draws, seed=seed, delta=delta, all_forms=all_forms)


def measured_gains(runs: RunTable) -> pd.DataFrame | None:
    """Synergy gains of the pairs that were trained, target by auxiliary, each at its largest scale.

    NaN where a pair was not trained; ``None`` where none was.
    """
    try:
        found = measure(runs)
    except InputError:
        return None
    gains = pd.DataFrame(found[-1].gain, index=list(runs.languages), columns=list(runs.languages))
    for smaller in reversed(found[:-1]):
        gains = gains.fillna(pd.DataFrame(smaller.gain, index=gains.index, columns=gains.columns))
    return gains
