"""Fitting the effective-token law to the checkpoints of one target.

Given the exponents and tau the law is linear in E, A, B, S >= 0, so starts come from variable projection:
non-negative least squares inside a coarse search over the nonlinear parameters. The best starts are polished
together on the true objective (Huber on the log loss, plus the prior on what runs may not identify).

Priors, stated: log tau ~ Normal(log 0.1, 1.5); log R ~ Normal(log 15.4, 1), from the constant of Muennighoff
et al. 2023; log sigma ~ Normal(log 0.3, 0.7), the range of published data exponents. They act where runs say
little; `Status.ILL_CONDITIONED` names where they rule.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from langmix.laws._effective import Coefficients, repeated_tokens
from langmix.laws._robust import Model, Solution, huber, minimise

Floats = NDArray[np.float64]

TAU_PRIOR: Final = (math.log(0.1), 1.5)
R_PRIOR: Final = (math.log(15.4), 1.0)
SIGMA_PRIOR: Final = (math.log(0.3), 0.7)
_FIXED_NAMES: Final = ("E", "A", "alpha", "B", "beta", "R", "S", "sigma")
_FIXED: Final = len(_FIXED_NAMES)
_TINY: Final = 1e-7
_STARTS: Final = 6
_PILOT_PHI: Final = 0.02**2
_GAUSSIAN_EFFICIENCY: Final = 1.345
"""Huber's constant: 95% of the efficiency of least squares on Gaussian noise (Huber 1964)."""


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
class Problem:
    """The checkpoints of one target, in reference units.

    Attributes:
        target: its name.
        own: index of the source whose tau is fixed at 1.
        params: shape (n,), N / N0.
        tokens: shape (n, K), tokens of each source / D0.
        unique: shape (n, K), distinct tokens / D0, infinite where unlimited.
        loss: shape (n,), nats per token.
        run: shape (n,), index of the run of each row.
        transfer: whether other sources count (tau free) or not (tau = 0).
        specific: whether there is a term that only own tokens lower (S free) or not (S = 0).
    """

    target: str
    own: int
    params: Floats
    tokens: Floats
    unique: Floats
    loss: Floats
    run: NDArray[np.intp]
    transfer: bool
    specific: bool

    @property
    def sources(self) -> int:
        """K."""
        return int(self.tokens.shape[1])

    @property
    def others(self) -> NDArray[np.intp]:
        """Indices of the sources with a free tau."""
        if not self.transfer:
            return np.array([], dtype=np.intp)
        return np.delete(np.arange(self.sources), self.own)

    @property
    def repeats(self) -> bool:
        """Whether any run repeated its data: otherwise R is not in play."""
        return bool((self.tokens > self.unique).any())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters of the search, all in logarithms."""
        return (*_FIXED_NAMES, *(f"tau[{j}]" for j in self.others))


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
    tolerance: float = 1e-7,
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
    model = _model(problem)
    lower, upper = _box(problem)
    centre, precision = _prior(problem)
    ones = np.ones(len(problem.loss))

    def search(start: Floats, weights: Floats, centres: Floats, threshold: float, phi: float) -> Solution:
        return minimise(
            model,
            start,
            weights=weights,
            delta=threshold,
            phi=phi,
            centre=centres,
            precision=precision,
            lower=lower,
            upper=upper,
            tolerance=tolerance,
        )

    def from_all(start: Floats, threshold: float, phi: float) -> tuple[Floats, bool]:
        many = search(start, np.tile(ones, (len(start), 1)), np.tile(centre, (len(start), 1)), threshold, phi)
        winner = int(np.argmin(many.objective))
        return many.theta[winner], bool(many.converged[winner])

    starts = _starts(problem)
    theta, _ = from_all(starts, delta or 0.05, _PILOT_PHI)
    residual = model(theta[None])[0][0]
    scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-6)
    threshold = delta if delta is not None else _GAUSSIAN_EFFICIENCY * scale
    phi = _dispersion(residual, threshold, len(theta))
    theta, converged = from_all(np.vstack([theta, starts]), threshold, phi)
    residual = model(theta[None])[0][0]
    phi = _dispersion(residual, threshold, len(theta))

    sampled = np.empty((0, len(theta)))
    if draws:
        effective = _effective_parameters(model(theta[None])[1][0], phi, precision)
        weights, centres = _bootstrap(problem, draws, centre, precision, effective, rng)
        sampled = search(np.tile(theta, (draws, 1)), weights, centres, threshold, phi).theta
    unidentified = _unidentified(problem, model, theta, phi, precision)
    at_bound = tuple(
        name
        for name, t, low, high in zip(problem.names, theta, lower, upper, strict=True)
        if high - low > 1e-9 and (t <= low + 1e-6 or t >= high - 1e-6)
    )
    return TargetFit(
        target=problem.target,
        status=_status(converged, at_bound, unidentified),
        best=_coefficients(problem, theta, reference),
        draws=_coefficients(problem, sampled, reference),
        phi=phi,
        delta=threshold,
        objective=float(huber(residual, threshold).sum()),
        rows=len(problem.loss),
        unidentified=unidentified,
        at_bound=at_bound,
    )


def _status(converged: bool, at_bound: tuple[str, ...], unidentified: tuple[str, ...]) -> Status:
    if not converged:
        return Status.NOT_CONVERGED
    if any(not name.startswith("tau") for name in at_bound):
        return Status.BOUND_HIT
    return Status.ILL_CONDITIONED if unidentified else Status.CONVERGED


def _model(problem: Problem) -> Model:
    log_loss, log_params = np.log(problem.loss), np.log(problem.params)
    others, own = problem.others, problem.own

    def evaluate(theta: Floats) -> tuple[Floats, Floats]:
        E, A, alpha, B, beta, R, S, sigma = np.exp(theta[:, :_FIXED, None]).transpose(1, 0, 2)
        tau = np.zeros((len(theta), 1, problem.sources))
        tau[:, 0, own] = 1.0
        tau[:, 0, others] = np.exp(theta[:, _FIXED:])
        if problem.repeats:
            worth, by_R = _worth_and_slope(problem, R[..., None])
        else:
            worth, by_R = problem.tokens[None], np.zeros((1, 1, problem.sources))
        x = (tau * worth).sum(axis=-1)
        log_x = np.log(np.maximum(x, 1e-300))
        by_params, by_tokens = A * np.exp(-alpha * log_params), B * np.exp(-beta * log_x)
        log_y = np.log(np.maximum(worth[..., own], 1e-300))
        by_own = S * np.exp(-sigma * log_y) if problem.specific else np.zeros_like(by_tokens)
        loss = E + by_params + by_tokens + by_own
        jacobian = np.empty((*loss.shape, theta.shape[1]))
        jacobian[..., 0] = E
        jacobian[..., 1] = by_params
        jacobian[..., 2] = -by_params * alpha * log_params
        jacobian[..., 3] = by_tokens
        jacobian[..., 4] = -by_tokens * beta * log_x
        by_x = -beta * by_tokens / np.maximum(x, 1e-300)
        by_y = -sigma * by_own / np.maximum(worth[..., own], 1e-300)
        jacobian[..., 5] = (by_x * (tau * by_R).sum(axis=-1) + by_y * by_R[..., own]) * R
        jacobian[..., 6] = by_own
        jacobian[..., 7] = -by_own * sigma * log_y
        jacobian[..., _FIXED:] = by_x[..., None] * (tau * worth)[..., others]
        return np.log(loss) - log_loss, jacobian / loss[..., None]

    return evaluate


def _worth_and_slope(problem: Problem, R: Floats) -> tuple[Floats, Floats]:
    """Worth of the (repeated) tokens, shape (S, n, K), and its derivative in R."""
    worth, slope, _ = repeated_tokens(problem.tokens[None], problem.unique[None], R)
    repeating = slope < 1.0
    supply = np.where(np.isfinite(problem.unique), problem.unique, 0.0)
    beyond = -np.log(slope) * R  # epochs after the first
    return worth, np.where(repeating, supply * (1.0 - slope * (1.0 + beyond / R)), 0.0)


def _box(problem: Problem) -> tuple[Floats, Floats]:
    smallest = float(problem.loss.min())
    low = [math.log(_TINY * smallest)] * 2 + [math.log(0.02), math.log(_TINY * smallest), math.log(0.02)]
    high = [
        math.log(smallest),
        math.log(1e3 * smallest),
        math.log(4.0),
        math.log(1e3 * smallest),
        math.log(4.0),
    ]
    if np.ptp(np.log(problem.params)) < 1e-6:  # one size: its term is part of E
        low[1] = high[1] = math.log(_TINY * smallest)
        low[2] = high[2] = math.log(0.5)
    low += [math.log(0.05) if problem.repeats else R_PRIOR[0]]
    high += [math.log(1e3) if problem.repeats else R_PRIOR[0]]
    if problem.specific:
        low += [math.log(_TINY * smallest), math.log(0.02)]
        high += [math.log(1e3 * smallest), math.log(4.0)]
    else:
        low += [math.log(_TINY * smallest), SIGMA_PRIOR[0]]
        high += [math.log(_TINY * smallest), SIGMA_PRIOR[0]]
    taus = len(problem.others)
    return np.array(low + [math.log(1e-5)] * taus), np.array(high + [math.log(10.0)] * taus)


def _prior(problem: Problem) -> tuple[Floats, Floats]:
    taus = len(problem.others)
    centre = np.array([0.0] * 5 + [R_PRIOR[0], 0.0, SIGMA_PRIOR[0]] + [TAU_PRIOR[0]] * taus)
    precision = np.array(
        [0.0] * 5 + [R_PRIOR[1] ** -2, 0.0, SIGMA_PRIOR[1] ** -2] + [TAU_PRIOR[1] ** -2] * taus
    )
    return centre, precision


def _starts(problem: Problem) -> Floats:
    """The best points of a coarse search: E, A, B, S by non-negative least squares on relative errors."""
    lower, upper = _box(problem)
    exponents = (0.15, 0.35, 0.7, 1.3)
    alphas = exponents if upper[2] > lower[2] else (math.exp(lower[2]),)
    taus = (0.02, 0.1, 0.4) if len(problem.others) else (1.0,)
    worth, _ = _worth_and_slope(problem, np.full((1, 1, 1), math.exp(R_PRIOR[0])))
    found: list[tuple[float, Floats]] = []
    for alpha, beta, tau in itertools.product(alphas, exponents, taus):
        weight = np.zeros(problem.sources)
        weight[problem.others], weight[problem.own] = tau, 1.0
        x = np.maximum(worth[0] @ weight, 1e-300)
        y = np.maximum(worth[0][:, problem.own], 1e-300)
        columns = np.column_stack(
            [np.ones_like(x), problem.params**-alpha, x**-beta, y ** -math.exp(SIGMA_PRIOR[0])]
        )
        columns /= problem.loss[:, None]
        if upper[1] <= lower[1]:
            columns[:, 1] = 0.0
        if not problem.specific:
            columns[:, 3] = 0.0
        linear, misfit = nnls(columns, np.ones_like(x))
        # A term of nothing could not grow again: its derivative in the logarithm is nothing too.
        linear = np.maximum(linear, [_TINY, _TINY, _TINY, 0.05 * problem.loss.min()])
        logs = np.log(linear)
        theta = [logs[0], logs[1], math.log(alpha), logs[2], math.log(beta), R_PRIOR[0]]
        theta += [logs[3], SIGMA_PRIOR[0]]
        theta += [math.log(tau)] * len(problem.others)
        found.append((float(misfit), np.clip(np.array(theta), lower, upper)))
    found.sort(key=lambda item: item[0])
    return np.array([theta for _, theta in found[:_STARTS]])


def _dispersion(residual: Floats, delta: float, parameters: int) -> float:
    """Twice the mean Huber loss per degree of freedom: the variance where the noise is Gaussian."""
    freedom = max(len(residual) - parameters, 1)
    return max(2.0 * float(huber(residual, delta).sum()) / freedom, 1e-12)


def _bootstrap(
    problem: Problem,
    draws: int,
    centre: Floats,
    precision: Floats,
    effective: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Row weights and prior centres of the draws.

    The Bayesian bootstrap over runs (Rubin 1981): a weight of mean 1 per run, so that no draw loses a
    language outright. Residuals of a fit with P parameters are smaller than the noise, most of all where runs
    are few: the variance of the weights is that of cluster-robust errors, G / (G - 1) (n - 1) / (n - P) for n
    rows of G runs (Cameron & Miller 2015), in place of 1. The prior's centre is drawn too, so that what only
    the prior knows stays uncertain.
    """
    rows, runs = len(problem.loss), len(np.unique(problem.run))
    variance = max(runs / max(runs - 1, 1) * (rows - 1) / max(rows - effective, 1.0), 1.0)
    by_run = rng.gamma(1 / variance, variance, size=(draws, int(problem.run.max()) + 1))
    deviation = np.divide(1.0, np.sqrt(precision), out=np.zeros_like(precision), where=precision > 0)
    return by_run[:, problem.run], centre + deviation * rng.standard_normal((draws, len(centre)))


def _effective_parameters(jacobian: Floats, phi: float, precision: Floats) -> float:
    """Parameters that the runs determine, the others being the prior's: between 0 and P."""
    data = jacobian.T @ jacobian / phi
    return float(np.trace(data @ np.linalg.pinv(data + np.diag(precision), hermitian=True)))


def _unidentified(
    problem: Problem, model: Model, theta: Floats, phi: float, precision: Floats
) -> tuple[str, ...]:
    """Parameters whose uncertainty (Laplace) is above 80% of the prior's: the runs add next to nothing."""
    jacobian = model(theta[None])[1][0]
    information = jacobian.T @ jacobian / phi + np.diag(precision)
    variance = np.diag(np.linalg.pinv(information, hermitian=True))
    ruled = (precision > 0) & (variance * precision > 0.8**2)
    if not problem.repeats:
        ruled[5] = False
    if not problem.specific:
        ruled[7] = False
    return tuple(name for name, bad in zip(problem.names, ruled, strict=True) if bad)


def _coefficients(problem: Problem, theta: Floats, reference: tuple[float, float]) -> Coefficients:
    values = np.exp(theta)
    tau = np.zeros((*theta.shape[:-1], 1, problem.sources))
    tau[..., 0, problem.own] = 1.0
    tau[..., 0, problem.others] = values[..., _FIXED:]
    parts = {name: values[..., k : k + 1] for k, name in enumerate(_FIXED_NAMES)}
    if not problem.specific:
        parts["S"] = np.zeros_like(parts["S"])
    return Coefficients(
        **parts,
        tau=tau,
        own=np.array([problem.own]),
        reference_params=reference[0],
        reference_tokens=reference[1],
    )
