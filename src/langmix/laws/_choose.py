"""Fit all targets; choose the form of the law by its error on runs that the fit did not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix import _version
from langmix.errors import InputError
from langmix.laws._effective import Coefficients, stack
from langmix.laws._fit import Problem, TargetFit, fit_target
from langmix.laws._laws import HeldOutError, Laws, Provenance, TargetSummary
from langmix.laws._reach import Reach
from langmix.runs import RunTable

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

FORMS: Final = {
    "specific": "own tokens, tokens transferred from the other languages, and a term for own tokens alone",
    "transfer": "own tokens and tokens transferred from the other languages",
    "chinchilla": "own tokens only",
}
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
) -> Laws:
    """Fit a scaling law for every target.

    Args:
        runs: the run table.
        law: one of `FORMS`; by default whichever predicts held-out runs best, which needs enough runs to hold
            some out.
        draws: bootstrap draws over runs, for the intervals.
        seed: of the bootstrap and of the folds.
        delta: Huber threshold on the log loss; by default set from the noise of the runs.

    Raises:
        InputError: an unknown form, or a target with too few checkpoints.
    """
    if law is not None and law not in FORMS:
        raise InputError(f"law: {law!r} is not known; expected one of {', '.join(FORMS)}")
    held_out: tuple[HeldOutError, ...] = ()
    if law is None:
        held_out = _compare(runs, seed=seed, delta=delta)
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
        best=stack([f.best for f in fits]),
        draws=stack([f.draws for f in fits]),
        summaries=tuple(_summary(f, runs.languages) for f in fits),
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
    for i, target in enumerate(runs.targets):
        own = _own(runs, target)
        used = _usable(runs, i) if rows is None else rows & _usable(runs, i)
        if used.sum() < _LEAST_ROWS:
            raise InputError(
                f"{runs.source}: target {target!r} has {int(used.sum())} usable checkpoints; a law has 5 "
                f"parameters and needs at least {_LEAST_ROWS} checkpoints with a measured loss"
                + (f" and tokens of {target}" if target in runs.languages else "")
            )
        yield Problem(
            target=target,
            own=own,
            params=runs.params[used] / params0,
            tokens=runs.tokens[used, None] * runs.shares[used] / tokens0,
            unique=runs.unique[used] / tokens0,
            loss=runs.losses[used, i],
            run=run[used],
            transfer=law != "chinchilla",
            specific=law == "specific",
        )


def _usable(runs: RunTable, target: int) -> Rows:
    """Checkpoints with a loss, and trained on the target's own language where it is one.

    Without any own token the loss is that of a model that has never seen the language; the power law of
    effective tokens does not reach there, and no allocation asks for it.
    """
    measured = np.isfinite(runs.losses[:, target])
    return measured & (runs.shares[:, _own(runs, runs.targets[target])] > 0)


def _own(runs: RunTable, target: str) -> int:
    """The source whose tau is 1: the target's own language, else the one with most tokens."""
    if target in runs.languages:
        return runs.languages.index(target)
    return int(np.argmax(runs.tokens @ runs.shares))


def _reference(runs: RunTable) -> tuple[float, float]:
    return float(np.exp(np.log(runs.params).mean())), float(np.exp(np.log(runs.tokens).mean()))


def _compare(runs: RunTable, *, seed: int, delta: float | None) -> tuple[HeldOutError, ...]:
    """Held-out errors of all forms on all splits that the table allows."""
    forms = list(FORMS) if len(runs.languages) > 1 else ["chinchilla"]
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
        if len(np.unique(np.round(np.log(values), 1))) >= 4:
            splits[name] = [values > values.max() / 1.2]
    feasible = {s: [f for f in folds if _fittable(runs, ~f) and f.any()] for s, folds in splits.items()}
    return {s: folds for s, folds in feasible.items() if folds}


def _fittable(runs: RunTable, kept: Rows) -> bool:
    return all((kept & _usable(runs, i)).sum() >= 2 * _LEAST_ROWS for i in range(len(runs.targets)))


def _errors(runs: RunTable, form: str, held: Rows, delta: float | None) -> Floats:
    """Absolute relative errors of all targets on the held-out checkpoints."""
    rng = np.random.default_rng(0)
    found = []
    for i, problem in enumerate(_problems(runs, form, ~held)):
        outcome = fit_target(
            problem, reference=_reference(runs), delta=delta, draws=0, rng=rng, tolerance=_ROUGH
        )
        rows = np.flatnonzero(held & _usable(runs, i))
        predicted = _predict_rows(outcome.best, runs, rows)
        found.append(np.abs(predicted / runs.losses[rows, i] - 1.0))
    return np.concatenate(found)


def _predict_rows(c: Coefficients, runs: RunTable, rows: NDArray[np.intp]) -> Floats:
    """Losses of one target (T = 1) for rows of a run table."""
    return np.array([c.loss(runs.params[k], runs.tokens[k], runs.shares[k], runs.unique[k])[0] for k in rows])


def _best(held_out: tuple[HeldOutError, ...]) -> str:
    """The form with the least mean error over the splits; the simpler one in a tie."""
    forms = sorted({e.form for e in held_out})
    return min(forms, key=lambda form: float(np.mean([e.error for e in held_out if e.form == form])))


def _summary(outcome: TargetFit, languages: tuple[str, ...]) -> TargetSummary:
    def named(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"tau[{languages[int(n[4:-1])]}]" if n.startswith("tau[") else n for n in names)

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
