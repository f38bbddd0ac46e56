"""The law of He et al. 2024 (arXiv 2410.12883); h is the own share."""

from __future__ import annotations

import numpy as np

from langmix.laws.forms._form import NOTHING, Curvature, Evaluation, Parameter, Points, Scope, Values
from langmix.laws.forms._sized import Sized, shares, sized_parameters


class SharePower(Sized):
    """The law of He et al. 2024 (arXiv 2410.12883, equation 5): a power of the own share."""

    name = "share-power"
    description = "a power of the own share times a law in N and D (arXiv 2410.12883)"
    formula = "loss = (E + A (N/N0)^-alpha + B (D/D0)^-beta) h^-g"
    linear = ("E", "A", "B")

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B, beta, g."""
        return (
            *sized_parameters(scope),
            Parameter(name="g", low=1e-4, high=4.0, grid=(0.05, 0.2)),
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        sized, partials = self.sized(v, at)
        log_h = np.log(np.maximum((at.own * shares(at)).sum(axis=-1), NOTHING))
        scale = np.exp(-v["g"] * log_h)
        loss = sized * scale
        return Evaluation(
            loss=loss,
            partials={
                **{name: partial * scale for name, partial in partials.items()},
                "g": -loss * log_h,
            },
        )

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the tokens, at fixed D."""
        sized, _ = self.sized(v, at)
        total = np.maximum(at.tokens.sum(axis=-1), NOTHING)
        own = np.maximum((at.own * at.tokens).sum(axis=-1), NOTHING)
        loss = sized * np.exp(-v["g"] * np.log(own / total))
        first = (-v["g"] * loss / own)[..., None] * at.own
        return Curvature(
            loss=loss,
            gradient=first,
            factor=np.zeros_like(first),
            diagonal=(v["g"] * (v["g"] + 1.0) * loss / own**2)[..., None] * at.own,
        )
