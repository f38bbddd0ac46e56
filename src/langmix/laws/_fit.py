"""Fitting a form of law to the checkpoints of one target.

Starts come from variable projection (`Space.starts`); the best are polished together on the true objective:
Huber on the log loss, plus the prior on what runs may not identify. The priors stand with the parameters of
each form; `Status.ILL_CONDITIONED` names those that rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.laws._bootstrap import run_weights
from langmix.laws._coefficients import Coefficients
from langmix.laws._robust import Solution, dispersion, huber, minimise, threshold
from langmix.laws._search import Problem, Space

Floats = NDArray[np.float64]

_PILOT_PHI: Final = 0.02**2
_SCOUTING: Final = 25
"""Steps that every start takes before only the best two go on."""


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
        phi: dispersion of the log residuals (a variance).
        delta: the Huber threshold that was used.
        objective: sum of Huber losses of the log residuals at the optimum, prior not counted.
        unidentified: names of parameters that the prior rules.
        at_bound: names of parameters at a bound.
    """

    target: str
    status: Status
    best: Coefficients
    draws: Coefficients
    phi: float
    delta: float
    objective: float
    rows: int
    unidentified: tuple[str, ...]
    at_bound: tuple[str, ...]


def fit_target(
    problem: Problem,
    *,
    reference: tuple[float, float],
    delta: float | None,
    draws: int,
    rng: np.random.Generator,
    tolerance: float = 1e-11,
) -> TargetFit:
    """Fit one target; see the module's text.

    Args:
        problem: the checkpoints.
        reference: N0 and D0, for the coefficients.
        delta: Huber threshold on the log loss; by default 1.345 times the residual scale of a pilot fit
            (the usual 1e-3 makes the fit a median regression, which wastes a third of clean data).
        draws: bootstrap draws; 0 gives none.
        rng: of the bootstrap.
        tolerance: relative fall of the objective at which the search ends.
    """
    space = Space(problem)
    rough = tolerance > 1e-8  # a fit that only compares forms
    starts = space.starts()[: 3 if rough else None]
    if delta is None:
        pilot = _from_all(space, starts, delta=0.05, phi=_PILOT_PHI, tolerance=1e-5)
        theta = pilot.theta[0]
        residual, jacobian = (part[0] for part in space.residuals(theta[None]))
        effective = _effective_parameters(jacobian, _PILOT_PHI, space.precision)
        delta = threshold(residual, effective)
        phi = dispersion(residual, delta, effective)
        starts = theta[None] if rough else np.vstack([theta, starts])
    else:
        phi = 1.0 if not space.precision.any() else _PILOT_PHI
    best = _from_all(space, starts, delta=delta, phi=phi, tolerance=tolerance)
    theta = best.theta[0]
    residual, jacobian = (part[0] for part in space.residuals(theta[None]))
    effective = _effective_parameters(jacobian, phi, space.precision)
    phi = dispersion(residual, delta, effective)

    sampled = np.empty((0, len(theta)))
    if draws:
        weights, centres = _bootstrap(space, draws, effective, rng)
        sampled = _minimise(
            space,
            np.tile(theta, (draws, 1)),
            weights=weights,
            centre=centres,
            delta=delta,
            phi=phi,
            tolerance=1e-6,
        ).theta
    unidentified = _unidentified(space, jacobian, phi)
    at_bound = tuple(
        slot.name
        for slot, t, low, high in zip(space.slots, theta, space.lower, space.upper, strict=True)
        if (t <= low + 1e-6 and "low" not in slot.parameter.quiet)
        or (t >= high - 1e-6 and "high" not in slot.parameter.quiet)
    )
    return TargetFit(
        target=problem.target,
        status=_status(bool(best.converged[0]), at_bound, unidentified),
        best=_coefficients(space, theta, reference),
        draws=_coefficients(space, sampled, reference),
        phi=phi,
        delta=delta,
        objective=float(huber(residual, delta).sum()),
        rows=len(problem.loss),
        unidentified=unidentified,
        at_bound=at_bound,
    )


def _from_all(space: Space, starts: Floats, *, delta: float, phi: float, tolerance: float) -> Solution:
    """The best that any start reaches, as a batch of one."""

    def run(theta: Floats, limit: int, fall: float) -> Solution:
        return _minimise(
            space,
            theta,
            weights=np.ones((len(theta), len(space.problem.loss))),
            centre=np.tile(space.centre, (len(theta), 1)),
            delta=delta,
            phi=phi,
            tolerance=fall,
            limit=limit,
        )

    scouts = run(starts, _SCOUTING, 1e-3)
    kept = np.argsort(scouts.objective, kind="stable")[:2]
    ends = run(scouts.theta[kept], 1000, tolerance)
    winner = int(np.argmin(ends.objective))
    one = slice(winner, winner + 1)
    return Solution(ends.theta[one], ends.objective[one], ends.converged[one])


def _minimise(
    space: Space,
    start: Floats,
    *,
    weights: Floats,
    centre: Floats,
    delta: float,
    phi: float,
    tolerance: float,
    limit: int = 1000,
) -> Solution:
    return minimise(
        space.residuals,
        start,
        weights=weights,
        delta=delta,
        phi=phi,
        centre=centre,
        precision=space.precision,
        lower=space.lower,
        upper=space.upper,
        tolerance=tolerance,
        max_iterations=limit,
    )


def _status(converged: bool, at_bound: tuple[str, ...], unidentified: tuple[str, ...]) -> Status:
    if not converged:
        return Status.NOT_CONVERGED
    if at_bound:
        return Status.BOUND_HIT
    return Status.ILL_CONDITIONED if unidentified else Status.CONVERGED


def _bootstrap(space: Space, draws: int, effective: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Row weights and prior centres of the draws.

    The prior's centre is drawn too, so that what only the prior knows stays uncertain.
    """
    weights = run_weights(space.problem.run, effective, draws, rng)
    values, vectors = np.linalg.eigh(space.covariance)
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    centres = space.centre + rng.standard_normal((draws, len(spread))) @ spread.T
    return weights, centres


def _effective_parameters(jacobian: Floats, phi: float, precision: Floats) -> float:
    """Parameters that the runs determine, the others being the prior's: between 0 and P."""
    data = jacobian.T @ jacobian / phi
    return float(np.trace(data @ np.linalg.pinv(data + precision, hermitian=True)))


def _unidentified(space: Space, jacobian: Floats, phi: float) -> tuple[str, ...]:
    """Parameters whose uncertainty (Laplace) is above 80% of the prior's: the runs add next to nothing."""
    information = jacobian.T @ jacobian / phi + space.precision
    variance = np.diag(np.linalg.pinv(information, hermitian=True))
    prior = np.diag(space.covariance)
    ruled = (prior > 0) & (variance > 0.8**2 * prior)
    return tuple(slot.name for slot, bad in zip(space.slots, ruled, strict=True) if bad)


def _coefficients(space: Space, theta: Floats, reference: tuple[float, float]) -> Coefficients:
    return Coefficients(
        form=space.problem.form,
        values=space.values(theta),
        own=np.array([space.problem.own]),
        reference_params=reference[0],
        reference_tokens=reference[1],
    )
