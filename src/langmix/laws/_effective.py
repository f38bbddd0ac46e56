r"""The law: the loss of a target falls with parameters, with effective tokens, and with its own tokens.

For target i, sources j, parameters N, total tokens D and shares p:

    L_i(N, D, p) = E_i + A_i (N / N0)^-alpha_i + B_i (x_i / D0)^-beta_i + S_i (d_i / D0)^-sigma_i
    x_i = sum_j tau_ij d_j                                   effective tokens, tau_ii = 1
    d_j = p_j D                                              while p_j D <= U_j
    d_j = U_j (1 + R_i (1 - exp(-(p_j D / U_j - 1) / R_i)))  beyond: repetition

The terms in N and D are those of Hoffmann et al. 2022 (arXiv 2203.15556, equation 2), the saturation under
repetition that of Muennighoff et al. 2023 (arXiv 2305.16264, equation 5), with one constant R per target.
The last term is for what only own tokens teach, however many tokens others transfer: without it a law with
strong transfer would give a language nothing at all. S = 0 leaves the effective-token law, tau = 0 besides
leaves that of one language.

N0 and D0 are reference sizes, so that A and B are nats at that size and the fit does not depend on units.

Shape letters: S sets of coefficients (bootstrap draws), T targets, K source languages, n checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def repeated_tokens(tokens: Floats, unique: Floats, constant: Floats) -> tuple[Floats, Floats, Floats]:
    """What tokens that repeat a limited supply are worth, in tokens of fresh data.

    Args:
        tokens: tokens trained on, any shape.
        unique: distinct tokens available, infinite where there is no limit; broadcasts with ``tokens``.
        constant: the repetition constant R; broadcasts with ``tokens``.

    Returns:
        The worth, and its first and second derivative with respect to ``tokens``. Worth and first derivative
        are continuous where repetition begins.
    """
    limited = np.isfinite(unique)
    supply = np.where(limited, unique, 1.0)
    epochs_beyond = np.where(limited, np.maximum(tokens / supply - 1.0, 0.0), 0.0)
    decay = np.exp(-epochs_beyond / constant)
    repeating = limited & (epochs_beyond > 0)
    worth = np.where(repeating, supply * (1.0 + constant * (1.0 - decay)), tokens)
    slope = np.where(repeating, decay, 1.0)
    curvature = np.where(repeating, -decay / (constant * supply), 0.0)
    return worth, slope, curvature


ARRAYS: Final = ("E", "A", "alpha", "B", "beta", "R", "S", "sigma", "tau")
"""Fields of `Coefficients` that a fit determines."""

_NOTHING: Final = 1e-12
"""Of a reference amount of tokens, or of a nat: what stands in for 0 where 0 has no finite power."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coefficients:
    """Coefficients of the law for all targets, for one fit or for many bootstrap draws at once.

    Attributes:
        E, A, alpha, B, beta, R: shape (..., T).
        tau: shape (..., T, K): worth for the target of one token of the source, its own token being 1.
        reference_params, reference_tokens: N0 and D0, in parameters and tokens.
    """

    E: Floats
    A: Floats
    alpha: Floats
    B: Floats
    beta: Floats
    R: Floats
    S: Floats
    sigma: Floats
    tau: Floats
    own: NDArray[np.intp]
    reference_params: float
    reference_tokens: float

    def __getitem__(self, index: int | slice | NDArray[np.intp]) -> Coefficients:
        """Some of the bootstrap draws (the first axis)."""
        return Coefficients(
            **{name: getattr(self, name)[index] for name in ARRAYS},
            own=self.own,
            reference_params=self.reference_params,
            reference_tokens=self.reference_tokens,
        )

    def loss(self, params: float, tokens: float, shares: Floats, unique: Floats | None = None) -> Floats:
        """Loss of every target, shape (..., T), nats per token.

        Args:
            params: N.
            tokens: D, the total over all languages.
            shares: shape (..., K), summing to 1; leading axes broadcast with the draws.
            unique: shape (K,), distinct tokens available; by default unlimited.
        """
        return self.derivatives(params, tokens, shares, unique)[0]

    def derivatives(
        self, params: float, tokens: float, shares: Floats, unique: Floats | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """The losses and their derivatives in the shares.

        Returns:
            loss, shape (..., T); its gradient, shape (..., T, K); and the parts of its Hessian
            ``factor factor^T + diag(diagonal)``, both of shape (..., T, K). The diagonal is >= 0 where
            tau >= 0: the loss is convex in the shares.
        """
        supply = np.full(shares.shape[-1], np.inf) if unique is None else unique
        worth, slope, curvature = repeated_tokens(shares[..., None, :] * tokens, supply, self.R[..., None])
        # By how much the worth of each source changes with its share, in units of D0.
        step, bend = slope * (tokens / self.reference_tokens), curvature * (tokens**2 / self.reference_tokens)
        # An allocation may give nothing to a target whose data term is 0: keep 0 * infinity out of it.
        x = np.maximum((self.tau * worth).sum(axis=-1) / self.reference_tokens, _NOTHING)
        shared = self.B * x**-self.beta
        by_x = -self.beta * shared / x
        mine = np.arange(len(self.own)), self.own
        y = np.maximum(worth[..., *mine] / self.reference_tokens, _NOTHING)
        specific = self.S * y**-self.sigma
        by_y = -self.sigma * specific / y

        loss = self.E + self.A * (params / self.reference_params) ** -self.alpha + shared + specific
        gradient = by_x[..., None] * self.tau * step
        factor = (np.sqrt(self.beta * (self.beta + 1.0) * shared) / x)[..., None] * self.tau * step
        diagonal = by_x[..., None] * self.tau * bend
        gradient[..., *mine] += by_y * step[..., *mine]
        diagonal[..., *mine] += by_y * bend[..., *mine]
        diagonal[..., *mine] += self.sigma * (self.sigma + 1.0) * specific * (step[..., *mine] / y) ** 2
        return loss, gradient, factor, diagonal


def stack(per_target: Sequence[Coefficients]) -> Coefficients:
    """One set of coefficients for several targets, from one per target (their T axis has length 1)."""
    return Coefficients(
        **{
            name: np.concatenate([getattr(c, name) for c in per_target], axis=-1)
            for name in ARRAYS
            if name != "tau"
        },
        tau=np.concatenate([c.tau for c in per_target], axis=-2),
        own=np.concatenate([c.own for c in per_target]),
        reference_params=per_target[0].reference_params,
        reference_tokens=per_target[0].reference_tokens,
    )
