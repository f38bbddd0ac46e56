"""Laws with random coefficients, and the same programmes through CVXPY, for the tests of allocations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import cvxpy as cp
import numpy as np

from langmix.laws import Coefficients, Laws, Provenance, Reach
from planted import NAMES, truth

N, D = 1e5, 4e6


def changed(best: Coefficients, **values: np.ndarray) -> Coefficients:
    """The same law with other values of some parameters."""
    return dataclasses.replace(best, values={**best.values, **values})


def laws_of(best: Coefficients, *, draws: int = 0, spread: float = 0.0) -> Laws:
    """Laws with given coefficients, as if they had been fitted; draws are log-normal around them."""
    names = NAMES[: len(best.own)]
    rng = np.random.default_rng(draws)
    several = changed(
        best,
        **{
            name: value * np.exp((name != "s") * spread * rng.standard_normal((draws, *value.shape)))
            for name, value in best.values.items()
        },
    )
    return Laws(
        form=best.form,
        languages=names,
        targets=names,
        best=best,
        draws=several,
        summaries=(),
        reach=Reach(params=(1e4, 1e6), tokens=(1e5, 1e7)),
        held_out=(),
        bytes_per_token={},
        provenance=Provenance(
            runs="planted", runs_sha256="0" * 64, checkpoints=1, langmix_version="test", seed=0
        ),
    )


def random_laws(seed: int, *, draws: int = 0, spread: float = 0.15) -> Laws:
    rng = np.random.default_rng(seed)
    best = truth(rng, elasticity=float(rng.uniform(0.4, 0.9)))
    best = changed(best, b=rng.uniform(0.0, 0.1, 7))
    return laws_of(best, draws=draws, spread=spread)


def losses_of(c: Coefficients, params: float, d: cp.Expression) -> list[cp.Expression]:
    """The law in CVXPY's words."""
    v, losses = c.values, []
    for i in range(len(c.own)):
        u = v["b"][i] + v["tau"][i] @ cp.power(d, float(v["s"][i]))
        size = v["A"][i] * (params / c.reference_params) ** -v["alpha"][i]
        losses.append(v["E"][i] + size + v["B"][i] * cp.exp(-v["beta"][i] / v["s"][i] * cp.log(u)))
    return losses


def oracle(
    laws: Laws,
    *,
    floors: Mapping[str, float] | None = None,
    ceilings: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    near: tuple[Mapping[str, float], float] | None = None,
    no_worse: float | None = None,
    robust: str | None = None,
    worst: bool = False,
) -> tuple[np.ndarray, float]:
    """The same programme through CVXPY: shares and objective (in nats per token)."""
    best, count = laws.best, len(laws.languages)
    at = laws.languages.index
    p = cp.Variable(count)
    scale = D / best.reference_tokens

    def losses(c: Coefficients) -> list[cp.Expression]:
        return losses_of(c, N, scale * p)

    limits = [cp.sum(p) == 1, p >= 1e-9]
    limits += [p[at(name)] >= share for name, share in (floors or {}).items()]
    limits += [p[at(name)] <= share for name, share in (ceilings or {}).items()]
    limits += [p[at(name)] == share for name, share in (fixed or {}).items()]
    if near is not None:
        centre = np.array([near[0][name] for name in laws.languages])
        limits.append(cp.norm1(p - centre) / 2 <= near[1])
    if no_worse is not None:
        rest = (1 - sum((fixed or {}).values())) / (count - len(fixed or {}))
        uniform = best.loss(N, D, np.array([(fixed or {}).get(name, rest) for name in laws.languages]))
        limits += [loss <= (1 + no_worse) * value for loss, value in zip(losses(best), uniform, strict=True)]

    def one(c: Coefficients) -> cp.Expression:
        return cp.max(cp.hstack(losses(c))) if worst else sum(losses(c)) / count

    if robust is None:
        goal = one(best)
    else:
        each = cp.hstack([one(laws.draws[s]) for s in range(len(laws.draws))])
        goal = cp.sum(each) / each.size if robust == "mean" else cp.cvar(each, 0.9)
    problem = cp.Problem(cp.Minimize(goal), limits)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    assert problem.status in ("optimal", "optimal_inaccurate"), problem.status
    return np.asarray(p.value), float(problem.value)
