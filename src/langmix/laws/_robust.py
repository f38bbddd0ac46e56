"""Robust nonlinear least squares, many problems at once.

Minimises, for every member s of a batch,

    sum_n w_sn huber_delta(r_sn(theta_s)) / phi + 1/2 (theta_s - centre_s)^T precision (theta_s - centre_s)

by Levenberg-Marquardt steps on the iteratively reweighted problem, clipped to a box; a step is accepted only
where it lowers the true objective. The batch holds the starts of one fit, or the bootstrap draws of it: the
same few array operations serve hundreds of fits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import erf, erfc

Floats = NDArray[np.float64]
Model = Callable[[Floats], tuple[Floats, Floats]]
"""theta, shape (S, P) -> residuals, shape (S, n), and their Jacobian, shape (S, n, P)."""

_BEYOND: Final = 0.3
"""Part of the curvature of Huber's weights that residuals beyond the threshold count with. With all of it the
weights majorise the loss and steps are short; the true curvature there is 0. Half as many steps."""
_GAUSSIAN_EFFICIENCY: Final = 1.345
"""Huber's constant: 95% of the efficiency of least squares on Gaussian noise (Huber 1964)."""


def huber(residual: Floats, delta: float) -> Floats:
    """The loss of Huber 1964: quadratic up to ``delta``, linear beyond."""
    size = np.abs(residual)
    return np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))


def threshold(residual: Floats, effective: float) -> float:
    """The Huber threshold that suits the noise of a pilot fit with ``effective`` parameters."""
    scale = 1.4826 * float(np.median(np.abs(residual)))
    # Residuals are smaller than the noise by what the fit has taken of it.
    freedom = max(len(residual) - effective, 0.25 * len(residual))
    return _GAUSSIAN_EFFICIENCY * max(scale * float(np.sqrt(len(residual) / freedom)), 1e-6)


def dispersion(residual: Floats, delta: float, effective: float) -> float:
    """The variance of the noise, were it Gaussian, that gives this mean Huber loss, per degree of freedom.

    Parameters that the prior rules take no degree of freedom; a quarter of the rows is left in any case.
    """
    freedom = max(len(residual) - effective, 0.25 * len(residual))
    mean = 2.0 * float(huber(residual, delta).mean())
    if mean < 1e-12:
        return 1e-12
    root = float(np.sqrt(mean))
    scale = brentq(
        lambda s: s**2 * _huber_part(delta / s) / mean - 1, root / 2, 2 * (root + mean / delta + delta)
    )
    return float(scale) ** 2 * len(residual) / freedom


def _huber_part(k: float) -> float:
    """Twice the mean Huber loss of standard Gaussian noise with threshold k: 1 for a large one."""
    density = np.exp(-0.5 * k**2) / np.sqrt(2 * np.pi)
    return float(erf(k / np.sqrt(2)) + 2 * k * density - k**2 * erfc(k / np.sqrt(2)))


class Solution(NamedTuple):
    """Where every member of the batch ended."""

    theta: Floats
    """Shape (S, P)."""
    objective: Floats
    """Shape (S,)."""
    converged: NDArray[np.bool_]
    """Shape (S,): whether the last accepted step was negligible."""


def minimise(
    model: Model,
    start: Floats,
    *,
    weights: Floats,
    delta: float,
    phi: float,
    centre: Floats,
    precision: Floats,
    lower: Floats,
    upper: Floats,
    max_iterations: int = 1000,
    tolerance: float = 1e-7,
) -> Solution:
    """Run the batch until every member has converged.

    Args:
        model: residuals and Jacobian.
        start: shape (S, P).
        weights: shape (S, n), >= 0; 0 leaves a row out.
        delta: where the Huber loss becomes linear, in units of the residual.
        phi: dispersion of the residuals (their variance, for Gaussian noise).
        centre: shape (S, P), the prior's centre.
        precision: shape (P, P), the prior's precision; 0 where there is none.
        lower, upper: shape (P,), the box.
        max_iterations: steps tried per member.
        tolerance: a relative fall of the objective below which a member has converged.
    """

    def objective(residual: Floats, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        off = theta - centre[rows]
        penalty = 0.5 * ((off @ precision) * off).sum(axis=1)
        total: Floats = (weights[rows] * huber(residual, delta)).sum(axis=1) / phi + penalty
        return np.where(np.isfinite(total), total, np.inf)

    def evaluated(theta: Floats) -> tuple[Floats, Floats]:
        # A step too far overflows: its objective is infinite, and it is not taken.
        with np.errstate(over="ignore", invalid="ignore"):
            return model(theta)

    theta = np.clip(start, lower, upper)
    everyone = np.arange(len(theta))
    residual, jacobian = evaluated(theta)
    value = objective(residual, theta, everyone)
    damping = np.full(len(theta), 1e-2)
    settled = np.zeros(len(theta), dtype=np.int64)
    for _ in range(max_iterations):
        active = np.flatnonzero((settled < 2) & (damping < 1e12))
        if len(active) == 0:
            break
        r, J, t = residual[active], jacobian[active], theta[active]
        irls = weights[active] * np.minimum(1.0, delta / np.maximum(np.abs(r), 1e-300)) / phi
        weighted = J * irls[..., None]
        curved = np.where(np.abs(r) <= delta, irls, _BEYOND * irls)
        normal = J.transpose(0, 2, 1) @ (J * curved[..., None]) + precision
        gradient = (weighted * r[..., None]).sum(axis=1) + (t - centre[active]) @ precision
        diagonal = np.einsum("spp->sp", normal)
        # A parameter at its bound, pushed outwards, is held there: otherwise it stalls all the others.
        held = ((t <= lower) & (gradient > 0)) | ((t >= upper) & (gradient < 0))
        normal = np.where(held[:, :, None] | held[:, None, :], 0.0, normal)
        scale = damping[active, None] * np.maximum(diagonal, 1e-8)
        normal = normal + np.where(held, 1.0, scale)[:, :, None] * np.eye(theta.shape[1])
        step = -np.linalg.solve(normal, np.where(held, 0.0, gradient)[..., None])[..., 0]
        proposal = np.clip(t + np.clip(step, -2.0, 2.0), lower, upper)
        new_residual, new_jacobian = evaluated(proposal)
        new_value = objective(new_residual, proposal, active)
        better = new_value <= value[active]
        taken = active[better]
        fall = (value[active] - new_value)[better]
        negligible = fall <= tolerance * np.maximum(1.0, np.abs(value[taken]))
        settled[taken] = np.where(negligible, settled[taken] + 1, 0)
        theta[taken], value[taken] = proposal[better], new_value[better]
        residual[taken], jacobian[taken] = new_residual[better], new_jacobian[better]
        damping[taken] = np.maximum(damping[taken] / 5.0, 1e-9)
        damping[active[~better]] *= 4.0
    return Solution(theta, value, (settled >= 2) | (damping >= 1e12))
