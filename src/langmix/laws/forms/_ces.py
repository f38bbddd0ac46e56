r"""The effective-token law and its cases, with a constant elasticity of substitution between sources.

    L_i(N, D, p) = E_i + A_i (N / N0)^-alpha_i + B_i (x_i / D0)^-beta_i
    x_i = (b_i + sum_j tau_ij d_j^s_i)^(1 / s_i),   tau_ii = 1,   0 < s_i <= 1,   d_j in units of D0

The terms in N and D are those of Hoffmann et al. 2022 (arXiv 2203.15556, equation 2): for one language, and
b = 0, x = d and the law is theirs. x is the aggregate of Arrow, Chenery, Minhas and Solow 1961 (constant
elasticity of substitution, 1 / (1 - s)): with s = 1 tokens of languages replace each other at fixed rates tau
(the case ``transfer``); with s < 1 the first tokens of every language are worth more than the next. b is what
the law knows without any token of the run: it keeps the loss of an untouched language finite.

Convex in the tokens: sum_j tau_j d_j^s is concave for s <= 1 and u^(-beta / s) is convex and falling.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from langmix.laws.forms._form import (
    NOTHING,
    Curvature,
    Evaluation,
    Floats,
    Form,
    Parameter,
    Points,
    Scope,
    Values,
    data_term,
    power,
    repetition,
    size_term,
)

ALIKE: Final = 0.6
"""Correlation of log tau between the sources of a target: where many teach it little, so may the rest."""
TAU_PRIOR: Final = (math.log(0.1), 2.0)
S_PRIOR: Final = (math.log(0.5), 0.3)
B_PRIOR: Final = (math.log(0.1), 1.5)
BETA_PRIOR: Final = (math.log(0.5), 0.7)
GAMMA_PRIOR: Final = (math.log(0.5), 0.7)


class Ces(Form):
    """Own tokens and those of other languages, the first tokens of each worth more than the next."""

    name = "ces"
    description = "effective tokens with diminishing transfer: the first tokens of each language count most"
    formula = "loss = E + A (N/N0)^-alpha + B (x/D0)^-beta, x = (b + sum tau d^s)^(1/s)"
    linear: tuple[str, ...] = ("E", "A", "B")
    repeats = True
    needs_own = False

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B, beta, R, s, b, and tau per source."""
        return (
            *size_term(scope),
            *data_term(scope),
            repetition(),
            Parameter(name="s", low=0.1, high=1.0, prior=S_PRIOR, grid=(0.6,), quiet=("high",)),
            Parameter(name="b", low=1e-9, high=1e2, prior=B_PRIOR, grid=(1e-2,), quiet=("low",)),
            Parameter(
                name="tau",
                low=1e-5,
                high=1e2,
                prior=TAU_PRIOR,
                alike=ALIKE,
                grid=(0.02, 0.1, 0.4) if scope.sources > 1 else (0.1,),
                per_source=True,
                own=1.0,
                quiet=("low",),
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        s, beta, tau = v["s"], v["beta"], v["tau"]
        d, powered, log_d = _powers(s, at.worth)
        u = np.maximum(v["b"] + (tau * powered).sum(axis=-1), NOTHING)
        log_u = np.log(u)
        by_B = np.exp(-beta / s * log_u)
        term = v["B"] * by_B
        by_u = -beta / s * term / u
        log_n = np.log(at.params)
        by_A = np.exp(-v["alpha"] * log_n)
        size = v["A"] * by_A
        return Evaluation(
            loss=v["E"] + size + term,
            partials={
                "E": np.ones_like(term),
                "A": np.broadcast_to(by_A, term.shape),
                "alpha": np.broadcast_to(-size * log_n, term.shape),
                "B": by_B,
                "beta": -term * log_u / s,
                "s": term * log_u * beta / s**2 + by_u * (tau * powered * log_d).sum(axis=-1),
                "b": by_u,
                "tau": by_u[..., None] * powered,
            },
            by_worth=(by_u * s)[..., None] * tau * powered / d,
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the worth of tokens."""
        s, beta, tau = v["s"], v["beta"], v["tau"]
        d, powered, _ = _powers(s, at.worth)
        u = np.maximum(v["b"] + (tau * powered).sum(axis=-1), NOTHING)
        term = v["B"] * power(u, -beta / s)
        by_u = -beta / s * term / u
        u_by_d = s[..., None] * tau * powered / d
        return Curvature(
            loss=v["E"] + v["A"] * power(np.asarray(at.params), -v["alpha"]) + term,
            gradient=by_u[..., None] * u_by_d,
            factor=(np.sqrt(beta / s * (beta / s + 1.0) * term) / u)[..., None] * u_by_d,
            diagonal=by_u[..., None] * (s[..., None] - 1.0) * u_by_d / d,
        )


class Progress(Ces):
    """As `Ces`, with a term of all tokens: what training for longer teaches, whatever the language.

    It is the additive law of Shukor et al. 2025 (arXiv 2507.09404, equation 4) with effective tokens in the
    place of its term of the shares; at a fixed D it is a constant, so that the loss is as convex as that of
    `Ces`. Tokens count each time they are seen.
    """

    name = "progress"
    description = "as ces, and a term of all tokens: what training for longer teaches, whatever the language"
    formula = f"{Ces.formula.partition(',')[0]} + C (D/D0)^-gamma,{Ces.formula.partition(',')[2]}"
    linear = ("E", "A", "B", "C")
    needs_budgets = True

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """As `Ces`, with a prior on beta, and C and gamma; with one budget their term is part of E."""
        tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest
        fixed = scope.one_budget
        return (
            # Runs of one language cannot tell the two terms of tokens apart.
            *(replace(p, prior=BETA_PRIOR) if p.name == "beta" else p for p in super().parameters(scope)),
            Parameter(name="C", low=tiny, high=tiny if fixed else large, grid=(tiny,), quiet=("low",)),
            Parameter(
                name="gamma",
                low=0.5 if fixed else 0.02,
                high=0.5 if fixed else 4.0,
                prior=None if fixed else GAMMA_PRIOR,
                grid=(0.5,) if fixed else (0.3, 0.8),
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        found, log_d, by_C = super().evaluate(v, at), *_all_tokens(v, at)
        term = v["C"] * by_C
        return Evaluation(
            loss=found.loss + term,
            partials={
                **found.partials,
                "C": np.broadcast_to(by_C, term.shape),
                "gamma": -term * log_d,
            },
            by_worth=found.by_worth,
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the worth of tokens, at fixed D."""
        found = super().curvature(v, at)
        return found._replace(loss=found.loss + v["C"] * _all_tokens(v, at)[1])


class Transfer(Ces):
    """Tokens of other languages at fixed rates: s = 1, b = 0."""

    name = "transfer"
    description = "effective tokens: tokens of other languages count at fixed rates (the case s = 1)"
    formula = "loss = E + A (N/N0)^-alpha + B (x/D0)^-beta, x = sum tau d"

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """As `Ces`, with s and b fixed."""
        fixed = {"s": 1.0, "b": 0.0}
        return tuple(_fixed(p, fixed[p.name]) if p.name in fixed else p for p in super().parameters(scope))


class Chinchilla(Transfer):
    """Own tokens only: tau = 0 between languages."""

    name = "chinchilla"
    description = "own tokens only (Hoffmann et al. 2022)"
    formula = "loss = E + A (N/N0)^-alpha + B (d/D0)^-beta"
    needs_own = True

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """As `Transfer`, with tau fixed."""
        return tuple(_fixed(p, 0.0) if p.name == "tau" else p for p in super().parameters(scope))


def _all_tokens(v: Values, at: Points) -> tuple[Floats, Floats]:
    """log D, and D^-gamma."""
    log_d = np.log(np.maximum(at.tokens.sum(axis=-1), NOTHING))
    return log_d, np.exp(-v["gamma"] * log_d)


def _fixed(parameter: Parameter, value: float) -> Parameter:
    return Parameter(
        name=parameter.name,
        low=value,
        high=value,
        grid=(value,),
        per_source=parameter.per_source,
        own=parameter.own,
    )


def _powers(s: Floats, worth: Floats) -> tuple[Floats, Floats, Floats]:
    """d, d^s and log d, with 0 where there is nothing."""
    d = np.maximum(worth, NOTHING)
    log_d = np.log(d)
    if np.all(s == 1.0):
        return d, worth, log_d
    return d, np.where(worth > 0, np.exp(s[..., None] * log_d), 0.0), log_d
