"""The runs that rivals learn from, and the forms of law fitted to them, once for all rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.laws._coefficients import Coefficients, stack
from langmix.laws._fit import TargetFit, fit_target, leave_out
from langmix.laws._problems import in_table_order, problems, reference
from langmix.laws._search import Problem
from langmix.runs import RunTable

Floats = NDArray[np.float64]

ROUGH: Final = 1e-5
"""Tolerance of the fits that only compare forms: the last digits of a flat valley change no prediction."""


class Training:
    """The training part of a split.

    Attributes:
        runs: its checkpoints; the held-out ones are not among them.
        delta: Huber threshold on the log loss; None sets it from the noise of the runs.
    """

    def __init__(self, runs: RunTable, *, delta: float | None = None) -> None:
        self.runs = runs
        self.delta = delta
        self._fitted: dict[str, FormFit] = {}

    def fitted(self, form: str) -> FormFit:
        """The form of this name, fitted to the runs."""
        if form not in self._fitted:
            self._fitted[form] = FormFit.to(self.runs, form, self.delta)
        return self._fitted[form]

    def folds(self, count: int) -> NDArray[np.intp]:
        """Shape (n,): the fold of each checkpoint; those of one run share it."""
        names, run = np.unique(self.runs.run, return_inverse=True)
        fold: NDArray[np.intp] = np.random.default_rng(0).permutation(len(names))[run] % count
        return fold


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FormFit:
    """A form of law fitted to a run table, one law per target.

    Attributes:
        runs: the run table.
        problems, outcomes: per target.
    """

    runs: RunTable
    problems: tuple[Problem, ...]
    outcomes: tuple[TargetFit, ...]

    @classmethod
    def to(cls, runs: RunTable, form: str, delta: float | None) -> FormFit:
        """Fit it, roughly: well enough to compare predictions."""
        asked = tuple(problems(runs, form))
        outcomes = (
            fit_target(p, reference=reference(runs), delta=delta, draws=0, seed=0, tolerance=ROUGH)
            for p in asked
        )
        return cls(runs=runs, problems=asked, outcomes=tuple(outcomes))

    def __call__(self, runs: RunTable) -> Floats:
        """Losses, shape (n, T); NaN without own tokens where the form needs them."""
        return _predicted(in_table_order(stack([o.best for o in self.outcomes]), self.runs), runs)

    def without(self, fold: NDArray[np.intp]) -> Floats:
        """Shape (n, T): each checkpoint's loss as predicted by a fit without the fold that it is in."""
        _, first = np.unique(self.runs.run, return_index=True)
        names = np.unique(fold)
        refits = stack(
            [
                leave_out(
                    p,
                    o,
                    fold[first][p.run] == names[:, None],
                    reference=reference(self.runs),
                    tolerance=ROUGH,
                )
                for p, o in zip(self.problems, self.outcomes, strict=True)
            ]
        )
        found = np.empty_like(self.runs.losses)
        for k, name in enumerate(names):
            found[fold == name] = _predicted(in_table_order(refits[k], self.runs), self.runs)[fold == name]
        return found


def _predicted(coefficients: Coefficients, runs: RunTable) -> Floats:
    """Shape (n, T)."""
    loss = coefficients.loss(runs.params[:, None], runs.tokens[:, None], runs.shares, runs.unique)
    if coefficients.law.needs_own:
        loss = np.where(runs.shares[:, coefficients.own] > 0, loss, np.nan)
    return loss
