"""What the organisation of the data does, measured: runs of equal size and tokens side by side.

No law is needed: the effect is the mean log ratio of losses, and its interval comes from the noise between
seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from langmix.errors import InputError
from langmix.laws import INTERVAL
from langmix.runs import (
    ORGANISATION,
    SHUFFLED,
    RunTable,
    by_organisation,
    direction_groups,
    with_groups,
)
from langmix.transfer._arms import close, merged, seed_noise
from langmix.transfer._resolved import resolved

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OrganisationEffect:
    """Losses under one organisation against a baseline, at one size and token count.

    Attributes:
        organisation, baseline: compared.
        params, tokens: of the runs.
        targets: languages, directions and groups of them, T.
        loss: shape (T,), mean over the runs of the organisation; ``baseline_loss`` those of the baseline.
        change: shape (T,): relative change of the loss, negative where the organisation is better.
        low, high: shape (T,): 90% interval, NaN where no run was repeated under another seed.
        resolved: shape (T,): whether noise does not explain it; over the targets, the false discovery rate is
            controlled at 10%.
        runs: of the organisation, and of the baseline.
    """

    organisation: str
    baseline: str
    params: float
    tokens: float
    targets: tuple[str, ...]
    loss: Floats
    baseline_loss: Floats
    change: Floats
    low: Floats
    high: Floats
    resolved: NDArray[np.bool_]
    runs: tuple[int, int]

    def frame(self) -> pd.DataFrame:
        """A row per target."""
        return pd.DataFrame(
            {
                "target": self.targets,
                "organisation": self.organisation,
                "baseline": self.baseline,
                "params": self.params,
                "tokens": self.tokens,
                "loss": self.loss,
                "baseline_loss": self.baseline_loss,
                "change": self.change,
                "low": self.low,
                "high": self.high,
                "resolved": self.resolved,
            }
        )


def organisation_effects(
    runs: RunTable, *, seen: Sequence[str], baseline: str | None = None
) -> list[OrganisationEffect]:
    """The effect of every organisation at every size and token count at which the baseline was trained too.

    Args:
        runs: see `langmix.laws.fit_organisations`.
        seen: directions that paired runs were trained on, such as ``python>java``.
        baseline: organisation to compare with; default: ``shuffled``, or the first of the table.

    Raises:
        InputError: the table has no directions or organisations, or nothing to compare.
    """
    table = with_groups(by_organisation(runs), direction_groups(runs, seen))
    baseline = baseline or (SHUFFLED if SHUFFLED in table.languages else table.languages[0])
    if baseline not in table.languages:
        raise InputError(
            f"organisation {baseline!r}: {runs.source} has {', '.join(table.languages)}; expected one of "
            "these"
        )
    noise, _ = seed_noise(table)
    freedom = _freedom(table)
    named = table.frame[ORGANISATION].to_numpy(dtype=str)
    found = []
    for organisation in (name for name in table.languages if name != baseline):
        mine, theirs = named == organisation, named == baseline
        for params, tokens in merged(sorted({*zip(table.params[mine], table.tokens[mine], strict=True)})):
            here = close(table.params, params) & close(table.tokens, tokens)
            if not (here & theirs).any():
                continue
            ours, base = table.losses[here & mine], table.losses[here & theirs]
            change = np.log(ours).mean(axis=0) - np.log(base).mean(axis=0)
            error = noise * np.sqrt(1 / len(ours) + 1 / len(base))
            reach = error * np.where(freedom > 0, stdtrit(np.maximum(freedom, 1), (1 + INTERVAL) / 2), np.nan)
            found.append(
                OrganisationEffect(
                    organisation=organisation,
                    baseline=baseline,
                    params=float(params),
                    tokens=float(tokens),
                    targets=table.targets,
                    loss=ours.mean(axis=0),
                    baseline_loss=base.mean(axis=0),
                    change=np.expm1(change),
                    low=np.expm1(change - reach),
                    high=np.expm1(change + reach),
                    resolved=resolved(change, error, freedom),
                    runs=(len(ours), len(base)),
                )
            )
    if not found:
        raise InputError(
            f"{runs.source}: no organisation was trained at the size and tokens of a run that is {baseline}; "
            "expected runs that differ in nothing else"
        )
    return found


def _freedom(table: RunTable) -> NDArray[np.int64]:
    """Degrees of freedom of the noise, shape (T,): branches of one trunk err together, and count once."""
    named = table.frame[ORGANISATION].to_numpy(dtype=str)
    found = np.zeros(len(table.targets), dtype=np.int64)
    for organisation in table.languages:
        for params in np.unique(table.params):
            rows = (named == organisation) & (table.params == params)
            for i in range(len(found)):
                runs = np.unique(table.run[rows & np.isfinite(table.losses[:, i])])
                found[i] += max(0, len(runs) - 1)
    return found
