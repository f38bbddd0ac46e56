"""The data mixing law of Ye et al. 2024 (arXiv 2403.16952); h are shares."""

from __future__ import annotations

import numpy as np

from langmix.laws.forms._form import NOTHING, Curvature, Evaluation, Parameter, Points, Scope, Values
from langmix.laws.forms._sized import Sized, shares, sized_parameters


class Exponential(Sized):
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
            *sized_parameters(scope),
            Parameter(name="k", low=tiny, high=large, grid=(tiny,)),
            Parameter(
                name="t", low=-30.0, high=30.0, prior=(-0.5, 3.0), grid=(-0.5,), per_source=True, signed=True
            ),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        sized, partials = self.sized(v, at)
        h = shares(at)
        by_k = np.exp((v["t"] * h).sum(axis=-1))
        mixed = v["k"] * by_k
        return Evaluation(
            loss=sized + mixed,
            partials={
                **partials,
                "k": by_k,
                "t": mixed[..., None] * h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        sized, _ = self.sized(v, at)
        total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
        mixed = v["k"] * np.exp((v["t"] * at.tokens / total).sum(axis=-1))
        slope = v["t"] / total
        return Curvature(
            loss=sized + mixed,
            gradient=mixed[..., None] * slope,
            factor=np.sqrt(mixed)[..., None] * slope,
            diagonal=np.zeros(np.broadcast_shapes(mixed[..., None].shape, slope.shape)),
        )
