"""Fitting a form of law to the checkpoints of one target.

Starts come from variable projection (`Space.starts`); the best are polished together on the true objective:
Huber on the log loss, plus the prior on what runs may not identify. The priors stand with the parameters of
each form; `Status.ILL_CONDITIONED` names those that rule.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from langmix.laws._bootstrap import run_weights
from langmix.laws._coefficients import Coefficients
from langmix.laws._polish import descend, polish
from langmix.laws._robust import huber
from langmix.laws._search import Problem, Space

Floats = NDArray[np.float64]


class Status(StrEnum):
    """How the fit of one target ended."""

    CONVERGED = "converged"
    """The optimum is inside the box and every parameter is identified by the runs."""
    BOUND_HIT = "bound_hit"
    """A parameter ended at a bound: the runs do not determine its term."""
    ILL_CONDITIONED = "ill_conditioned"
    """Some parameters are set by the prior rather than by the runs; they are named."""
    NOT_CONVERGED = "not_converged"
    """The search ran out of iterations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetFit:
    """The fit of one target and its bootstrap.

    Attributes:
        best: coefficients without a draw axis (T = 1).
        draws: coefficients of S bootstrap draws.
        theta: shape (P,), where the search ended.
        phi: dispersion of the log residuals (a variance).
        delta: the Huber threshold that was used.
        objective: sum of Huber losses of the log residuals at the optimum, prior not counted.
        runs: how many the rows are of.
        fixed: names of parameters that these rows cannot tell at all, and that were held.
        unidentified: names of parameters that the prior rules.
        at_bound: names of parameters at a bound.
    """

    target: str
    status: Status
    best: Coefficients
    draws: Coefficients
    theta: Floats
    phi: float
    delta: float
    objective: float
    rows: int
    runs: int
    fixed: tuple[str, ...]
    unidentified: tuple[str, ...]
    at_bound: tuple[str, ...]


def fit_target(
    problem: Problem,
    *,
    reference: tuple[float, float],
    delta: float | None,
    draws: int,
    seed: int,
    tolerance: float = 1e-11,
) -> TargetFit:
    """Fit one target; see the module's text.

    Args:
        problem: the checkpoints.
        reference: N0 and D0, for the coefficients.
        delta: Huber threshold on the log loss; by default set from the residuals of a pilot fit (`polish`).
        draws: bootstrap draws; 0 gives none.
        seed: of the bootstrap: one for all targets, whose weights of a run then go together.
        tolerance: relative fall of the objective at which the search ends.
    """
    space = Space(problem)
    best = polish(space, space.starts(), delta=delta, tolerance=tolerance)
    theta, phi = best.theta, best.phi

    sampled = np.empty((0, len(theta)))
    if draws:
        weights, centres = _bootstrap(space, draws, best.effective, seed)
        sampled = descend(
            space,
            np.tile(theta, (draws, 1)),
            weights=weights,
            centre=centres,
            delta=best.delta,
            phi=phi,
            tolerance=1e-6,
        ).theta
    unidentified = _unidentified(space, best.jacobian, phi)
    at_bound = tuple(
        slot.name
        for slot, t, low, high in zip(space.slots, theta, space.lower, space.upper, strict=True)
        if (t <= low + 1e-6 and "low" not in slot.parameter.quiet)
        or (t >= high - 1e-6 and "high" not in slot.parameter.quiet)
    )
    return TargetFit(
        target=problem.target,
        status=_status(best.converged, at_bound, _in_play(problem, unidentified)),
        best=_coefficients(space, theta, reference),
        draws=_coefficients(space, sampled, reference),
        theta=theta,
        phi=phi,
        delta=best.delta,
        objective=float(huber(best.residual, best.delta).sum()),
        rows=len(problem.loss),
        runs=len(np.unique(problem.run)),
        fixed=_held(space),
        unidentified=unidentified,
        at_bound=at_bound,
    )


def leave_out(
    problem: Problem,
    fitted: TargetFit,
    rows: NDArray[np.bool_],
    *,
    reference: tuple[float, float],
    tolerance: float,
) -> Coefficients:
    """Coefficients of F fits, each without some of the checkpoints, from where the whole fit ended.

    They must converge: after a few steps they still remember what they leave out, most of all where the form
    fails on it.

    Args:
        problem: the checkpoints.
        fitted: the fit to all of them.
        rows: shape (F, n), the checkpoints that each fit leaves out.
        reference: N0 and D0.
        tolerance: as of `fit_target`.
    """
    space = Space(problem)
    ends = descend(
        space,
        np.tile(fitted.theta, (len(rows), 1)),
        weights=np.where(rows, 0.0, 1.0),
        centre=np.tile(space.centre, (len(rows), 1)),
        delta=fitted.delta,
        phi=fitted.phi,
        tolerance=tolerance,
    )
    return _coefficients(space, ends.theta, reference)


def _status(converged: bool, at_bound: tuple[str, ...], unidentified: tuple[str, ...]) -> Status:
    if not converged:
        return Status.NOT_CONVERGED
    if at_bound:
        return Status.BOUND_HIT
    return Status.ILL_CONDITIONED if unidentified else Status.CONVERGED


def _bootstrap(space: Space, draws: int, effective: float, seed: int) -> tuple[Floats, Floats]:
    """Row weights and prior centres of the draws.

    The prior's centre is drawn too, for each target on its own, so that what only the prior knows stays
    uncertain.
    """
    weights = run_weights(space.problem.run, effective, draws, seed)
    rng = np.random.default_rng([seed, zlib.crc32(space.problem.target.encode())])
    values, vectors = np.linalg.eigh(space.covariance)
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    centres = space.centre + rng.standard_normal((draws, len(spread))) @ spread.T
    return weights, centres


def _unidentified(space: Space, jacobian: Floats, phi: float) -> tuple[str, ...]:
    """Parameters whose uncertainty (Laplace) is above 80% of the prior's: the runs add next to nothing."""
    information = jacobian.T @ jacobian / phi + space.precision
    variance = np.diag(np.linalg.pinv(information, hermitian=True))
    prior = np.diag(space.covariance)
    ruled = (prior > 0) & (variance > 0.8**2 * prior)
    return tuple(slot.name for slot, bad in zip(space.slots, ruled, strict=True) if bad)


def _in_play(problem: Problem, unidentified: tuple[str, ...]) -> tuple[str, ...]:
    """Without R where no run repeats its data: no loss among these runs depends on it."""
    return tuple(name for name in unidentified if name != "R" or problem.repeats)


def _held(space: Space) -> tuple[str, ...]:
    """What the form would search and these rows fix: one size says nothing of alpha."""
    return tuple(p.name for p in space.parameters if p.low == p.high and p.name not in space.form.fixed)


def _coefficients(space: Space, theta: Floats, reference: tuple[float, float]) -> Coefficients:
    return Coefficients(
        form=space.problem.form,
        values=space.values(theta),
        own=np.array([space.problem.own]),
        reference_params=reference[0],
        reference_tokens=reference[1],
    )
