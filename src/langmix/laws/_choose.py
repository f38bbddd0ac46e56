"""Fit all targets; choose the form of the law by its error on runs that the fit did not see."""

from __future__ import annotations

import numpy as np

from langmix import _version
from langmix.errors import InputError
from langmix.laws._coefficients import stack
from langmix.laws._compare import can_carry_an_allocation, compare
from langmix.laws._fit import TargetFit, fit_target
from langmix.laws._laws import HeldOutError, Laws, Provenance, TargetSummary
from langmix.laws._problems import in_table_order, problems, reference
from langmix.laws._reach import Reach
from langmix.laws.forms import FORMS
from langmix.laws.rivals import PREDICTORS
from langmix.runs import RunTable


def fit(
    runs: RunTable,
    *,
    law: str | None = None,
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
    all_forms: bool = False,
) -> Laws:
    """Fit a scaling law for every target.

    Args:
        runs: the run table.
        law: one of `FORMS`; by default the one that predicts held-out runs best, among those on which an
            allocation can rest (convex, and repetition discounted).
        draws: bootstrap draws over runs, for the intervals.
        seed: of the bootstrap and of the folds.
        delta: Huber threshold on the log loss; by default set from the noise of the runs.
        all_forms: compare also the other forms, published rivals, which are shown and taken only by name, and
            those that only predict (`PREDICTORS`), which are shown.

    Raises:
        InputError: an unknown form, one that only predicts, or a target with too few checkpoints.
    """
    if law in PREDICTORS:
        raise InputError(
            f"law: {law!r} only predicts, in the comparison that `langmix fit RUNS --all-forms` prints; no "
            f"laws.json holds it and no allocation rests on it; expected one of {', '.join(FORMS)}"
        )
    if law is not None and law not in FORMS:
        raise InputError(f"law: {law!r} is not known; expected one of {', '.join(FORMS)}")
    held_out: tuple[HeldOutError, ...] = ()
    if law is None:
        held_out = compare(runs, seed=seed, delta=delta, all_forms=all_forms)
        law = _best(held_out) if held_out else ("transfer" if len(runs.languages) > 1 else "chinchilla")
    return fit_form(runs, law, held_out=held_out, draws=draws, seed=seed, delta=delta)


def fit_form(
    runs: RunTable,
    law: str,
    *,
    held_out: tuple[HeldOutError, ...] = (),
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
) -> Laws:
    """Fit the form of this name to every target; see `fit`."""
    fits = [
        fit_target(problem, reference=reference(runs), delta=delta, draws=draws, seed=seed)
        for problem in problems(runs, law)
    ]
    return Laws(
        form=law,
        languages=runs.languages,
        targets=runs.targets,
        best=in_table_order(stack([f.best for f in fits]), runs),
        draws=in_table_order(stack([f.draws for f in fits]), runs),
        summaries=tuple(_summary(f, tuple(sorted(runs.languages))) for f in fits),
        reach=Reach.of(runs),
        held_out=held_out,
        bytes_per_token={t: b for t, b in runs.bytes_per_token.items() if t in runs.targets},
        provenance=Provenance(
            runs=runs.source,
            runs_sha256=runs.sha256,
            checkpoints=len(runs),
            langmix_version=_version.VERSION,
            seed=seed,
            tokenizer=_tokenizer(runs),
        ),
    )


def _best(held_out: tuple[HeldOutError, ...]) -> str:
    """The eligible form with the least mean error over the splits."""
    forms = [form for form in dict.fromkeys(e.form for e in held_out) if can_carry_an_allocation(form)]
    errors = {form: np.mean([e.error for e in held_out if e.form == form]) for form in forms}
    return min(forms, key=lambda form: float(np.nan_to_num(errors[form], nan=np.inf)))


def _summary(outcome: TargetFit, languages: tuple[str, ...]) -> TargetSummary:
    """``languages`` in the order in which the problems count them."""

    def named(names: tuple[str, ...]) -> tuple[str, ...]:
        parts = (name.partition("[") for name in names)
        return tuple(f"{n}[{languages[int(at[:-1])]}]" if at else n for n, _, at in parts)

    return TargetSummary(
        target=outcome.target,
        status=outcome.status,
        rows=outcome.rows,
        runs=outcome.runs,
        noise=float(np.sqrt(outcome.phi)),
        fixed=outcome.fixed,
        unidentified=named(outcome.unidentified),
        at_bound=named(outcome.at_bound),
    )


def _tokenizer(runs: RunTable) -> str | None:
    """The tokenizer of the runs, where the table names one."""
    if "tokenizer" not in runs.frame:
        return None
    names = sorted(set(runs.frame["tokenizer"].dropna().astype(str)))
    return ", ".join(names) or None
