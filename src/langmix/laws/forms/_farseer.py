"""The law of Li et al. 2025 (arXiv 2506.10972), in own tokens."""

from __future__ import annotations

import numpy as np

from langmix.laws.forms._form import NOTHING, Evaluation, Form, Parameter, Points, Scope, Values


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
