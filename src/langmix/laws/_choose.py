"""Fit all targets; choose the form of the law by its error on runs that the fit did not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix import _version
from langmix.errors import InputError
from langmix.laws._coefficients import Coefficients, stack
from langmix.laws._fit import TargetFit, fit_target
from langmix.laws._laws import HeldOutError, Laws, Provenance, TargetSummary
from langmix.laws._reach import Reach
from langmix.laws._search import Problem
from langmix.laws._units import geometric_mean, in_units
from langmix.laws.forms import FORMS
from langmix.runs import RunTable

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

_FOLDS: Final = 5
_LEAST_ROWS: Final = 6
_ROUGH: Final = 1e-5
"""Tolerance of the fits that only compare forms: the last digits of a flat valley change no prediction."""


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
        all_forms: compare also the other forms, published rivals; they are shown, and taken only by name.

    Raises:
        InputError: an unknown form, or a target with too few checkpoints.
    """
    if law is not None and law not in FORMS:
        raise InputError(f"law: {law!r} is not known; expected one of {', '.join(FORMS)}")
    held_out: tuple[HeldOutError, ...] = ()
    if law is None:
        held_out = _compare(runs, seed=seed, delta=delta, all_forms=all_forms)
        law = _best(held_out) if held_out else ("transfer" if len(runs.languages) > 1 else "chinchilla")
    rng = np.random.default_rng(seed)
    # One seed for all targets: a run that weighs much in a draw weighs much for every target.
    fits = [
        fit_target(
            problem, reference=_reference(runs), delta=delta, draws=draws, rng=np.random.default_rng(s)
        )
        for problem, s in zip(
            _problems(runs, law), [int(rng.integers(2**32))] * len(runs.targets), strict=True
        )
    ]
    return Laws(
        form=law,
        languages=runs.languages,
        targets=runs.targets,
        best=_in_table_order(stack([f.best for f in fits]), runs),
        draws=_in_table_order(stack([f.draws for f in fits]), runs),
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


def _problems(runs: RunTable, law: str, rows: Rows | None = None) -> Iterator[Problem]:
    params0, tokens0 = _reference(runs)
    _, run = np.unique(runs.run, return_inverse=True)
    # Rows and sources in an order of their own: sums, and so the last digits of a fit, do not depend on
    # how the table happened to be sorted.
    sorted_rows, sources = np.lexsort((runs.tokens, run)), _sources(runs)
    for i, target in enumerate(runs.targets):
        own = _own(runs, target)
        usable = _usable(runs, i, law) if rows is None else rows & _usable(runs, i, law)
        used = sorted_rows[usable[sorted_rows]]
        if len(used) < _LEAST_ROWS:
            raise InputError(
                f"{runs.source}: target {target!r} has {len(used)} usable checkpoints; a law has 5 "
                f"parameters and needs at least {_LEAST_ROWS} checkpoints with a measured loss"
                + (f" and tokens of {target}" if target in runs.languages else "")
            )
        yield Problem(
            target=target,
            form=law,
            own=int(np.flatnonzero(sources == own)[0]),
            params=in_units(runs.params[used], params0),
            tokens=in_units(runs.tokens[used, None] * runs.shares[used][:, sources], tokens0),
            unique=in_units(runs.unique[used][:, sources], tokens0),
            loss=runs.losses[used, i],
            run=run[used],
        )


def _usable(runs: RunTable, target: int, law: str) -> Rows:
    """Checkpoints with a loss that the form can follow.

    A model that never saw a language, trained on one or two others, has a loss of another kind: fitted
    together with the rest it doubles the error on held-out mixtures. A mixture of three and more languages
    that lacks the target's own is one among many mixtures, and is fitted where the form can follow it.
    """
    measured = np.isfinite(runs.losses[:, target])
    name = runs.targets[target]
    if name not in runs.languages and not FORMS[law].needs_own:
        return measured
    taught = runs.shares[:, _own(runs, name)] > 0
    if not FORMS[law].needs_own:
        taught |= (runs.shares > 0).sum(axis=1) >= 3
    usable: Rows = measured & taught
    return usable


def _own(runs: RunTable, target: str) -> int:
    """The source whose tau is 1: the target's own language, else the one with most tokens.

    Of several with as many, the first in alphabetical order.
    """
    if target in runs.languages:
        return runs.languages.index(target)
    sources = _sources(runs)
    total = (np.sort(runs.tokens[:, None] * runs.shares, axis=0)).sum(axis=0)[sources]
    return int(sources[np.argmax(in_units(total, float(total.max())))])


def _sources(runs: RunTable) -> NDArray[np.intp]:
    """The sources in alphabetical order: how problems count them."""
    return np.argsort(np.array(runs.languages))


def _in_table_order(c: Coefficients, runs: RunTable) -> Coefficients:
    """Coefficients with the sources as the table has them."""
    sources = _sources(runs)
    return c.reordered(np.argsort(sources), sources[c.own])


def _reference(runs: RunTable) -> tuple[float, float]:
    return geometric_mean(runs.params), geometric_mean(runs.tokens)


def _compare(runs: RunTable, *, seed: int, delta: float | None, all_forms: bool) -> tuple[HeldOutError, ...]:
    """Held-out errors of all forms on all splits that the table allows."""
    single = len(runs.languages) == 1
    forms = ["chinchilla"] if single else [name for name in FORMS if all_forms or _eligible(name)]
    errors = []
    for split, folds in _splits(runs, seed).items():
        for form in forms:
            relative = [_errors(runs, form, held, delta) for held in folds]
            flat = np.concatenate(relative)
            errors.append(HeldOutError(form=form, split=split, error=float(flat.mean()), rows=len(flat)))
    return tuple(errors)


def _splits(runs: RunTable, seed: int) -> dict[str, list[Rows]]:
    """Masks of held-out checkpoints; a fold whose rest could not be fitted is left out."""
    names, run = np.unique(runs.run, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names)) % _FOLDS
    splits = {"new runs": [fold[run] == k for k in range(_FOLDS)]}
    for name, values in (("larger N", runs.params), ("larger D", runs.tokens)):
        part = in_units(values, float(values.max()))
        if len(np.unique(np.round(np.log(part), 1))) >= 4:
            splits[name] = [part > 1 / 1.2]
    feasible = {s: [f for f in folds if _fittable(runs, ~f) and f.any()] for s, folds in splits.items()}
    return {s: folds for s, folds in feasible.items() if folds}


def _fittable(runs: RunTable, kept: Rows) -> bool:
    return all(
        (kept & _usable(runs, i, "chinchilla")).sum() >= 2 * _LEAST_ROWS for i in range(len(runs.targets))
    )


def _errors(runs: RunTable, form: str, held: Rows, delta: float | None) -> Floats:
    """Absolute relative errors of all targets on the held-out checkpoints."""
    rng = np.random.default_rng(0)
    found = []
    for i, problem in enumerate(_problems(runs, form, ~held)):
        outcome = fit_target(
            problem, reference=_reference(runs), delta=delta, draws=0, rng=rng, tolerance=_ROUGH
        )
        rows = np.flatnonzero(held & _usable(runs, i, "chinchilla"))
        predicted = _in_table_order(outcome.best, runs).loss(
            runs.params[rows, None], runs.tokens[rows, None], runs.shares[rows], runs.unique[rows]
        )[:, 0]
        found.append(np.abs(predicted / runs.losses[rows, i] - 1.0))
    return np.concatenate(found)


def _eligible(form: str) -> bool:
    """Whether an allocation can rest on it: a certified optimum, and repetition discounted."""
    return FORMS[form].convex and FORMS[form].repeats


def _best(held_out: tuple[HeldOutError, ...]) -> str:
    """The eligible form with the least mean error over the splits."""
    forms = [form for form in dict.fromkeys(e.form for e in held_out) if _eligible(form)]
    return min(forms, key=lambda form: float(np.mean([e.error for e in held_out if e.form == form])))


def _summary(outcome: TargetFit, languages: tuple[str, ...]) -> TargetSummary:
    """``languages`` in the order in which the problems count them."""

    def named(names: tuple[str, ...]) -> tuple[str, ...]:
        parts = (name.partition("[") for name in names)
        return tuple(f"{n}[{languages[int(at[:-1])]}]" if at else n for n, _, at in parts)

    return TargetSummary(
        target=outcome.target,
        status=outcome.status,
        rows=outcome.rows,
        noise=float(np.sqrt(outcome.phi)),
        unidentified=named(outcome.unidentified),
        at_bound=named(outcome.at_bound),
    )


def _tokenizer(runs: RunTable) -> str | None:
    """The tokenizer of the runs, where the table names one."""
    if "tokenizer" not in runs.frame:
        return None
    names = sorted(set(runs.frame["tokenizer"].dropna().astype(str)))
    return ", ".join(names) or None
