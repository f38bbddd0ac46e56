r"""The convex programme, solved by a primal-dual interior point method for many laws at once.

    minimise    sum_t w_t L_t(p)                 or the largest excess e with L_t(p) <= level_t (1 + e)
    subject to  sum_k p_k = 1,  lower <= p <= upper,  L_t(p) <= limit_t

The second objective is that of the worst language; with the limits as levels it tells how far these are out
of reach. With tau >= 0 every L_t is convex in
p (see `langmix.laws`), so the KKT residual certifies the optimum. The Newton step is the standard one with
slacks on the loss limits (Boyd & Vandenberghe, Convex Optimization, section 11.7; Nocedal & Wright, Numerical
Optimization, chapter 19).

Shape letters: S problems (bootstrap draws), T targets, K languages, V variables (free shares, and e).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Losses = Callable[[Floats], tuple[Floats, Floats, Floats, Floats]]
"""p, shape (S, K) -> loss (S, T); gradient, factor, diagonal (S, T, K); Hessian factor factor^T + diag."""

_MAX_ITERATIONS: Final = 80
_TOLERANCE: Final = 1e-9
_TO_BOUNDARY: Final = 0.995
_AT_BOUND: Final = 1e-7


class Optimum(NamedTuple):
    """Solutions of the S problems."""

    shares: Floats
    """Shape (S, K)."""
    kkt: Floats
    """Shape (S,): the largest violation of the optimality conditions, relative to the objective."""
    excess: Floats
    """Shape (S, T): how far each loss is above its limit, relative to it; <= 0 where it holds."""

    @property
    def solved(self) -> NDArray[np.bool_]:
        """Shape (S,): whether the optimality conditions hold to 1e-6."""
        return self.kkt < 1e-6


def solve(
    losses: Losses,
    *,
    weights: Floats,
    limits: Floats,
    lower: Floats,
    upper: Floats,
    levels: Floats | None = None,
) -> Optimum:
    """Solve S problems of the same bounds.

    Args:
        losses: the laws, with derivatives.
        weights: shape (S, T), >= 0; ignored where ``levels`` are given.
        limits: shape (S, T), the largest loss allowed; infinite where there is no limit.
        lower, upper: shape (K,), with sum(lower) <= 1 <= sum(upper).
        levels: shape (S, T): minimise the largest excess over these instead of the weighted sum; infinite for
            targets that do not count.
    """
    problems = len(limits)
    free = np.flatnonzero(upper - lower > 1e-12)
    for only in (lower, upper):
        if abs(only.sum() - 1) < 1e-12 or len(free) == 0:  # a single mixture is allowed
            shares = np.tile(only / only.sum(), (problems, 1))
            return Optimum(shares, np.zeros(problems), losses(shares)[0] / limits - 1.0)
    # Each constraint is L_t <= cap (1 + relaxed e): hard limits first, then the levels.
    hard = np.flatnonzero(np.isfinite(limits).any(axis=0))
    soft = np.flatnonzero(np.isfinite(levels).any(axis=0)) if levels is not None else hard[:0]
    limited = np.concatenate([hard, soft])
    cap = np.concatenate([limits[:, hard], (limits if levels is None else levels)[:, soft]], axis=1)
    of_target = np.eye(limits.shape[1])[limited]  # a target may have both a limit and a level
    relaxed = np.repeat([0.0, 1.0], [len(hard), len(soft)])

    full = np.tile(lower, (problems, 1))
    # The centre: every free share at the same fraction of its range.
    full[:, free] += (upper - lower)[free] * (1 - lower.sum()) / (upper - lower).sum()
    start = losses(full)[0]
    if levels is None:
        weight, price, extra = weights / (weights * start).sum(axis=1, keepdims=True), 0.0, 0
    else:
        weight, price, extra = np.zeros_like(start), 1.0, 1
    # Bounds of e that its optimum does not reach: a loss is above 0, so an excess is above -1.
    start_excess = 1.0 + float((start[:, limited] / cap - 1.0).max(initial=0.0))
    lo = np.concatenate([lower[free], [-2.0] * extra])
    hi = np.concatenate([upper[free], [2.0 + 2.0 * start_excess] * extra])
    counts = np.concatenate([np.ones(len(free)), np.zeros(extra)])  # the variables whose sum is fixed
    total = 1.0 - lower.sum() + lower[free].sum()

    def with_excess(array: Floats) -> Floats:
        """Append the derivative in e, 0, to an array over the free shares."""
        return np.concatenate([array, np.zeros((*array.shape[:-1], extra))], axis=-1)

    v = np.concatenate([full[:, free], np.full((problems, extra), start_excess)], axis=1)
    mu = np.full((problems, 1), 0.1)
    z_low, z_high = mu / (v - lo), mu / (hi - v)
    slack = np.ones((problems, len(limited)))
    y = np.broadcast_to(mu, slack.shape).copy()
    nu = np.zeros((problems, 1))
    kkt = np.full(problems, np.inf)
    for _ in range(_MAX_ITERATIONS):
        full[:, free] = v[:, : len(free)]
        loss, *derivatives = losses(full)
        gradient, factor, diagonal = (with_excess(part[..., free]) for part in derivatives)
        excess = v[:, len(free) :].sum(axis=1, keepdims=True)
        g = loss[:, limited] / cap - 1.0 - relaxed * excess
        jacobian = gradient[:, limited] / cap[..., None]
        jacobian[..., len(free) :] = -relaxed[:, None]
        multiplier = weight + (y / cap) @ of_target
        slope = (weight[..., None] * gradient).sum(axis=1)
        slope[:, len(free) :] = price

        pull = (jacobian * y[..., None]).sum(axis=1)
        stationarity = np.abs(slope + pull - z_low + z_high + nu * counts).max(axis=1)
        gap = np.concatenate([z_low * (v - lo), z_high * (hi - v), y * slack], axis=1)
        primal = np.abs(g + slack).max(axis=1, initial=0.0)
        kkt = np.maximum(np.maximum(stationarity, gap.max(axis=1)), primal)
        moving = ~(kkt < _TOLERANCE)
        if not moving.any():
            break

        hessian = np.einsum("st,stk,stl->skl", multiplier, factor, factor)
        hessian += np.einsum("sm,smk,sml->skl", y / slack, jacobian, jacobian)
        flat = (multiplier[..., None] * diagonal).sum(axis=1) + z_low / (v - lo) + z_high / (hi - v)
        hessian += flat[:, None, :] * np.eye(len(lo))
        push = y + (mu + y * g) / slack
        right = -(slope + (jacobian * push[..., None]).sum(axis=1) - mu / (v - lo) + mu / (hi - v))
        # Eliminate the one equality: dv = H^-1 (right - nu counts), with the step keeping the sum.
        sides = np.stack([right, np.broadcast_to(counts, right.shape)], axis=-1)
        solved = np.linalg.solve(hessian, sides)
        missing = total - v @ counts
        new_nu = ((solved[..., 0] @ counts) - missing) / (solved[..., 1] @ counts)
        dv = solved[..., 0] - new_nu[:, None] * solved[..., 1]
        along = (jacobian * dv[:, None, :]).sum(axis=2)
        d_slack = -g - slack - along
        d_y = (mu + y * (g + along)) / slack
        d_low = (mu - z_low * dv) / (v - lo) - z_low
        d_high = (mu + z_high * dv) / (hi - v) - z_high

        # One step length for all: separate ones upset the stationarity of a curved problem.
        # A problem that has converged stands still.
        step = _longest(
            (v - lo, dv), (hi - v, -dv), (slack, d_slack), (z_low, d_low), (z_high, d_high), (y, d_y)
        )
        move = np.where(moving[:, None], step, 0.0)
        v, slack = v + move * dv, slack + move * d_slack
        z_low, z_high = z_low + move * d_low, z_high + move * d_high
        y, nu = y + move * d_y, nu + move * (new_nu[:, None] - nu)
        # A product that rounds to 0 would end the search: problems without a solution drive slacks there.
        v = np.clip(v, np.nextafter(lo, hi) + 1e-15, np.nextafter(hi, lo) - 1e-15)
        slack = np.maximum(slack, 1e-15)
        gap = np.concatenate([z_low * (v - lo), z_high * (hi - v), y * slack], axis=1)
        mu = np.where(step > 0.9, 0.05, 0.4) * gap.mean(axis=1, keepdims=True)
        # Below this the linear algebra loses more than the barrier costs.
        mu = np.maximum(mu, 0.2 * _TOLERANCE)
    full[:, free] = _at_bounds(v, lo, hi)[:, : len(free)]
    return Optimum(full, kkt, losses(full)[0] / limits - 1.0)


def _at_bounds(v: Floats, lo: Floats, hi: Floats) -> Floats:
    """The barrier keeps variables off their bounds by its own width: put those on the bound."""
    v = np.where(v - lo < _AT_BOUND, lo, v)
    return np.where(hi - v < _AT_BOUND, hi, v)


def _longest(*pairs: tuple[Floats, Floats]) -> Floats:
    """The longest step, shape (S, 1), at most 1, that keeps all values positive."""
    step = np.ones((len(pairs[0][0]), 1))
    for value, change in pairs:
        falling = change < 0
        room = np.where(falling, -value / np.where(falling, change, -1.0), np.inf)
        step = np.minimum(step, _TO_BOUNDARY * room.min(axis=1, keepdims=True, initial=np.inf))
    return step
