"""How data are organised as a factor: a run has one organisation, its tokens are all of one source.

The translation laws of the reference study (arXiv 2512.13472, equations 3 to 5), fitted together: what the
organisations share, and what each has of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from langmix.laws.forms._form import Evaluation, Floats, Form, Parameter, Points, Scope, Values
from langmix.laws.forms._sized import shares, sized_parameters


class Factor(Form):
    """E + A N^-alpha + B D^-beta, some of the five of each source's own.

    Args:
        name: of the form.
        description: in a line.
        own: parameters that each source has one of.
    """

    linear = ("E", "A", "B")
    convex = False
    needs_own = False

    def __init__(self, name: str, description: str, own: tuple[str, ...]) -> None:
        self.name, self.description, self.of_source = name, description, own
        self.formula = "loss = E + A (N/N0)^-alpha + B (D/D0)^-beta" + (
            f", {', '.join(own)} of each organisation" if own else ""
        )

    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """E, A, alpha, B and beta."""
        return tuple(
            replace(p, per_source=True) if p.name in self.of_source else p for p in sized_parameters(scope)
        )

    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""
        h = shares(at)

        def of(name: str) -> Floats:
            found: Floats = (v[name] * h).sum(axis=-1) if name in self.of_source else v[name]
            return found

        log_n, log_d = np.log(at.params), np.log(at.tokens.sum(axis=-1))
        by_A, by_B = np.exp(-of("alpha") * log_n), np.exp(-of("beta") * log_d)
        loss = of("E") + of("A") * by_A + of("B") * by_B
        partials = {
            "E": np.ones_like(loss),
            "A": by_A,
            "alpha": -of("A") * by_A * log_n,
            "B": by_B,
            "beta": -of("B") * by_B * log_d,
        }
        return Evaluation(
            loss=loss,
            partials={
                name: np.broadcast_to(value, loss.shape)[..., None] * h
                if name in self.of_source
                else np.broadcast_to(value, loss.shape)
                for name, value in partials.items()
            },
        )


COMMON = Factor("common", "the same for all organisations", ())
FACTOR = Factor("factor", "E, A and B of each organisation, exponents in common", ("E", "A", "B"))
APART = Factor("apart", "a law of each organisation", ("E", "A", "alpha", "B", "beta"))
