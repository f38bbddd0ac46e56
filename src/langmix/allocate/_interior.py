r"""The convex programme, solved by a primal-dual interior point method for many laws at once.

    minimise    sum_t w_t L_t(p) + cost . z
    subject to  sum_k p_k = 1,  lower <= p <= upper,  low <= z <= high
                sum_t C_mt L_t(p) + G_m . (p, z) <= h_m           for every row m

The variables z and the rows say everything else: a limit on a loss, the worst loss, the distance from a
mixture, a tail mean over laws. With tau >= 0 every L_t is convex in p (see `langmix.laws`), so with w, C >= 0
the KKT residual certifies the optimum. The Newton step is the standard one with slacks on the rows (Boyd &
Vandenberghe, Convex Optimization, section 11.7; Nocedal & Wright, Numerical Optimization, chapter 19).

Shape letters: S problems (bootstrap draws), T targets, K languages, E further variables z, M rows,
V variables that move (free shares, and z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Losses = Callable[[Floats], tuple[Floats, Floats, Floats, Floats]]
"""p, shape (S, K) -> loss (S, T); gradient, factor, diagonal (S, T, K); Hessian factor factor^T + diag."""

_MAX_ITERATIONS: Final = 120
_TOLERANCE: Final = 1e-9
_CERTIFIED: Final = 1e-6
_PATIENCE: Final = 10
"""Iterations without progress after which an optimum that is certified is taken."""
_TO_BOUNDARY: Final = 0.995
_AT_BOUND: Final = 1e-7
_SAME: Final = 1e-6
_SMALLEST_SLACK: Final = 1e-15


class Optimum(NamedTuple):
    """Solutions of the S problems."""

    shares: Floats
    """Shape (S, K)."""
    kkt: Floats
    """Shape (S,): the largest violation of the optimality conditions, relative to the objective."""
    further: Floats
    """Shape (S, E): the further variables."""
    marginal: Floats
    """Shape (S, T): change of the objective per change of each loss, limits on losses left aside."""

    @property
    def solved(self) -> NDArray[np.bool_]:
        """Shape (S,): whether the optimality conditions hold to 1e-6."""
        return self.kkt < _CERTIFIED


class _Row(NamedTuple):
    loss: Floats | None
    """C, shape (S, m, T)."""
    linear: Floats
    """G over the K shares and the further variables so far, shape (m, K + e)."""
    limit: Floats
    """h, shape (S, m)."""
    counts: bool
    """Whether the row defines the objective, so that its multipliers are part of the prices."""


@dataclass(kw_only=True, eq=False)
class Problem:
    """S problems with the same bounds, built up row by row.

    Attributes:
        losses: the laws, with derivatives.
        weights: shape (S, T), >= 0.
        lower, upper: shape (K,), with sum(lower) <= 1 <= sum(upper).
    """

    losses: Losses
    weights: Floats
    lower: Floats
    upper: Floats
    _low: list[float] = field(default_factory=list)
    _high: list[float] = field(default_factory=list)
    _start: list[Floats] = field(default_factory=list)
    _cost: list[float] = field(default_factory=list)
    _rows: list[_Row] = field(default_factory=list)

    @property
    def centre(self) -> Floats:
        """Every share at the same fraction of its range, shape (K,)."""
        room = (self.upper - self.lower).sum()
        part = (1 - self.lower.sum()) / room if room > 0 else 0.0
        middle: Floats = self.lower + (self.upper - self.lower) * part
        return middle

    def variables(
        self, count: int, *, low: float, high: float, start: ArrayLike, cost: float
    ) -> NDArray[np.intp]:
        """Add variables, the same bounds and cost for all; ``start`` broadcasts to (S, count).

        Returns:
            Their columns in the linear part of a row, shape (count,).
        """
        first = len(self.lower) + len(self._low)
        self._low += [low] * count
        self._high += [high] * count
        self._cost += [cost] * count
        starts = np.broadcast_to(np.asarray(start, dtype=float), (len(self.weights), count))
        self._start += [starts[:, k] for k in range(count)]
        return np.arange(first, first + count)

    def row(
        self,
        *,
        limit: ArrayLike,
        count: int,
        loss: Floats | None = None,
        linear: Floats | None = None,
        counts: bool = False,
    ) -> None:
        """Add ``count`` rows C L(p) + G (p, z) <= h: ``loss`` is C, ``linear`` G, ``limit`` h."""
        if linear is None:
            linear = np.zeros((count, len(self.lower)))
        h = np.broadcast_to(np.asarray(limit, dtype=float), (len(self.weights), count))
        self._rows.append(_Row(loss, linear, h, counts))

    def matrix(self, count: int) -> Floats:
        """Zeros for the linear part of rows over all variables so far."""
        return np.zeros((count, len(self.lower) + len(self._low)))

    def solve(self) -> Optimum:
        """The optimum of each of the S problems."""
        problems = len(self.weights)
        width = len(self.lower) + len(self._low)
        rows = sorted(self._rows, key=lambda row: row.loss is None)  # those with losses first
        linear = np.zeros((sum(len(row.linear) for row in rows), width))
        at = 0
        for row in rows:
            linear[at : at + len(row.linear), : row.linear.shape[1]] = row.linear
            at += len(row.linear)
        of_loss = [row.loss for row in rows if row.loss is not None]
        targets = self.weights.shape[1]
        counting = np.concatenate(
            [np.full(len(row.linear), row.counts) for row in rows] or [np.zeros(0, dtype=bool)]
        )
        start = np.stack(self._start, axis=1) if self._start else np.empty((problems, 0))
        return _solve(
            self,
            start=start,
            low=np.array(self._low),
            high=np.array(self._high),
            cost=np.array(self._cost),
            coefficients=np.concatenate(of_loss, axis=1) if of_loss else np.zeros((problems, 0, targets)),
            linear=linear,
            limit=np.concatenate([row.limit for row in rows], axis=1) if rows else np.zeros((problems, 0)),
            counting=counting,
        )


def _solve(
    problem: Problem,
    *,
    start: Floats,
    low: Floats,
    high: Floats,
    cost: Floats,
    coefficients: Floats,
    linear: Floats,
    limit: Floats,
    counting: NDArray[np.bool_],
) -> Optimum:
    losses, lower, upper = problem.losses, problem.lower, problem.upper
    problems, languages, with_loss = len(problem.weights), len(lower), coefficients.shape[1]
    full = np.tile(problem.centre, (problems, 1))
    free = np.flatnonzero(upper - lower > 1e-12)
    if any(abs(only.sum() - 1) < 1e-12 for only in (lower, upper)):
        free = free[:0]  # a single mixture is allowed
        full /= full.sum(axis=1, keepdims=True)
    inner = len(free)
    columns = np.concatenate([free, np.arange(languages, linear.shape[1])])
    held = np.setdiff1d(np.arange(languages), free)
    h = limit - full[:, held] @ linear[:, held].T
    g_rows = linear[:, columns]

    scale = (problem.weights * losses(full)[0]).sum(axis=1)
    # The objective is 1 at the centre; one that lies in further variables alone has its own scale.
    scale = np.where(scale > 0, scale, 1.0) if not cost.any() else np.ones(problems)
    weight = problem.weights / scale[:, None]
    if len(columns) == 0:
        excess = (coefficients @ losses(full)[0][..., None])[..., 0] - h[:, :with_loss]
        return Optimum(full, excess.max(axis=1, initial=0.0), start, problem.weights)

    lo, hi = np.concatenate([lower[free], low]), np.concatenate([upper[free], high])
    sums = np.concatenate([np.ones(inner), np.zeros(len(low))])  # the variables whose sum is fixed
    total = full[0, free].sum()
    v = np.concatenate([full[:, free], np.clip(start, low + 1e-3, high - 1e-3)], axis=1)
    # Rows that define the objective may be as many as the laws: their multipliers are eliminated. The others
    # keep theirs in the linear system, which costs less accuracy where limits hold at the same time.
    kept = np.flatnonzero(~counting)
    own = np.arange(len(kept))
    no_sum = float(inner == 0)  # nothing to sum: an equation of the multiplier alone
    mu = np.full((problems, 1), 0.1)
    z_low, z_high = mu / (v - lo), mu / (hi - v)
    slack = np.ones((problems, len(linear)))
    y = np.broadcast_to(mu, slack.shape).copy()
    nu = np.zeros((problems, 1))
    kkt = np.full(problems, np.inf)
    least, stalled = kkt.copy(), np.zeros(problems, dtype=int)
    marginal = weight
    for _ in range(_MAX_ITERATIONS):
        full[:, free] = v[:, :inner]
        loss, *derivatives = losses(full)
        gradient, factor, diagonal = (part[..., free] for part in derivatives)
        jacobian = np.broadcast_to(g_rows, (problems, *g_rows.shape)).copy()
        jacobian[:, :with_loss, :inner] += coefficients @ gradient
        g = v @ g_rows.T - h
        g[:, :with_loss] += (coefficients @ loss[..., None])[..., 0]
        multiplier = weight + (y[:, None, :with_loss] @ coefficients)[:, 0]
        marginal = weight + ((y * counting)[:, None, :with_loss] @ coefficients)[:, 0]
        slope = np.broadcast_to(np.concatenate([np.zeros(inner), cost]), v.shape).copy()
        slope[:, :inner] += (weight[:, None] @ gradient)[:, 0]

        pull = (y[:, None] @ jacobian)[:, 0]
        stationarity = np.abs(slope + pull - z_low + z_high + nu * sums).max(axis=1)
        gap = np.concatenate([z_low * (v - lo), z_high * (hi - v), y * slack], axis=1)
        primal = np.abs(g + slack).max(axis=1, initial=0.0)
        kkt = np.maximum(np.maximum(stationarity, gap.max(axis=1)), primal)
        stalled = np.where(kkt < 0.9 * least, 0, stalled + 1)
        least = np.minimum(kkt, least)
        moving = ~((kkt < _TOLERANCE) | ((kkt < _CERTIFIED) & (stalled >= _PATIENCE)))
        if not moving.any():
            break

        size = len(lo)
        system = np.zeros((problems, size + len(kept) + 1, size + len(kept) + 1))
        hessian = system[:, :size, :size]
        hessian[:, :inner, :inner] = (factor * multiplier[..., None]).swapaxes(1, 2) @ factor
        condensed = jacobian[:, counting]
        hessian += (condensed * (y / slack)[:, counting, None]).swapaxes(1, 2) @ condensed
        flat = z_low / (v - lo) + z_high / (hi - v)
        flat[:, :inner] += (multiplier[:, None] @ diagonal)[:, 0]
        hessian[:, np.arange(size), np.arange(size)] += flat
        system[:, size:-1, :size] = jacobian[:, kept]
        system[:, :size, size:-1] = jacobian[:, kept].swapaxes(1, 2)
        system[:, size + own, size + own] = -slack[:, kept] / y[:, kept]
        system[:, -1, :size] = system[:, :size, -1] = sums
        system[:, -1, -1] = -no_sum
        push = np.where(counting, y + (mu + y * g) / slack, y)
        right = np.concatenate(
            [
                -(slope + (push[:, None] @ jacobian)[:, 0] + nu * sums - mu / (v - lo) + mu / (hi - v)),
                -(g + mu / y)[:, kept],
                total - v @ sums[:, None],
            ],
            axis=1,
        )
        step_all = np.linalg.solve(system, right[..., None])[..., 0]
        dv, d_nu = step_all[:, :size], step_all[:, -1:]
        along = (jacobian @ dv[..., None])[..., 0]
        d_slack = -g - slack - along
        d_y = (mu + y * (g + along)) / slack
        d_y[:, kept] = step_all[:, size:-1]
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
        y, nu = y + move * d_y, nu + move * d_nu
        # A product that rounds to 0 would end the search: problems without a solution drive slacks there.
        v = np.clip(v, np.nextafter(lo, hi) + _SMALLEST_SLACK, np.nextafter(hi, lo) - _SMALLEST_SLACK)
        slack = np.maximum(slack, _SMALLEST_SLACK)
        gap = np.concatenate([z_low * (v - lo), z_high * (hi - v), y * slack], axis=1)
        mu = np.where(step > 0.9, 0.05, 0.4) * gap.mean(axis=1, keepdims=True)
        # Below this the linear algebra loses more than the barrier costs.
        mu = np.maximum(mu, 0.2 * _TOLERANCE)
    full[:, free] = v[:, :inner]
    snapped = full.copy()
    snapped[:, free] = _at_bounds(v, lo, hi)[:, :inner]
    # Not where a loss has no finite value on the bound, as with own tokens of none.
    before = losses(full)[0]
    same = np.all(np.abs(losses(snapped)[0] - before) <= _SAME * np.abs(before), axis=1, keepdims=True)
    full = np.where(same, snapped, full)
    return Optimum(full, kkt, v[:, inner:], marginal * scale[:, None])


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
