"""The order of purchase: always what lowers the expected regret most per FLOP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.design._belief import Belief

Floats = NDArray[np.float64]

_AGAIN: Final = 48
_EVERY: Final = 16
"""Of the lazy search: candidates that are valued anew at each purchase; purchases between looks at all."""


class Purchase(NamedTuple):
    """One purchase.

    Attributes:
        candidate: its index.
        budgets: how many of its budgets are bought now, earlier ones included.
        extends: whether an earlier purchase trained the first part.
        flops: price of this purchase.
        regret: expected, relative, after it.
    """

    candidate: int
    budgets: int
    extends: bool
    flops: float
    regret: float


def purchases(belief: Belief, prices: Floats, *, budget: float) -> Iterator[Purchase]:
    """Purchases within a budget, one after the other, until nothing affordable helps.

    Buying more budgets of a run that is there already extends its trunk: only the rest is paid.

    Args:
        belief: responses and decision.
        prices: shape (C, B), FLOPs of each candidate up to each budget; infinite where there is none.
        budget: FLOPs.
    """
    rows, move = belief.responses.copy(), belief.decision.copy()
    root = np.tile(np.eye(rows.shape[-1]), (*rows.shape[:2], 1, 1))  # of the unknowns' covariance
    falls = np.empty((rows.shape[0], *prices.shape))
    bought = np.zeros(len(prices), dtype=int)
    paid = np.zeros(len(prices))
    spent = 0.0
    worth = np.zeros(prices.shape)
    turn = 0
    while True:
        # A run's worth falls as others are bought, nearly always: what was best a moment ago is looked at
        # again, and now and then everything, for the runs that others have made worth more.
        stale = np.argsort(-worth.max(axis=1))[:_AGAIN] if turn % _EVERY else np.arange(len(prices))
        falls[:, stale] = _falls(np.einsum("mtcbp,mtpq->mtcbq", rows[:, :, stale], root, optimize=True), move)
        left = local_regret(move)
        after = np.maximum(left[:, None, None] - falls, 0.0)
        fall = expected_regret(left, belief.ceiling) - expected_regret(after, belief.ceiling[:, None, None])
        cost = prices - paid[:, None]
        allowed = (np.arange(prices.shape[1]) >= bought[:, None]) & (spent + cost <= budget * (1 + 1e-9))
        worth = np.where(allowed & (fall > 0), fall / np.where(allowed, cost, 1.0), 0.0)
        best = stale[int(np.argmax(worth[stale].max(axis=1)))]
        candidate, last = int(best), int(np.argmax(worth[best]))
        if not worth[candidate, last] > 0:
            if turn % _EVERY == 0:
                return
            turn = 0
            continue
        for b in range(bought[candidate], last + 1):
            row = np.einsum("mtp,mtpq->mtq", rows[:, :, candidate, b], root)
            norm = (row**2).sum(axis=-1)
            # I - y y'/(1 + y'y) is the square of I - k y y', with k as here.
            k = np.where(norm > 0, (1 - 1 / np.sqrt(1 + norm)) / np.where(norm > 0, norm, 1.0), 0.0)
            root -= (k[..., None] * np.einsum("mtpq,mtq->mtp", root, row))[..., None] * row[:, :, None]
            move -= (k[..., None] * np.einsum("mtvq,mtq->mtv", move, row))[..., None] * row[:, :, None]
        rows[:, :, candidate, : last + 1] = 0.0
        price = float(cost[candidate, last])
        spent += price
        yield Purchase(
            candidate=candidate,
            budgets=last + 1,
            extends=bool(bought[candidate]),
            flops=price,
            regret=float(expected_regret(local_regret(move), belief.ceiling)),
        )
        bought[candidate], paid[candidate] = last + 1, prices[candidate, last]
        turn += 1


def local_regret(move: Floats) -> Floats:
    """Regret of each world, (M, T, V, Q) -> (M,), where the unknowns still have unit covariance."""
    total: Floats = (move**2).sum(axis=(1, 2, 3))
    return total


def expected_regret(local: Floats, ceiling: Floats) -> Floats:
    """Expected regret over worlds, (M, ...) -> (...): the local one, never above that of deciding blindly.

    Far from certainty the local form exceeds anything that a mixture can lose. The two join smoothly.
    """
    joined = np.where(np.isfinite(ceiling), local / (1 + local / ceiling), local)
    mean: Floats = joined.mean(axis=0)
    return mean


def _falls(rows: Floats, move: Floats) -> Floats:
    """By how much buying each candidate up to each budget lowers the local regret, shape (M, C, B).

    Sequential elimination of the rows of a candidate: the joint covariance of its checkpoints, once for all
    prefixes of its budgets.
    """
    count = rows.shape[-2]
    joint = np.matmul(rows, np.swapaxes(rows, -1, -2))  # (M, T, C, B, B)
    cross = np.einsum("mtcbq,mtvq->mtcbv", rows, move, optimize=True)
    found = np.zeros((*joint.shape[:3], count))
    for b in range(count):
        total = 1 + joint[..., b, b]
        found[..., b] = (cross[..., b, :] ** 2).sum(axis=-1) / total
        share = joint[..., b + 1 :, b] / total[..., None]
        cross[..., b + 1 :, :] -= share[..., None] * cross[..., b, None, :]
        joint[..., b + 1 :, b + 1 :] -= share[..., None] * joint[..., b, None, b + 1 :]
    falls: Floats = np.cumsum(found.sum(axis=1), axis=-1)
    return falls
