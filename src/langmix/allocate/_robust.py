"""One mixture for all bootstrap laws together: the mean of the objective over them, or the mean of its tail.

The tail mean (CVaR) at 90% of the objectives f_s of S laws is the minimum over t of
t + sum_s max(f_s - t, 0) / (0.1 S), convex where every f_s is (Rockafellar & Uryasev, Optimization of
conditional value-at-risk, Journal of Risk 2, 2000): variables t and u_s >= f_s - t, u_s >= 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.allocate._interior import Losses, Optimum, Problem
from langmix.allocate._limits import Limits
from langmix.allocate._programme import Programme, keep_near, limit_losses, worst_rows

Floats = NDArray[np.float64]

ROBUST: Final = {
    "mean": "mean of the objective over the bootstrap laws",
    "cvar": "mean of the objective over the worst 10% of the bootstrap laws (CVaR at 90%)",
}

TAIL: Final = 0.1
"""Part of the laws that the tail mean is over."""

_FAR: Final = 1e3


def together(values: Floats, how: str) -> float:
    """Objectives under the laws, shape (S,), as one number."""
    return float(law_weights(values, how) @ values)


def law_weights(values: Floats, how: str) -> Floats:
    """How much each law counts at objectives of shape (S,); sums to 1."""
    if how == "mean":
        return np.full(len(values), 1 / len(values))
    order = np.argsort(-values, kind="stable")
    weights = np.zeros(len(values))
    weights[order] = np.clip(TAIL * len(values) - np.arange(len(values)), 0.0, 1.0)
    normalised: Floats = weights / weights.sum()
    return normalised


def robust_optimum(point: Programme, spread: Programme, how: str, limits: Limits) -> Optimum:
    """The mixture that is best over all laws of ``spread``; the loss limits are those of ``point``.

    Returns:
        The optimum of one problem; ``marginal`` has the shape (S, T) of ``spread``.
    """
    laws, targets = spread.weights.shape
    problem = Problem(
        losses=_joint(point.losses, spread.losses, laws),
        weights=np.zeros((1, targets * (laws + 1))),
        lower=limits.lower,
        upper=limits.upper,
    )
    limit_losses(problem, np.concatenate([point.limits, np.full((1, laws * targets), np.inf)], axis=1))
    keep_near(problem, limits.near)
    unit = float(spread.value(problem.centre).mean())
    if how == "mean" and spread.levels is None:
        problem.weights[0, targets:] = (spread.weights / laws).ravel()
        unit = 1.0
    else:
        _epigraph(problem, spread, how, unit)
    best = problem.solve()
    return best._replace(marginal=unit * best.marginal[:, targets:].reshape(laws, targets))


def _epigraph(problem: Problem, spread: Programme, how: str, unit: float) -> None:
    """Variables u_s (and t) above the objective of every law, in units of ``unit``."""
    laws, targets = spread.weights.shape
    # A row per law, or per law and target.
    blocks = (spread.weights[:, None] if spread.levels is None else worst_rows(spread.levels)[0]) / unit
    per_law = blocks.shape[1]
    loss = np.zeros((laws, per_law, laws + 1, targets))
    loss[np.arange(laws), :, np.arange(laws) + 1] = blocks
    start = spread.value(problem.centre) / unit
    if how == "mean":
        above = problem.variables(laws, low=0.0, high=_FAR, start=1.1 * start, cost=1 / laws)
        columns: tuple[NDArray[np.intp], ...] = (above,)
    else:
        tail = problem.variables(1, low=0.0, high=_FAR, start=np.quantile(start, 1 - TAIL), cost=1.0)
        beyond = problem.variables(laws, low=0.0, high=_FAR, start=0.1, cost=1 / (TAIL * laws))
        columns = (np.repeat(tail, laws), beyond)
    linear = problem.matrix(laws * per_law)
    of_law = np.repeat(np.arange(laws), per_law)
    for column in columns:
        linear[np.arange(laws * per_law), column[of_law]] = -1.0
    problem.row(
        loss=loss.reshape(1, laws * per_law, (laws + 1) * targets),
        linear=linear,
        limit=0.0,
        count=laws * per_law,
        counts=True,
    )


def _joint(point: Losses, spread: Losses, laws: int) -> Losses:
    """The targets of the best laws and of all bootstrap laws as targets of one problem."""

    def losses(p: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        shares = np.atleast_2d(p)
        one = point(shares)
        many = spread(np.repeat(shares, laws, axis=0))
        loss, gradient, factor, diagonal = (
            np.concatenate([a, b.reshape(1, -1, *b.shape[2:])], axis=1)
            for a, b in zip(one, many, strict=True)
        )
        return loss, gradient, factor, diagonal

    return losses
