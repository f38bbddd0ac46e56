r"""The capacity-coupled law of Dai and Zheng 2026 (arXiv 2606.08167, equations 1 and 3).

    L_i(N, D, h) = E_i + c_i x_i*^-b_i + A_i (D h_i)^-a_i
    x* = argmin_x sum_i h_i c_i x_i^-b_i   subject to   sum_i x_i = N + (K - 1) H,   x_i >= H

A model of N parameters covers x_i of the skills of language i; the first H are shared by all K languages, the
others compete. So the loss of a language depends on the shares of all. In the optimum all languages above H
have the same marginal value mu of capacity:

    x_i = max(H, (h_i c_i b_i / mu)^(1 / (b_i + 1)))

Where N < H nothing is left to compete for: x_i = H.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEWTON: Final = 60


class Capacity(NamedTuple):
    """The capacity of each language and how it moves."""

    log_x: Floats
    """Shape (..., K)."""
    by_log_c: Floats
    """Derivatives of log x_i in log c_j, shape (..., K, K)."""
    by_log_b: Floats
    """In log b_j, shape (..., K, K)."""
    by_log_H: Floats
    """In log H, shape (..., K)."""


def share_capacity(h: Floats, size: Floats, log_c: Floats, log_b: Floats, log_H: Floats) -> Floats:
    """log x*, shape (..., K).

    Args:
        h: shares, shape (..., K); a language with 0 has x = H.
        size: N, shape (...).
        log_c, log_b: shape (..., K).
        log_H: shape (...).
    """
    b, H, count = np.exp(log_b), np.exp(log_H), h.shape[-1]
    wanted = np.log(h, out=np.full_like(h, -np.inf), where=h > 0) + log_c + log_b
    total = np.maximum(size, H) + (count - 1) * H
    # Newton's method for log mu from where one language alone would take all of N: the total capacity that is
    # asked for is convex and falls in log mu, so that the steps come from one side and never overshoot.
    log_mu = (wanted - (b + 1.0) * np.log(np.maximum(size, H))[..., None]).max(axis=-1)
    floor = log_H[..., None]
    for _ in range(_NEWTON):
        log_x = np.maximum(floor, (wanted - log_mu[..., None]) / (b + 1.0))
        x = np.exp(log_x)
        slope = (x / (b + 1.0) * (log_x > floor)).sum(axis=-1)
        excess = x.sum(axis=-1) - total
        if np.all(excess <= 1e-13 * total):
            break
        step = np.divide(excess, slope, out=np.zeros_like(excess), where=slope > 0)
        log_mu = log_mu + np.maximum(step, 0.0)
    found: Floats = np.maximum(floor, (wanted - log_mu[..., None]) / (b + 1.0))
    return found


def differentiate(h: Floats, size: Floats, log_c: Floats, log_b: Floats, log_H: Floats) -> Capacity:
    """x* and its derivatives, by the implicit function theorem on the conditions of the optimum.

    Arguments as of `share_capacity`.
    """
    log_x = share_capacity(h, size, log_c, log_b, log_H)
    b, H, x = np.exp(log_b), np.exp(log_H)[..., None], np.exp(log_x)
    active = log_x > log_H[..., None]
    rate = active / (b + 1.0)  # of log x_i, against log mu
    weight = x * rate
    total = np.maximum(weight.sum(axis=-1, keepdims=True), 1e-300)
    mu_by_log_c = weight / total
    by_log_b = 1.0 - b * log_x  # of (b + 1) log x, directly
    mu_by_log_b = mu_by_log_c * by_log_b
    # Capacity that H adds to all, less what languages at H take of it.
    mu_by_log_H = -(active.sum(axis=-1, keepdims=True) - 1.0) * H / total
    one = np.eye(h.shape[-1])
    return Capacity(
        log_x=log_x,
        by_log_c=rate[..., None] * (one - mu_by_log_c[..., None, :]),
        by_log_b=rate[..., None] * (one * by_log_b[..., None, :] - mu_by_log_b[..., None, :]),
        by_log_H=np.where(active, -rate * mu_by_log_H, 1.0),
    )
