"""The programme of an allocation: objective, loss limits and distances, under many laws at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix.allocate._interior import Losses, Optimum, Problem
from langmix.allocate._limits import Limits, Near

Floats = NDArray[np.float64]

_FAR: float = 1e3
"""Bound of variables that are 1 at the centre of the limits: out of the way."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Programme:
    """The objective and the loss limits under one or many laws.

    Attributes:
        losses: the laws, with derivatives.
        weights: shape (S, T), of each target's nats per token.
        limits: shape (S, T), the largest loss allowed, infinite where there is no limit.
        levels: shape (S, T): minimise the largest loss in these units instead of the weighted sum; infinite
            for targets that do not count.
    """

    losses: Losses
    weights: Floats
    limits: Floats
    levels: Floats | None

    def optimum(self, limits: Limits) -> Optimum:
        """The best mixture under each law."""
        if len(self.limits) == 0:
            empty = np.empty((0, self.limits.shape[1]))
            return Optimum(np.empty((0, len(limits.lower))), np.empty(0), np.empty((0, 0)), empty)
        weights = self.weights if self.levels is None else np.zeros_like(self.weights)
        problem = Problem(losses=self.losses, weights=weights, lower=limits.lower, upper=limits.upper)
        limit_losses(problem, self.limits)
        keep_near(problem, limits.near)
        if self.levels is None:
            return problem.solve()
        rows, of_row = worst_rows(self.levels)
        unit = (self.losses(problem.centre)[0] / self.levels).max(axis=1)
        excess = problem.variables(1, low=0.0, high=_FAR, start=1.5, cost=1.0)
        linear = problem.matrix(len(of_row))
        linear[:, excess] = -1.0
        problem.row(loss=rows / unit[:, None, None], linear=linear, limit=0.0, count=len(of_row), counts=True)
        best = problem.solve()
        return best._replace(marginal=best.marginal * unit[:, None])

    def value(self, shares: Floats, counted: NDArray[np.bool_] | None = None) -> Floats:
        """The objective of one mixture, shape (S,), over the targets that are ``counted``, shape (T,)."""
        loss = self.losses(shares)[0]
        counts = np.ones(loss.shape[1], dtype=bool) if counted is None else counted
        value: Floats = (
            (self.weights * loss)[:, counts].sum(axis=1)
            if self.levels is None
            else (loss / self.levels)[:, counts].max(axis=1, initial=0.0)
        )
        return value

    def marginal(self, shares: Floats, counted: NDArray[np.bool_] | None = None) -> Floats:
        """Change of the objective per change of each loss at one mixture, shape (S, T)."""
        if self.levels is None:
            return self.weights if counted is None else np.where(counted, self.weights, 0.0)
        relative = self.losses(shares)[0] / self.levels
        if counted is not None:
            relative = np.where(counted, relative, -np.inf)
        worst = relative.argmax(axis=1)[:, None] == np.arange(relative.shape[1])
        return np.where(worst, 1 / self.levels, 0.0)

    def prices(self, shares: Floats, marginal: Floats) -> Floats:
        """Fall of the objective per extra percent of the budget, shape (K,), summed over the laws."""
        gradient = self.losses(shares)[1]
        return np.asarray(-0.01 * np.einsum("st,stk->k", marginal, gradient))


def worst_rows(levels: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Rows L_t / level_t of the targets that count, shape (S, m, T), and their targets, shape (m,)."""
    counting = np.flatnonzero(np.isfinite(levels).any(axis=0))
    return np.eye(levels.shape[1])[counting] / levels[:, counting, None], counting


def limit_losses(problem: Problem, limits: Floats) -> None:
    """Add the limits on losses, shape (S, T), as rows L_t / limit_t <= 1."""
    limited = np.flatnonzero(np.isfinite(limits).any(axis=0))
    if len(limited):
        rows = np.zeros((len(limits), len(limited), limits.shape[1]))
        rows[:, np.arange(len(limited)), limited] = 1 / limits[:, limited]
        problem.row(loss=rows, limit=1.0, count=len(limited))


def keep_near(problem: Problem, near: tuple[Near, ...]) -> None:
    """Add the distances: u >= p - centre, u >= 0, sum u <= distance, half of L1 as all shares sum to 1."""
    for one in near:
        moved = add_moved(problem, one.centre, cost=0.0)
        total = problem.matrix(1)
        total[0, moved] = 1.0 / one.distance
        problem.row(linear=total, limit=1.0, count=1)


def add_moved(problem: Problem, centre: Floats, *, cost: float) -> NDArray[np.intp]:
    """Add u >= p - centre, u >= 0: the tokens moved to each language, in parts of the budget."""
    size = len(centre)
    start = np.maximum(problem.centre - centre, 0.0) + 0.5 / size
    moved = problem.variables(size, low=0.0, high=2.0, start=start, cost=cost)
    linear = problem.matrix(size)
    linear[np.arange(size), np.arange(size)] = 1.0
    linear[np.arange(size), moved] = -1.0
    problem.row(linear=linear, limit=centre, count=size)
    return moved


def giving_way(losses: Losses, limits: Floats, bounds: Limits) -> Optimum:
    """The mixture that keeps the loss limits, shape (1, T), while the other limits give way the least.

    Returns:
        The optimum; ``further`` are what the K floors, the K caps and each distance give way, in shares.
    """
    size = len(bounds.lower)
    problem = Problem(losses=losses, weights=np.zeros_like(limits), lower=np.zeros(size), upper=np.ones(size))
    limit_losses(problem, limits)
    give = problem.variables(2 * size + len(bounds.near), low=0.0, high=2.0, start=0.1, cost=1.0)
    for sign, bound, ways in ((-1.0, bounds.lower, give[:size]), (1.0, bounds.upper, give[size : 2 * size])):
        linear = problem.matrix(size)
        linear[np.arange(size), np.arange(size)] = sign
        linear[np.arange(size), ways] = -1.0
        problem.row(linear=linear, limit=sign * bound, count=size)
    for one, way in zip(bounds.near, give[2 * size :], strict=True):
        moved = add_moved(problem, one.centre, cost=0.0)
        total = problem.matrix(1)
        total[0, moved], total[0, way] = 1.0, -1.0
        problem.row(linear=total, limit=one.distance, count=1)
    return problem.solve()


def as_batch(derivatives: Callable[[Floats], tuple[Floats, ...]]) -> Losses:
    """One law as a batch of one."""

    def losses(p: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        loss, gradient, factor, diagonal = derivatives(np.atleast_2d(p)[0])
        return loss[None], gradient[None], factor[None], diagonal[None]

    return losses
