r"""What runs would tell about the decision: their responses and the decision's, in one space of unknowns.

The decision is the mixture p that minimises O(p) = sum_t w_t L_t(p) at the planned N and D. Where an
unknown z (standard normal) shifts the gradient of the loss of target t by G_t z, the optimum moves by
-H^-1 sum_t w_t G_t z. Deciding without knowing z costs one half of that move squared in the metric H, the
Hessian of O on the free shares, of sum 0. So the expected regret is ``sum_t |F_t S_t^(1/2)|^2`` with
F_t = H^(-1/2) w_t G_t / sqrt(2) and S_t the covariance of the unknowns given the runs: Bayesian L-optimal
design (Chaloner & Verdinelli 1995), the local form of the mean objective cost of uncertainty (Boluki, Qian &
Dougherty 2018, arXiv 1805.01143).

Two beliefs share this form. From a prior: the unknowns are the parameters of the law in units of the prior,
linearised around M laws drawn from it (pseudo-Bayesian design). From fitted laws: the unknowns span the
bootstrap draws (the ensemble Kalman view: no parameter is looked at, so every form of law will do), and the
regret before any further run is that of the draws themselves, without linearisation. To it comes that of a
drift of the data terms with N, which no law has.

Shape letters: M worlds, T targets, C candidates, B budgets of a candidate, K languages, V = K - 1 directions
of the decision, Q unknowns of one target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.allocate import Losses, Problem, allocate
from langmix.design._candidates import Candidate
from langmix.design._prior import Prior
from langmix.errors import InputError
from langmix.laws import Laws

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Derivatives = tuple[Floats, Floats, Floats, Floats]

SHARED_NOISE: Final = 0.25
"""Part of a checkpoint's noise variance that all branches of its trunk share: 0.31 between the budgets of the
runs of studies/seven-languages that were repeated under three seeds, 0.26 in an earlier study."""

_LEAST_DRAWS: Final = 30
_SHOWN: Final = 0.1
"""Fisher information, all candidates together, above which an unknown counts as one that runs can show."""
_ENDLESS: Final = 1e20
"""Times as many tokens leave nothing of a data term."""
_AT_BOUND: Final = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Belief:
    """Responses of candidates and decision to the unknowns.

    Attributes:
        responses: shape (M, T, C, B, Q), of the log losses in standard deviations of the noise, made
            independent along the budgets; 0 where a checkpoint does not exist or its loss is not fitted.
        decision: shape (M, T, V, Q): F.
        ceiling: shape (M,), the regret of the best mixture that is chosen without any run; infinite where
            ``decision`` accounts for it.

    Regrets are relative to the objective at its optimum.
    """

    responses: Floats
    decision: Floats
    ceiling: Floats


def from_prior(
    prior: Prior,
    pool: Sequence[Candidate],
    *,
    languages: Sequence[str],
    params: float,
    tokens: float,
    weights: Floats,
    supply: Floats,
    noise: float,
    worlds: int,
    seed: int,
) -> Belief:
    """The belief of somebody without runs.

    Args:
        prior: over the laws.
        pool: candidates.
        languages: K names; also the targets.
        params, tokens: of the planned training run.
        weights: shape (T,), of the losses in the objective.
        supply: shape (K,), distinct tokens of the planned run.
        noise: relative standard deviation of a measured loss.
        worlds: M.
        seed: of the draws.
    """
    count = len(languages)
    middle = (
        float(np.exp(np.mean([np.log(c.params) for c in pool]))),
        float(np.exp(np.mean([np.log(b) for c in pool for b in c.run.budgets]))),
    )
    drawn = prior.draw(worlds, count, np.random.default_rng(seed), middle=middle)

    def losses(p: Floats) -> Derivatives:
        return drawn.derivatives(params, tokens, p, supply)

    def together(p: Floats) -> Derivatives:
        """All worlds as one problem: the targets of every world side by side."""
        loss, *rest = losses(p)
        gradient, factor, diagonal = (part.reshape(1, worlds * count, count) for part in rest)
        return loss.reshape(1, -1), gradient, factor, diagonal

    ones = np.ones(count)
    best = _optima(losses, np.tile(weights, (worlds, 1)), 0 * ones, ones)
    blind = _optima(together, np.tile(weights, worlds)[None], 0 * ones, ones)
    loss, _, factor, diagonal = losses(best)
    value = loss @ weights
    slopes = drawn.gradient_slopes(params, tokens, best, supply)
    decision = [
        _decision(slopes[m], weights, factor[m], diagonal[m], free=best[m] > _AT_BOUND) / np.sqrt(value[m])
        for m in range(worlds)
    ]
    raw = _rows(
        pool,
        lambda c, budget: drawn.log_loss_slopes(
            c.params, budget, c.share_vector(languages), c.supply_vector(languages)
        ),
    )
    return Belief(
        responses=_independent(raw / noise) * _fitted(pool, languages)[None, ..., None, None],
        decision=np.stack(decision),
        ceiling=np.maximum((losses(blind)[0] @ weights - value) / value, 1e-12),
    )


def from_laws(
    laws: Laws,
    pool: Sequence[Candidate],
    *,
    params: float,
    tokens: float,
    weights: Mapping[str, float] | None,
    available: Mapping[str, float] | None,
    noise: float | None,
    drift: float,
) -> Belief:
    """The belief that fitted laws leave: their bootstrap draws, and the noise that their fits found.

    One more unknown per target stands for what the form of the law leaves out: a factor (N / N0)^drift on its
    data term (what more tokens could still take away), N0 being the middle of the runs so far.

    Args:
        laws: with at least 30 draws.
        pool: candidates.
        params, tokens, weights, available: of the planned training run, as in `langmix.allocate`.
        noise: relative standard deviation of a measured loss; by default that of each target's fit.
        drift: standard deviation of that exponent.

    Raises:
        InputError: too few draws, or limits that leave no choice of mixture.
    """
    draws = len(laws.draws)
    if draws < _LEAST_DRAWS:
        raise InputError(
            f"laws: {draws} bootstrap draws; a plan needs at least {_LEAST_DRAWS} to know what is uncertain: "
            "fit again with 200 draws (`langmix fit RUNS --draws 200`)"
        )
    chosen = allocate(laws, params=params, tokens=tokens, weights=weights, available=available)
    p, supply = laws.share_vector(chosen.shares), laws.supply_vector(available)
    w = np.array([chosen.weights[t] for t in laws.targets])
    lower, upper = np.array([chosen.bounds[name] for name in laws.languages]).T

    def losses(q: Floats) -> Derivatives:
        return laws.draws.derivatives(params, tokens, q, supply)

    value = float(laws.best.loss(params, tokens, p, supply) @ w)
    optima = _optima(losses, np.tile(w, (draws, 1)), lower, upper)
    now = float(np.mean((laws.draws.loss(params, tokens, p, supply) - losses(optima)[0]) @ w)) / value
    free = (p > lower + _AT_BOUND) & (p < upper - _AT_BOUND)
    if free.sum() < 2:
        raise InputError(
            "laws: at most one share of the recommended mixture is free of a bound, so runs cannot move it; "
            "lower the floors, or ask for another size of training run"
        )
    _, gradient, _, _ = losses(p)  # (S, T, K)
    _, _, factor, diagonal = laws.best.derivatives(params, tokens, p, supply)
    anomalies = np.moveaxis(gradient - gradient.mean(axis=0), 0, -1) / np.sqrt(draws - 1)
    decision = _decision(anomalies, w, factor, diagonal, free=free)[None]

    logs = _rows(
        pool,
        lambda c, budget: np.log(
            laws.draws.loss(c.params, budget, c.share_vector(laws.languages), c.supply_vector(laws.languages))
        )[..., None],
    )
    noises = np.array([s.noise if noise is None else noise for s in laws.summaries])
    raw = (logs - logs.mean(axis=0)) / np.sqrt(draws - 1) / noises[:, None, None, None]
    rows = np.moveaxis(raw, 0, -2)[None, ..., 0]  # the draws become the unknowns
    fitted = _fitted(pool, laws.targets, laws.languages)
    responses, decision = _fewer(_independent(rows) * fitted[None, ..., None, None], decision)
    local = float((decision**2).sum())
    decision *= np.sqrt(max(now, 1e-12) / max(local, 1e-300))

    def further(n: float) -> float:
        """Relative change of the data terms at N per unit of the unknown."""
        return drift * float(np.log(n / np.sqrt(laws.reach.params[0] * laws.reach.params[1])))

    def drifting(c: Candidate, budget: float) -> Floats:
        q, distinct = c.share_vector(laws.languages), c.supply_vector(laws.languages)
        loss = laws.best.loss(c.params, budget, q, distinct)
        data = loss - laws.best.loss(c.params, _ENDLESS * budget, q)
        response: Floats = further(c.params) * data / loss / noises
        return response[None, :, None]

    slopes = further(params) * laws.best.derivatives(params, tokens, p, supply)[1][..., None]  # (T, K, 1)
    moves = _decision(slopes, w, factor, diagonal, free=free)[None] / np.sqrt(value)
    rows = _independent(_rows(pool, drifting)) * fitted[None, ..., None, None]
    return Belief(
        responses=np.concatenate([responses, rows], axis=-1),
        decision=np.concatenate([decision, moves], axis=-1),
        ceiling=np.array([np.inf]),
    )


def _optima(losses: Losses, weights: Floats, lower: Floats, upper: Floats) -> Floats:
    """The best mixture of every problem, shape (S, K)."""
    return Problem(losses=losses, weights=weights, lower=lower, upper=upper).solve().shares


def _decision(slopes: Floats, weights: Floats, factor: Floats, diagonal: Floats, *, free: Bools) -> Floats:
    """F of one world, shape (T, V, Q), in the objective's unit, from slopes of gradients, shape (T, K, Q)."""
    targets, count, unknowns = slopes.shape
    found = np.zeros((targets, count - 1, unknowns))
    where = np.flatnonzero(free)
    if len(where) < 2:
        return found
    hessian = np.einsum("t,tk,tl->kl", weights, factor, factor) + np.diag(weights @ diagonal)
    # Directions of sum 0 on the free shares: the right singular vectors beyond the first of a row of ones.
    basis = np.zeros((count, len(where) - 1))
    basis[where] = np.linalg.svd(np.ones((1, len(where))))[2][1:].T
    values, vectors = np.linalg.eigh(basis.T @ hessian @ basis)
    half = vectors / np.sqrt(2 * np.maximum(values, 1e-12 * values.max()))
    found[:, : len(where) - 1] = np.einsum("t,kv,tkq->tvq", weights, basis @ half, slopes)
    return found


def _rows(pool: Sequence[Candidate], respond: Callable[[Candidate, float], Floats]) -> Floats:
    """Responses of all checkpoints, shape (M, T, C, B, Q), from those of one, shape (M, T, Q)."""
    most = max(len(c.run.budgets) for c in pool)
    rows = []
    for c in pool:
        known = [respond(c, float(budget)) for budget in c.run.budgets]
        rows.append(np.stack(known + [np.zeros_like(known[0])] * (most - len(known)), axis=2))
    return np.stack(rows, axis=2)


def _independent(rows: Floats) -> Floats:
    """Rows (..., B, Q) made independent: the branches of a trunk share part of their noise."""
    count = rows.shape[-2]
    correlation = np.full((count, count), SHARED_NOISE) + (1 - SHARED_NOISE) * np.eye(count)
    # A lower triangle: what a row becomes depends on the budgets before it alone, so prefixes are sub-runs.
    whiten = np.linalg.inv(np.linalg.cholesky(correlation))
    found: Floats = np.matmul(whiten, rows)
    return found


def _fitted(
    pool: Sequence[Candidate], targets: Sequence[str], languages: Sequence[str] | None = None
) -> Bools:
    """Shape (T, C): laws of a language are fitted to runs with tokens of it, other targets to all."""
    known = targets if languages is None else languages
    return np.array([[t not in known or c.run.shares.get(t, 0.0) > 0 for c in pool] for t in targets])


def _fewer(responses: Floats, decision: Floats) -> tuple[Floats, Floats]:
    """The same belief of one world in fewer unknowns: what runs can show, and the rest of the decision."""
    draws = responses.shape[-1]
    bases = []
    for rows, move in zip(responses[0].reshape(responses.shape[1], -1, draws), decision[0], strict=True):
        values, vectors = np.linalg.eigh(rows.T @ rows)
        shown = vectors[:, ::-1][:, : min(int((values > _SHOWN).sum()), draws // 3)]
        rest, sizes, _ = np.linalg.svd((move - move @ shown @ shown.T).T, full_matrices=False)
        bases.append(np.hstack([shown, rest[:, sizes > 1e-9 * max(sizes.max(), 1e-300)]]))
    width = max(basis.shape[1] for basis in bases)
    basis = np.stack([np.pad(b, ((0, 0), (0, width - b.shape[1]))) for b in bases])
    return np.einsum("mtcbs,tsq->mtcbq", responses, basis), np.einsum("mtvs,tsq->mtvq", decision, basis)
