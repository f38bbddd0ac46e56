"""What published mixture laws share: E + A N^-alpha + B D^-beta over all tokens, and shares h.

None of them knows repetition.
"""

from __future__ import annotations

import numpy as np

from langmix.laws.forms._form import (
    NOTHING,
    Floats,
    Form,
    Parameter,
    Points,
    Scope,
    Values,
    data_term,
    size_term,
)


class Sized(Form):
    """A form with terms in N and in all tokens D."""

    def sized(self, v: Values, at: Points) -> tuple[Floats, dict[str, Floats]]:
        """E + A N^-alpha + B D^-beta, and its derivatives in these five."""
        log_n, log_d = np.log(at.params), np.log(np.maximum(at.tokens.sum(axis=-1), NOTHING))
        by_A, by_B = np.exp(-v["alpha"] * log_n), np.exp(-v["beta"] * log_d)
        loss = v["E"] + v["A"] * by_A + v["B"] * by_B
        partials = {
            "E": np.ones_like(loss),
            "A": by_A,
            "alpha": -v["A"] * by_A * log_n,
            "B": by_B,
            "beta": -v["B"] * by_B * log_d,
        }
        return loss, {name: np.broadcast_to(value, loss.shape) for name, value in partials.items()}


def sized_parameters(scope: Scope) -> tuple[Parameter, ...]:
    """E, A, alpha, B and beta; with one budget the term in D is part of E."""
    if not scope.one_budget:
        return (*size_term(scope), *data_term(scope))
    tiny = 1e-7 * scope.smallest
    return (
        *size_term(scope),
        Parameter(name="B", low=tiny, high=tiny, grid=(tiny,)),
        Parameter(name="beta", low=0.3, high=0.3, grid=(0.3,)),
    )


def shares(at: Points) -> Floats:
    """h, shape (..., K)."""
    total = np.maximum(at.tokens.sum(axis=-1, keepdims=True), NOTHING)
    result: Floats = at.tokens / total
    return result
