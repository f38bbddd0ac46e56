"""Translation laws with the organisation of the data as a factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws._choose import fit_form
from langmix.laws._compare import held_out_errors
from langmix.laws._laws import HeldOutError, Laws, interval
from langmix.laws._problems import LEAST_ROWS
from langmix.laws.forms import APART, COMMON, FACTOR
from langmix.laws.rivals import FormRival
from langmix.runs import RunTable, by_organisation, direction_groups, with_groups

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OrganisationLaws:
    """Laws of every direction, and of groups of them, under each organisation.

    Attributes:
        groups: targets by group: ``alone``, ``seen``, ``unseen``; each is a target of the laws too, the mean
            loss of its directions.
        held_out: errors on runs that a fit did not see, of one law for all organisations (``common``), of
            levels of each with exponents in common (``factor``), and of laws of each (``apart``).
        laws: the better of the last two; its languages are the organisations.
    """

    groups: Mapping[str, tuple[str, ...]]
    held_out: tuple[HeldOutError, ...]
    laws: Laws

    @property
    def told(self) -> bool:
        """Whether the organisation helps to predict runs that a fit did not see."""
        error = {
            form: np.mean([e.error for e in self.held_out if e.form == form])
            for form in {e.form for e in self.held_out}
        }
        return not error or bool(error[self.laws.form] < error[COMMON.name])

    @property
    def organisations(self) -> tuple[str, ...]:
        """In the order of the run table."""
        return self.laws.languages

    def coefficients(self) -> pd.DataFrame:
        """A row per target and organisation: E, A, alpha, B and beta with 90% intervals, and the status.

        NaN where the runs cannot tell a number at all, such as alpha from one size. A and B are nats at the
        reference size and tokens of the fit, the columns ``params0`` and ``tokens0``.
        """
        best, draws = self.laws.best, self.laws.draws
        rows = []
        for i, (target, summary) in enumerate(zip(self.laws.targets, self.laws.summaries, strict=True)):
            fixed = {*summary.fixed, *("A" for name in summary.fixed if name == "alpha")}
            fixed |= {"B" for name in summary.fixed if name == "beta"}
            for j, organisation in enumerate(self.organisations):
                row: dict[str, object] = {"target": target, "organisation": organisation}
                for name in ("E", "A", "alpha", "B", "beta"):
                    at = (..., i, j) if best.values[name].ndim == 2 else (..., i)
                    value = best.values[name][at]
                    low, high = interval(draws.values[name][at], value)
                    numbers = (np.nan,) * 3 if name in fixed else (float(value), float(low), float(high))
                    row |= dict(zip((name, f"{name}_low", f"{name}_high"), numbers, strict=True))
                row["status"] = summary.status.value
                rows.append({**row, "params0": best.reference_params, "tokens0": best.reference_tokens})
        return pd.DataFrame(rows)

    def losses(self, *, params: float, tokens: float) -> pd.DataFrame:
        """A row per target and organisation: loss at a size and budget, with its 90% interval."""
        rows = []
        for organisation in self.organisations:
            found = self.laws.predict(params=params, tokens=tokens, shares={organisation: 1.0})
            rows += [
                {
                    "target": target,
                    "organisation": organisation,
                    "loss": found.loss[target],
                    "low": found.low[target],
                    "high": found.high[target],
                }
                for target in self.laws.targets
            ]
        return pd.DataFrame(rows)


def fit_organisations(
    runs: RunTable, *, seen: Sequence[str], draws: int = 200, seed: int = 0
) -> OrganisationLaws:
    """Fit E + A N^-alpha + B D^-beta to every direction and group under each organisation.

    The form of equations 3 to 5 of the reference study (arXiv 2512.13472), which fits each organisation by
    itself and prints no intervals.

    Args:
        runs: with a column ``organisation``, targets that are directions, and runs of several sizes and
            budgets under each organisation; runs that mix organisations are left out.
        seen: directions that paired runs were trained on, such as ``python>java``.
        draws: bootstrap draws over runs.
        seed: of the bootstrap and of the folds.

    Raises:
        InputError: the table has no directions, no organisations, or too few checkpoints.
    """
    groups = direction_groups(runs, seen)
    table = with_groups(by_organisation(runs), groups)
    _check_enough(table)
    forms = (COMMON, FACTOR, APART)
    errors = held_out_errors(table, [FormRival(form) for form in forms], seed=seed)
    mean = {
        form.name: np.mean([e.error for e in errors if e.form == form.name] or [np.nan])
        for form in (FACTOR, APART)
    }
    law = min(mean, key=lambda name: float(np.nan_to_num(mean[name], nan=np.inf)))
    return OrganisationLaws(groups=groups, held_out=errors, laws=fit_form(table, law, draws=draws, seed=seed))


def _check_enough(table: RunTable) -> None:
    """Refuse organisations with too few losses of a target: its law would be anything."""
    measured = np.isfinite(table.losses)
    for k, organisation in enumerate(table.languages):
        many = measured[table.shares[:, k] > 0].sum(axis=0)
        if (many < LEAST_ROWS).any():
            i = int(np.argmin(many))
            raise InputError(
                f"{table.source}: {organisation!r} has {many[i]} checkpoints with a loss of "
                f"{table.targets[i]!r}; a law needs {LEAST_ROWS} under each organisation, of at most one "
                "pass over the data; measure more, or leave the target or the runs out"
            )
