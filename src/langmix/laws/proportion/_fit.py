"""Fitting the proportion law: exponents of each language alone, then A, B and gamma on the mean losses.

1. alpha_N, alpha_D and L_inf from the runs of one language, by the form ``chinchilla``.
2. tau from the synergy gains that are handed in.
3. A, B >= 0 and gamma on the mean losses sum_i p_i L_i of all usable checkpoints: given gamma the law is
   linear in A and B, so starts come from non-negative least squares along a grid of gamma, and are polished
   on the Huber loss of the log residuals.

Bootstrap draws take the exponents of a draw of step 1, and weights over runs of their own for step 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from langmix import _version
from langmix.errors import InputError
from langmix.laws._bootstrap import run_weights
from langmix.laws._choose import fit
from langmix.laws._fit import Status
from langmix.laws._laws import Provenance, check_positive
from langmix.laws._reach import Reach
from langmix.laws._robust import Model, Solution, dispersion, huber, minimise, threshold
from langmix.laws.proportion._equation import LEAST_FACTOR, Equation, pairing, weighted
from langmix.laws.proportion._law import ProportionLaw
from langmix.runs import FRESH, RunTable

Floats = NDArray[np.float64]

_NAMES: Final = ("A", "B", "gamma")
_LEAST_ROWS: Final = 6
_PILOT_DELTA: Final = 0.05
_GRID: Final = 41
_STARTS: Final = 3
_PHI: Final = 1e-4  # scales the objective: the polish ends where its fall is small against 1
_SMALLEST, _LARGEST = 1e-8, 1e3  # of the largest mean loss: bounds of A and B


_Exponents = dict[str, Floats]
"""alpha_N, alpha_D and L_inf, shape (..., K)."""


def fit_proportion(
    runs: RunTable,
    *,
    gains: pd.DataFrame | None,
    given: bool = False,
    draws: int = 200,
    seed: int = 0,
    delta: float | None = None,
    reference: tuple[float, float] | None = None,
) -> ProportionLaw:
    """Fit the proportion law; see the module's text. `langmix.fit` measures the gains by itself.

    Args:
        runs: the run table, with runs of every language alone.
        gains: synergy gains as parts (0.01 = 1%), target (index) by auxiliary (columns), NaN where unknown;
            ``None`` where no pair was trained: then tau is 0 and gamma is not in play.
        given: whether the gains are from elsewhere than these runs.
        draws: bootstrap draws over runs, for the intervals.
        seed: of the bootstrap.
        delta: Huber threshold on the log loss; by default set from the noise of the runs.
        reference: N0 and D0; by default the geometric means over the runs of one language, so that results
            do not depend on units.

    Raises:
        InputError: too few runs of a language alone, or gains that lack a language.
    """
    languages = tuple(name for name in runs.languages if name in runs.targets)
    if not languages:
        raise InputError(
            f"{runs.source}: no language has both share.<language> and loss.<language>; the proportion law "
            "predicts the mean loss of a mixture over its own languages"
        )
    singles = fit(runs.alone(languages), law="chinchilla", draws=draws, seed=seed, delta=delta)
    tau, unmeasured = _tau(gains, languages)
    n0, d0 = reference or (singles.best.reference_params, singles.best.reference_tokens)
    check_positive(reference_params=n0, reference_tokens=d0)
    table = _usable(runs, languages)
    problem = _Problem.of(table, languages, tau, (n0, d0))
    exponents, drawn = _exponents(singles.best.values), _exponents(singles.draws.values)
    solution, delta = _solve(problem, exponents, delta)
    theta = solution.theta[0]
    residual = problem.model(exponents)(theta[None])[0][0]
    reach = Reach.of(table)
    at_bound = problem.at_bound(theta)
    return ProportionLaw(
        languages=languages,
        best=problem.equation(exponents, theta),
        draws=problem.equation(drawn, _sample(problem, drawn, theta, delta, seed)),
        summaries=singles.summaries,
        status=_status(bool(solution.converged[0]), at_bound),
        at_bound=at_bound,
        synergy="none" if gains is None else "given" if given else "measured",
        unmeasured=unmeasured,
        notes=_notes(gains, given, problem),
        rows=len(table),
        noise=float(np.sqrt(dispersion(residual, delta, problem.free))),
        reach=Reach(params=reach.params, tokens=reach.tokens),
        provenance=Provenance(
            runs=runs.source,
            runs_sha256=runs.sha256,
            checkpoints=len(runs),
            langmix_version=_version.VERSION,
            seed=seed,
            tokenizer=singles.provenance.tokenizer,
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Problem:
    """The checkpoints of step 3 and its search space: log A, log B and, where in play, gamma times ``unit``.

    Attributes:
        params, tokens: shape (n,).
        shares: shape (n, K).
        loss: shape (n,), mean losses.
        run: shape (n,), index of the run of each row.
        tau: shape (K, K).
        reference: N0 and D0.
        unit: the largest |sum p_i p_j tau_ij|; 0 where gamma is not in play.
        lower, upper: shape (P,), the box.
    """

    params: Floats
    tokens: Floats
    shares: Floats
    loss: Floats
    run: NDArray[np.intp]
    tau: Floats
    reference: tuple[float, float]
    unit: float
    lower: Floats
    upper: Floats

    @classmethod
    def of(
        cls, table: RunTable, languages: tuple[str, ...], tau: Floats, reference: tuple[float, float]
    ) -> _Problem:
        order = np.lexsort((table.tokens, table.run))  # results do not depend on how the table is sorted
        shares = _of(table.shares, table.languages, languages)
        losses = _of(table.losses, table.targets, languages)
        means = np.where(shares > 0, shares * losses, 0.0).sum(axis=1)
        pairs = pairing(shares, tau)
        unit = float(np.abs(pairs).max())
        bounds = np.log([_SMALLEST * means.max(), _LARGEST * means.max()])
        low, high = [bounds[0]] * 2, [bounds[1]] * 2
        if unit > 0:
            # D_x stays between D / 100 and 100 D on every checkpoint.
            most, least = abs(max(pairs.max(), 0.0)) / unit, abs(min(pairs.min(), 0.0)) / unit
            down, up = 1 - LEAST_FACTOR, 1 / LEAST_FACTOR - 1
            with np.errstate(divide="ignore"):
                low.append(-min(np.divide(down, most), np.divide(up, least)))
                high.append(min(np.divide(up, most), np.divide(down, least)))
        return cls(
            params=table.params[order],
            tokens=table.tokens[order],
            shares=shares[order],
            loss=means[order],
            run=np.unique(table.run, return_inverse=True)[1][order],
            tau=tau,
            reference=reference,
            unit=unit,
            lower=np.array(low),
            upper=np.array(high),
        )

    @property
    def free(self) -> int:
        """P."""
        return len(self.lower)

    def equation(self, exponents: _Exponents, theta: Floats) -> Equation:
        """The law at theta, shape (..., P)."""
        gamma = theta[..., 2] / self.unit if self.unit > 0 else np.zeros(theta.shape[:-1])
        return Equation(
            **exponents,
            A=np.exp(theta[..., 0]),
            B=np.exp(theta[..., 1]),
            gamma=gamma,
            tau=self.tau,
            reference_params=self.reference[0],
            reference_tokens=self.reference[1],
        )

    def terms(self, exponents: _Exponents, theta: Floats) -> tuple[Equation, tuple[Floats, Floats, Floats]]:
        """The law at theta, shape (S, P), and its terms at the checkpoints, shape (S, n) or (n,)."""
        law = self.equation(exponents, theta[:, None, :])
        return law, law.terms(self.params, self.tokens, self.shares)

    def model(self, exponents: _Exponents) -> Model:
        """Residuals of the log losses and their Jacobian, for exponents of one fit."""
        alpha_D, pairs = weighted(exponents["alpha_D"], self.shares), pairing(self.shares, self.tau)

        def residuals(theta: Floats) -> tuple[Floats, Floats]:
            law, (size, data, floor) = self.terms(exponents, theta)
            by_size, by_data = law.A * size, law.B * data
            predicted = by_size + by_data + floor
            columns = [by_size, by_data]
            if self.unit > 0:
                columns.append(-alpha_D * by_data * (pairs / self.unit) / law.factor(self.shares))
            return np.log(predicted / self.loss), np.stack([c / predicted for c in columns], axis=-1)

        return residuals

    def at_bound(self, theta: Floats) -> tuple[str, ...]:
        """Names of the numbers at a bound of the search."""
        reached = (theta <= self.lower + 1e-6) | (theta >= self.upper - 1e-6)
        return tuple(name for name, at in zip(_NAMES, reached, strict=False) if at)


def _solve(problem: _Problem, exponents: _Exponents, delta: float | None) -> tuple[Solution, float]:
    """The best fit as a batch of one, and the Huber threshold."""
    starts = _starts(problem, exponents)
    if delta is None:
        pilot = _polish(problem, exponents, starts, delta=_PILOT_DELTA)
        residual, _ = problem.model(exponents)(pilot.theta)
        delta = threshold(residual[0], problem.free)
        starts = np.vstack([pilot.theta, starts])
    return _polish(problem, exponents, starts, delta=delta), delta


def _starts(problem: _Problem, exponents: _Exponents) -> Floats:
    """The best points along a grid of gamma, A and B by non-negative least squares on relative residuals."""
    grid = np.zeros((1, 2))
    if problem.unit > 0:
        factors = np.geomspace(LEAST_FACTOR, 1 / LEAST_FACTOR, _GRID) - 1
        sign = 1.0 if problem.upper[2] > -problem.lower[2] else -1.0
        at = np.clip(np.append(sign * factors, 0.0), problem.lower[2], problem.upper[2])
        grid = np.column_stack([np.zeros((len(at), 2)), at])
    points = np.array([_projected(problem, exponents, point) for point in grid])
    residual, _ = problem.model(exponents)(points)
    order = np.argsort(huber(residual, _PILOT_DELTA).sum(axis=1), kind="stable")
    return points[order[:_STARTS]]


def _projected(problem: _Problem, exponents: _Exponents, point: Floats) -> Floats:
    """The point with the best A and B for its gamma."""
    _, (size, data, floor) = problem.terms(exponents, point[None])
    matrix = np.column_stack([np.ravel(size), np.ravel(data)]) / problem.loss[:, None]
    found, _ = nnls(matrix, 1 - floor / problem.loss)
    logs = np.log(np.maximum(found, 1e-300))
    return np.append(np.clip(logs, problem.lower[:2], problem.upper[:2]), point[2:])


def _polish(problem: _Problem, exponents: _Exponents, starts: Floats, *, delta: float) -> Solution:
    ends = _minimise(problem, exponents, starts, np.ones((len(starts), len(problem.loss))), delta)
    best = int(np.argmin(ends.objective))
    one = slice(best, best + 1)
    return Solution(ends.theta[one], ends.objective[one], ends.converged[one])


def _sample(problem: _Problem, drawn: _Exponents, theta: Floats, delta: float, seed: int) -> Floats:
    """Bootstrap draws of theta, shape (S, P): as many as there are draws of the exponents."""
    count = len(drawn["L_inf"])
    weights = run_weights(problem.run, problem.free, count, seed)
    found = np.empty((count, problem.free))
    for s in range(count):
        exponents = {name: values[s] for name, values in drawn.items()}
        found[s] = _minimise(problem, exponents, theta[None], weights[s : s + 1], delta).theta[0]
    return found


def _minimise(
    problem: _Problem, exponents: _Exponents, starts: Floats, weights: Floats, delta: float
) -> Solution:
    return minimise(
        problem.model(exponents),
        starts,
        weights=weights,
        delta=delta,
        phi=_PHI,
        centre=np.zeros_like(starts),
        precision=np.zeros((problem.free, problem.free)),
        lower=problem.lower,
        upper=problem.upper,
        tolerance=1e-10,
    )


def _status(converged: bool, at_bound: tuple[str, ...]) -> Status:
    if not converged:
        return Status.NOT_CONVERGED
    return Status.BOUND_HIT if at_bound else Status.CONVERGED


def _exponents(values: Mapping[str, Floats]) -> _Exponents:
    return {"alpha_N": values["alpha"], "alpha_D": values["beta"], "L_inf": values["E"]}


def _usable(runs: RunTable, languages: tuple[str, ...]) -> RunTable:
    """Checkpoints whose mean loss is known and whose data did not repeat: the law has no term for that."""
    shares = _of(runs.shares, runs.languages, languages)
    losses = _of(runs.losses, runs.targets, languages)
    known = (np.isfinite(losses) | (shares == 0)).all(axis=1) & (shares.sum(axis=1) > 1 - 1e-9)
    fresh = (runs.shares * runs.tokens[:, None] <= FRESH * runs.unique).all(axis=1)
    usable = known & fresh
    if usable.sum() < _LEAST_ROWS:
        raise InputError(
            f"{runs.source}: {usable.sum()} checkpoints are usable for the proportion law, which needs at "
            f"least {_LEAST_ROWS}: {int((~known).sum())} lack a loss of a language that they trained on, and "
            f"{int((known & ~fresh).sum())} repeated their data, for which the law has no term"
        )
    return runs.select(usable)


def _tau(
    gains: pd.DataFrame | None, languages: tuple[str, ...]
) -> tuple[Floats, tuple[tuple[str, str], ...]]:
    """tau, shape (K, K), and the pairs (target, auxiliary) that are not known."""
    count = len(languages)
    if gains is None:
        return np.zeros((count, count)), ()
    for name in languages:
        if name not in gains.index or name not in gains.columns:
            raise InputError(
                f"synergy: has no {name!r}, which the runs train on; expected a row and a column each for "
                f"{', '.join(languages)}"
            )
    tau = gains.loc[list(languages), list(languages)].to_numpy(dtype=float, copy=True)
    np.fill_diagonal(tau, 0.0)
    unknown = tuple((languages[i], languages[j]) for i, j in zip(*np.nonzero(~np.isfinite(tau)), strict=True))
    return np.where(np.isfinite(tau), tau, 0.0), unknown


def _notes(gains: pd.DataFrame | None, given: bool, problem: _Problem) -> tuple[str, ...]:
    if gains is None:
        return (
            "no two languages were trained together beside one of them twice: tau is 0 and gamma not in play",
        )
    found = ["tau is given, not measured on these runs"] if given else []
    if problem.unit == 0:
        found.append("no usable run mixes languages of known synergy: gamma is not in play, and 0")
    return tuple(found)


def _of(values: Floats, names: tuple[str, ...], languages: tuple[str, ...]) -> Floats:
    """The columns of some languages."""
    return values[:, [names.index(name) for name in languages]]
