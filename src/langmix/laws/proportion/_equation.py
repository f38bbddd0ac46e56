r"""The proportion law, equations 6 and 7 of arXiv 2512.13472, as printed:

    L(N, D; p) = A N^-alpha_N(p) + B D_x^-alpha_D(p) + L_inf(p)
    D_x = D (1 + gamma sum_{i != j} p_i p_j tau_ij)

alpha_N(p), alpha_D(p) and L_inf(p) are the means of the languages' own values, weighted by the shares p;
tau_ij is the synergy gain of target i from auxiliary j. L is one number: the mean loss of a mixture on its
own validation data, sum_i p_i L_i. N and D count in units N0 and D0. The choice is part of the law: A and B
are shared by languages of different exponents, so no other A and B give the same law in other units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

Floats = NDArray[np.float64]

LEAST_FACTOR: Final = 0.01
"""D_x is at least this part of D: a large negative gamma would make it negative."""
_SAMPLES: Final = 500
_POLISHED: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Equation:
    """The numbers of equation 6: one fit, or S bootstrap draws on the leading axis.

    Attributes:
        alpha_N, alpha_D, L_inf: shape (..., K), of each language alone.
        A, B, gamma: shape (...), shared by all; A and B in nats per token at N0 and D0.
        tau: shape (K, K), synergy gains, target by auxiliary; 0 on the diagonal.
        reference_params, reference_tokens: N0 and D0.
    """

    alpha_N: Floats
    alpha_D: Floats
    L_inf: Floats
    A: Floats
    B: Floats
    gamma: Floats
    tau: Floats
    reference_params: float
    reference_tokens: float

    def loss(self, params: float | Floats, tokens: float | Floats, shares: Floats) -> Floats:
        """Mean loss of a mixture on its own data, nats per token.

        Args:
            params, tokens: N and D, numbers or shape (n,).
            shares: shape (K,), or (n, K) for one fit at n points. A, B and gamma of shape (S, 1) beside the
                exponents of one fit give shape (S, n).
        """
        size, data, floor = self.terms(params, tokens, shares)
        loss: Floats = self.A * size + self.B * data + floor
        return loss

    def terms(
        self, params: float | Floats, tokens: float | Floats, shares: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """N^-alpha_N(p), D_x^-alpha_D(p) and L_inf(p): the law is linear in A and B."""
        size = np.asarray(params, dtype=float) / self.reference_params
        data = np.asarray(tokens, dtype=float) / self.reference_tokens * self.factor(shares)
        return (
            size ** -weighted(self.alpha_N, shares),
            data ** -weighted(self.alpha_D, shares),
            weighted(self.L_inf, shares),
        )

    def factor(self, shares: Floats) -> Floats:
        """D_x / D."""
        return np.maximum(1 + self.gamma * pairing(shares, self.tau), LEAST_FACTOR)

    def minimiser(self, params: float, tokens: float) -> Floats:
        """Shares of the least loss that a search finds, shape (K,); the law of one fit.

        It is what following the law would recommend, for showing why that is no allocation.
        """
        count = len(self.L_inf)
        each = np.eye(count)
        middles = [(each[i] + each[j]) / 2 for i in range(count) for j in range(i)]
        scattered = np.random.default_rng(0).dirichlet(np.full(count, 0.3), size=_SAMPLES)
        starts = np.vstack([each, *middles, np.full(count, 1 / count), scattered])
        starts = starts[np.argsort(self.loss(params, tokens, starts), kind="stable")[:_POLISHED]]
        ends = [self._descend(start, params, tokens) for start in starts]
        found = np.vstack([starts, *ends])
        best: Floats = found[int(np.argmin(self.loss(params, tokens, found)))]
        return best

    def _descend(self, start: Floats, params: float, tokens: float) -> Floats:
        def value(z: Floats) -> float:  # a softmax keeps the shares on the simplex
            return float(self.loss(params, tokens, softmax(z)))

        end = minimize(
            value, np.log(np.maximum(start, 1e-6)), method="L-BFGS-B", bounds=[(-40.0, 40.0)] * len(start)
        )
        shares: Floats = softmax(end.x)
        return shares


def weighted(values: Floats, shares: Floats) -> Floats:
    """The mean of the languages' values, weighted by their shares."""
    mean: Floats = (values * shares).sum(axis=-1)
    return mean


def pairing(shares: Floats, tau: Floats) -> Floats:
    """sum over i != j of p_i p_j tau_ij, for tau with 0 on its diagonal."""
    total: Floats = ((shares @ tau) * shares).sum(axis=-1)
    return total
