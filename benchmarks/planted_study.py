"""Planted truths in place of training: the runs of a published study, under laws that are known.

The runs are those of arXiv 2512.13472: 420 of one language (10 sizes, 6 budgets) and 28 of i + j and i + i.
Irreducible losses and exponents are those of its figure 2, a little scattered; it does not print A and B, nor
a transfer coefficient per token, so these are planted.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import langmix as lm
from langmix.design import PlannedRun, grid

Floats = NDArray[np.float64]

STUDY: Final = lm.published()
NAMES: Final = list(STUDY.languages)
SIZES: Final = {f"{n / 1e9:.1f}B": n for n in STUDY.grid["params"]}
BUDGETS: Final = [int(n) for n in STUDY.grid["tokens"]]
PARAMS, TOKENS, NOISE = 1.5e9, 350e9, 0.005
N0, D0 = 1e9, 20e9
"""Where A and B are nats."""
ALPHA, BETA, IRREDUCIBLE = STUDY.exponents[["alpha_N", "alpha_D", "L_inf"]].to_numpy(dtype=float).T
GAINS: Final = 100 * STUDY.synergy.to_numpy(dtype=float)
"""The study's table 1, percent."""


def transfer_from_gains(*, per_percent: float = 0.03, least: float = 0.01) -> Floats:
    """tau in proportion to the study's gains: Java from C# 0.62, JavaScript from Python 0.16.

    The study uses its gains as coefficients (equation 7, times a gamma that it does not print); gains below 0
    become the least tau.
    """
    tau = np.maximum(per_percent * GAINS, least)
    np.fill_diagonal(tau, 1.0)
    return tau


class Truth:
    """A planted law: L = E + A N^-alpha + B N^drift x^-beta + C D^-gamma, x = (b + sum tau d^s)^(1/s).

    Attributes:
        E, A, alpha, B, beta, C, gamma, s, b, R, drift: shape (7,); N in units of N0, d and D of D0.
        tau: shape (7, 7).
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        beta: float,
        s: float | Floats = 1.0,
        b: float | Floats = 0.0,
        R: float | Floats = 15.0,
        C: float | Floats = 0.0,
        gamma: float | Floats = 0.5,
        drift: float = 0.0,
        tau: Floats | None = None,
    ) -> None:
        """``beta`` scales the study's exponents: 1 is as printed, 0.3 is like those of other studies."""
        self.s, self.b, self.R, self.C, self.gamma = (
            np.broadcast_to(v, 7).astype(float) for v in (s, b, R, C, gamma)
        )
        self.drift = drift * rng.standard_normal(7)
        self.beta = BETA * beta * np.exp(0.1 * rng.standard_normal(7))
        self.alpha = ALPHA * np.exp(0.1 * rng.standard_normal(7))
        self.E, self.A = IRREDUCIBLE, rng.uniform(0.08, 0.25, 7)
        self.B = rng.uniform(0.1, 0.4, 7)
        self.tau = np.exp(rng.normal(np.log(0.15), 1.0, (7, 7))) if tau is None else tau.copy()
        np.fill_diagonal(self.tau, 1.0)

    def loss(self, params: float, tokens: float, shares: Floats, unique: Floats) -> Floats:
        """Of every language, shape (7,)."""
        d = shares * tokens
        again = d > unique
        supply = np.where(again, unique, 1.0)
        R = self.R[:, None]
        worth = supply * (1 + R * (1 - np.exp(-np.where(again, d / supply - 1, 0.0) / R)))
        d = np.where(again, worth, d) / D0
        u = self.b + (self.tau * d ** self.s[:, None]).sum(axis=1)
        size = params / N0
        x = np.maximum(u, 1e-12) ** (1 / self.s)
        longer = self.C * (tokens / D0) ** -self.gamma
        return self.E + self.A * size**-self.alpha + self.B * size**self.drift * x**-self.beta + longer

    def objective(self, shares: Floats) -> float:
        """Mean loss of the training run."""
        return float(self.loss(PARAMS, TOKENS, shares, np.full(7, np.inf)).mean())

    def optimum(self) -> Floats:
        """The best mixture, by exponentiated gradients on the convex programme."""
        p, powers = np.full(7, 1 / 7), self.s[:, None]
        scale = self.B * (PARAMS / N0) ** self.drift
        for _ in range(20000):
            d = p * TOKENS / D0
            parts = self.tau * d**powers
            u = self.b + parts.sum(axis=1)
            by_u = -self.beta / self.s * scale * u ** (-self.beta / self.s - 1)
            slope = (by_u * self.s) @ (parts / p)
            p = p * np.exp(-0.1 * (slope - slope @ p) / np.abs(slope).max())
            p = np.maximum(p, 1e-9) / np.maximum(p, 1e-9).sum()
        return p


def table(truth: Truth, runs: Iterable[PlannedRun], rng: np.random.Generator) -> lm.RunTable:
    """The run table that training these runs gives: 0.5% noise on every loss."""
    rows = []
    for run in runs:
        shares = np.array([run.shares.get(n, 0.0) for n in NAMES])
        unique = np.array([run.unique.get(n, np.inf) for n in NAMES], dtype=float)
        for tokens in run.budgets:
            loss = truth.loss(SIZES[run.size], tokens, shares, unique) * np.exp(
                NOISE * rng.standard_normal(7)
            )
            rows.append(
                {"run": run.run, "params": SIZES[run.size], "tokens": tokens}
                | {f"share.{n}": shares[k] for k, n in enumerate(NAMES)}
                | {f"unique.{n}": unique[k] for k, n in enumerate(NAMES) if np.isfinite(unique[k])}
                | {f"loss.{n}": loss[k] for k, n in enumerate(NAMES)}
            )
    return lm.RunTable.from_frame(pd.DataFrame(rows), source="planted truth")


def protocol() -> list[PlannedRun]:
    """The study's runs; its 28 models of 128B tokens at 1.3B parameters, which it does not print."""
    half = 64 * 10**9
    arms = [(f"{n}+{n}", {n: 1.0}, {n: half}) for n in NAMES]
    arms += [(f"{i}+{j}", {i: 0.5, j: 0.5}, {}) for i, j in combinations(NAMES, 2)]
    return grid(NAMES, sizes=list(SIZES), budgets=BUDGETS) + [
        PlannedRun(run=f"pair-{n}", arm="pair", size="1.3B", budgets=(2 * half,), shares=s, unique=u)
        for n, s, u in arms
    ]


def apart(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Every budget a run of its own, as the study trained them, and no branch of a trunk."""
    return [
        PlannedRun(
            run=f"{run.run}-{tokens / 1e9:g}B",
            arm=run.arm,
            size=run.size,
            budgets=(tokens,),
            shares=run.shares,
            unique=run.unique,
        )
        for run in runs
        for tokens in run.budgets
    ]
