"""The additive and the joint law of Shukor et al. 2025 (arXiv 2507.09404); h are shares."""

from __future__ import annotations

import numpy as np

from langmix.laws.forms._form import NOTHING, Curvature, Evaluation, Form, Parameter, Points, Scope, Values
from langmix.laws.forms._sized import Sized, shares, sized_parameters


class Additive(Sized):
    """The additive law of Shukor et al. 2025 (arXiv 2507.09404, equation 4)."""

    name = "additive"
    description = "a term of the shares beside those of N and D (arXiv 2507.09404)"
    formula = "loss = E + k / (sum c h^g) + A (N/N0)^-alpha + B (D/D0)^-beta"
    linear = ("E", "A", "B", "k")
    needs_own = False

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B, beta, k, and c and g per source (own c = 1)."""
        tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest
        return (
            *sized_parameters(scope),
            Parameter(name="k", low=tiny, high=large, grid=(tiny,)),
            Parameter(
                name="c",
                low=1e-5,
                high=1e3,
                prior=(np.log(0.3), 1.5),
                grid=(0.1, 0.5),
                per_source=True,
                own=1.0,
                quiet=("low",),
            ),
            # g <= 1, so that sum c h^g is concave and the term convex.
            Parameter(
                name="g", low=0.05, high=1.0, prior=(np.log(0.4), 0.7), grid=(0.2, 0.6), per_source=True
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        sized, partials = self.sized(v, at)
        h = shares(at)
        log_h = np.log(np.maximum(h, NOTHING))
        powered = np.where(h > 0, np.exp(v["g"] * log_h), 0.0)
        u = np.maximum((v["c"] * powered).sum(axis=-1), NOTHING)
        mixed = v["k"] / u
        by_u = -mixed / u
        return Evaluation(
            loss=sized + mixed,
            partials={
                **partials,
                "k": 1.0 / u,
                "c": by_u[..., None] * powered,
                "g": by_u[..., None] * v["c"] * powered * log_h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        sized, _ = self.sized(v, at)
        total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
        h = np.maximum(at.tokens / total, NOTHING)
        powered = np.exp(v["g"] * np.log(h))
        u = np.maximum((v["c"] * powered).sum(axis=-1), NOTHING)
        mixed = v["k"] / u
        u_by_d = v["c"] * v["g"] * powered / h / total
        return Curvature(
            loss=sized + mixed,
            gradient=(-mixed / u)[..., None] * u_by_d,
            factor=np.sqrt(2.0 * mixed)[..., None] / u[..., None] * u_by_d,
            diagonal=(-mixed / u)[..., None] * u_by_d * (v["g"] - 1.0) / h / total,
        )


class Joint(Additive):
    """The joint law of Shukor et al. 2025 (arXiv 2507.09404, equation 5): A and B depend on the shares."""

    name = "joint"
    description = "as additive, with coefficients of N and D that depend on the shares (arXiv 2507.09404)"
    formula = "loss = E + k / (sum c h^g) + A (sum a h)^gA (N/N0)^-alpha + B (sum e h)^gB (D/D0)^-beta"
    convex = False

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """As `Additive`, and a, e per source, gA, gB."""

        def coefficients(name: str, fixed: bool) -> Parameter:
            low, high = (1.0, 1.0) if fixed else (1e-3, 1e3)
            return Parameter(
                name=name,
                low=low,
                high=high,
                prior=None if fixed else (0.0, 1.0),
                grid=(1.0,),
                per_source=True,
                own=1.0,
            )

        def exponent(name: str, fixed: bool) -> Parameter:
            low, high = (1.0, 1.0) if fixed else (-4.0, 4.0)
            return Parameter(
                name=name, low=low, high=high, prior=None if fixed else (1.0, 1.0), grid=(1.0,), signed=True
            )

        return (
            *super().parameters(scope),
            coefficients("a", scope.one_size),
            exponent("gA", scope.one_size),
            coefficients("e", scope.one_budget),
            exponent("gB", scope.one_budget),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        h = shares(at)
        a = np.maximum((v["a"] * h).sum(axis=-1), NOTHING)
        e = np.maximum((v["e"] * h).sum(axis=-1), NOTHING)
        scale_A, scale_B = np.exp(v["gA"] * np.log(a)), np.exp(v["gB"] * np.log(e))
        base = super().evaluate({**v, "A": v["A"] * scale_A, "B": v["B"] * scale_B}, at)
        p = base.partials
        by_a, by_e = p["A"] * v["A"] * scale_A, p["B"] * v["B"] * scale_B  # the terms themselves
        return Evaluation(
            loss=base.loss,
            partials={
                **p,
                "A": p["A"] * scale_A,
                "B": p["B"] * scale_B,
                "gA": by_a * np.log(a),
                "gB": by_e * np.log(e),
                "a": (by_a * v["gA"] / a)[..., None] * h,
                "e": (by_e * v["gB"] / e)[..., None] * h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Not convex where gA or gB is between 0 and 1."""
        return Form.curvature(self, v, at)
