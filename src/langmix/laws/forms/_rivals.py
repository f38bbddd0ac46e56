r"""Published forms of mixture laws, each as its authors print it; h are shares, d_i own tokens.

None of them knows repetition.
"""

from __future__ import annotations

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
    size_term,
)


class _Sized(Form):
    """Helpers for forms with E + A N^-alpha + B D^-beta over all tokens."""

    def _terms(self, v: Values, at: Points) -> tuple[Floats, Floats, Floats, Floats]:
        """N^-alpha, D^-beta, and the logarithms of N and D."""
        log_n, log_d = np.log(at.params), np.log(np.maximum(at.tokens.sum(axis=-1), NOTHING))
        return np.exp(-v["alpha"] * log_n), np.exp(-v["beta"] * log_d), log_n, log_d


def total_term(scope: Scope) -> tuple[Parameter, ...]:
    """B and beta of B D^-beta; with one budget that term is part of E."""
    if not scope.one_budget:
        return data_term(scope)
    tiny = 1e-7 * scope.smallest
    return (
        Parameter(name="B", low=tiny, high=tiny, grid=(tiny,)),
        Parameter(name="beta", low=0.3, high=0.3, grid=(0.3,)),
    )


def shares(at: Points) -> Floats:
    """h, shape (..., K)."""
    total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
    result: Floats = at.tokens / total
    return result


class Additive(_Sized):
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
            *size_term(scope),
            *total_term(scope),
            Parameter(name="k", low=tiny, high=large, grid=(tiny,)),
            Parameter(
                name="c",
                low=1e-5,
                high=1e3,
                prior=(np.log(0.3), 1.5),
                grid=(0.1, 0.5),
                per_source=True,
                own=1.0,
                quiet=True,
            ),
            # g <= 1, so that sum c h^g is concave and the term convex.
            Parameter(
                name="g", low=0.05, high=1.0, prior=(np.log(0.4), 0.7), grid=(0.2, 0.6), per_source=True
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        by_A, by_B, log_n, log_d = self._terms(v, at)
        h = shares(at)
        log_h = np.log(np.maximum(h, NOTHING))
        powered = np.where(h > 0, np.exp(v["g"] * log_h), 0.0)
        u = np.maximum((v["c"] * powered).sum(axis=-1), NOTHING)
        mixed = v["k"] / u
        loss = v["E"] + v["A"] * by_A + v["B"] * by_B + mixed
        by_u = -mixed / u
        return Evaluation(
            loss=loss,
            partials={
                "E": np.ones_like(loss),
                "A": np.broadcast_to(by_A, loss.shape),
                "alpha": np.broadcast_to(-v["A"] * by_A * log_n, loss.shape),
                "B": np.broadcast_to(by_B, loss.shape),
                "beta": np.broadcast_to(-v["B"] * by_B * log_d, loss.shape),
                "k": 1.0 / u,
                "c": by_u[..., None] * powered,
                "g": by_u[..., None] * v["c"] * powered * log_h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        by_A, by_B, _, _ = self._terms(v, at)
        total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
        h = np.maximum(at.tokens / total, NOTHING)
        powered = np.exp(v["g"] * np.log(h))
        u = np.maximum((v["c"] * powered).sum(axis=-1), NOTHING)
        mixed = v["k"] / u
        u_by_d = v["c"] * v["g"] * powered / h / total
        return Curvature(
            loss=v["E"] + v["A"] * by_A + v["B"] * by_B + mixed,
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


class Exponential(_Sized):
    """The data mixing law of Ye et al. 2024 (arXiv 2403.16952, equation 6), beside terms of N and D.

    They fit it anew at each N and D; a run table with several needs the terms. With one size and one budget
    it is theirs exactly.
    """

    name = "exponential"
    description = "exponential of a weighted sum of the shares (data mixing laws, arXiv 2403.16952)"
    formula = "loss = E + k exp(sum t h) + A (N/N0)^-alpha + B (D/D0)^-beta"
    linear = ("E", "A", "B", "k")
    needs_own = False

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B, beta, k, and t per source."""
        tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest
        return (
            *size_term(scope),
            *total_term(scope),
            Parameter(name="k", low=tiny, high=large, grid=(tiny,)),
            Parameter(
                name="t", low=-30.0, high=30.0, prior=(-0.5, 3.0), grid=(-0.5,), per_source=True, signed=True
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        by_A, by_B, log_n, log_d = self._terms(v, at)
        h = shares(at)
        by_k = np.exp((v["t"] * h).sum(axis=-1))
        mixed = v["k"] * by_k
        loss = v["E"] + v["A"] * by_A + v["B"] * by_B + mixed
        return Evaluation(
            loss=loss,
            partials={
                "E": np.ones_like(loss),
                "A": np.broadcast_to(by_A, loss.shape),
                "alpha": np.broadcast_to(-v["A"] * by_A * log_n, loss.shape),
                "B": np.broadcast_to(by_B, loss.shape),
                "beta": np.broadcast_to(-v["B"] * by_B * log_d, loss.shape),
                "k": by_k,
                "t": mixed[..., None] * h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        by_A, by_B, _, _ = self._terms(v, at)
        total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
        mixed = v["k"] * np.exp((v["t"] * at.tokens / total).sum(axis=-1))
        slope = v["t"] / total
        return Curvature(
            loss=v["E"] + v["A"] * by_A + v["B"] * by_B + mixed,
            gradient=mixed[..., None] * slope,
            factor=np.sqrt(mixed)[..., None] * slope,
            diagonal=np.zeros(np.broadcast_shapes(mixed[..., None].shape, slope.shape)),
        )


class SharePower(_Sized):
    """The law of He et al. 2024 (arXiv 2410.12883, equation 5): a power of the own share."""

    name = "share-power"
    description = "a power of the own share times a law in N and D (arXiv 2410.12883)"
    formula = "loss = (E + A (N/N0)^-alpha + B (D/D0)^-beta) h^-g"
    linear = ("E", "A", "B")

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B, beta, g."""
        return (
            *size_term(scope),
            *total_term(scope),
            Parameter(name="g", low=1e-4, high=4.0, grid=(0.05, 0.2)),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        by_A, by_B, log_n, log_d = self._terms(v, at)
        log_h = np.log(np.maximum((at.own * shares(at)).sum(axis=-1), NOTHING))
        scale = np.exp(-v["g"] * log_h)
        loss = (v["E"] + v["A"] * by_A + v["B"] * by_B) * scale
        return Evaluation(
            loss=loss,
            partials={
                "E": np.broadcast_to(scale, loss.shape),
                "A": scale * by_A,
                "alpha": -v["A"] * by_A * log_n * scale,
                "B": scale * by_B,
                "beta": -v["B"] * by_B * log_d * scale,
                "g": -loss * log_h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        by_A, by_B, _, log_d = self._terms(v, at)
        own = np.maximum((at.own * at.tokens).sum(axis=-1), NOTHING)
        loss = (v["E"] + v["A"] * by_A + v["B"] * by_B) * np.exp(-v["g"] * (np.log(own) - log_d))
        first = (-v["g"] * loss / own)[..., None] * at.own
        return Curvature(
            loss=loss,
            gradient=first,
            factor=np.zeros_like(first),
            diagonal=(v["g"] * (v["g"] + 1.0) * loss / own**2)[..., None] * at.own,
        )


class Farseer(Form):
    """The law of Li et al. 2025 (arXiv 2506.10972, equation 5), in own tokens: B and beta depend on N."""

    name = "farseer"
    description = "own tokens, with a coefficient and an exponent of D that depend on N (arXiv 2506.10972)"
    formula = "loss = E exp(a3 N^q) + B exp(a2 N^q) d^-exp(a1 N^q + b1), d own tokens"
    linear = ("E", "B")
    convex = False

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, B, q, and a1, b1, a2, a3.

        The authors have a power of N in each of the three exponents; one is shared here, as the three
        are not identified by fewer than tens of sizes.
        """
        tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest

        def slope(name: str) -> Parameter:
            low, high = (0.0, 0.0) if scope.one_size else (-5.0, 5.0)
            return Parameter(
                name=name,
                low=low,
                high=high,
                prior=None if scope.one_size else (0.0, 1.0),
                grid=(0.0,),
                signed=True,
            )

        return (
            Parameter(name="E", low=tiny, high=large, grid=(tiny,)),
            Parameter(name="B", low=tiny, high=large, grid=(tiny,)),
            Parameter(name="q", low=-1.0, high=1.0, prior=(-0.1, 0.2), grid=(-0.1, 0.1), signed=True)
            if not scope.one_size
            else Parameter(name="q", low=0.1, high=0.1, grid=(0.1,), signed=True),
            slope("a1"),
            Parameter(name="b1", low=-4.0, high=1.4, grid=(-2.0, -1.0, -0.4, 0.3), signed=True),
            slope("a2"),
            slope("a3"),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        log_n = np.log(at.params)
        log_d = np.log(np.maximum((at.own * at.tokens).sum(axis=-1), NOTHING))
        m = np.exp(v["q"] * log_n)
        beta = np.exp(v["a1"] * m + v["b1"])
        by_E, by_B = np.exp(v["a3"] * m), np.exp(v["a2"] * m - beta * log_d)
        floor, term = v["E"] * by_E, v["B"] * by_B
        loss = floor + term
        by_beta = -term * log_d * beta
        by_m = floor * v["a3"] + term * v["a2"] + by_beta * v["a1"]
        return Evaluation(
            loss=loss,
            partials={
                "E": np.broadcast_to(by_E, loss.shape),
                "B": by_B,
                "q": by_m * m * log_n,
                "a1": by_beta * m,
                "b1": by_beta,
                "a2": term * m,
                "a3": np.broadcast_to(floor * m, loss.shape),
            },
        )
