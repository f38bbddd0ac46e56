r"""What is believed about the laws before any run: a stated prior, and draws of laws from it.

    L_i(N, D, p) = E_i + A_i (N / N0)^-alpha_i + B_i (N / N0)^drift_i (x_i / D0)^-beta_i
    x_i = (sum_j tau_ij d_j^s_i)^(1 / s_i),  tau_ii = 1,  d_j = p_j D, discounted where it repeats

Parameters are log-normal, but for the drift: normal around 0. No law that langmix fits has it. It stands for
what such a law leaves out: without it the best mixture would be the same at every N, and runs of the smallest
models would tell all about it. Exponents reach over what is published for language models: alpha 0.22 to 0.85
and beta 1.13 to 1.35 (arXiv 2512.13472), alpha 0.34 and beta 0.28 (Hoffmann et al. 2022, arXiv 2203.15556).
R is centred on Muennighoff et al. 2023 (arXiv 2305.16264). N0 and D0 are the middle of the candidate runs.

Shape letters: M draws of laws, T targets, K languages, P = 8 + K parameters per target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.published import published

Floats = NDArray[np.float64]

_FIXED: Final = ("E", "A", "alpha", "B", "beta", "s", "R", "drift")
_LOGNORMAL: Final = _FIXED[:-1]
_NOTHING: Final = 1e-12
"""Of D0: what stands in for no tokens where 0 has no finite power."""
_STEP: Final = 1e-4
"""Of the central differences, in logarithms of the parameters."""


class LogNormal(NamedTuple):
    """A positive number: its median, and the standard deviation of its logarithm (0 is a known number)."""

    median: float
    spread: float

    @classmethod
    def between(cls, values: Floats) -> LogNormal:
        """The median of positive numbers, and the standard deviation of their logarithms."""
        return cls(float(np.median(values)), float(np.std(np.log(values), ddof=1)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """Log-normal beliefs about the parameters of every target's law.

    Attributes:
        E: irreducible loss, nats per token.
        A, B: losses that more parameters and more tokens could still take away in the middle of the candidate
            runs, nats per token.
        alpha, beta: exponents in parameters and in effective tokens.
        s: how far languages replace each other: at 1 tokens add up, below they complement; 1 at most.
        R: repetition constant, in epochs.
        tau: worth of a token of another language.
        drift: standard deviation of the exponent of N in the data term.
        name: what plans call it; without a name they say ``prior``.
    """

    E: LogNormal = LogNormal(0.5, 0.4)  # noqa: RUF009
    A: LogNormal = LogNormal(0.25, 0.8)  # noqa: RUF009
    alpha: LogNormal = LogNormal(0.4, 0.5)  # noqa: RUF009
    B: LogNormal = LogNormal(0.25, 0.8)  # noqa: RUF009
    beta: LogNormal = LogNormal(0.5, 0.6)  # noqa: RUF009
    s: LogNormal = LogNormal(0.7, 0.25)  # noqa: RUF009
    R: LogNormal = LogNormal(15.4, 1.0)  # noqa: RUF009
    tau: LogNormal = LogNormal(0.15, 1.0)  # noqa: RUF009
    drift: float = 0.05
    name: str = ""

    @classmethod
    def published(cls) -> Prior:
        """Exponents and irreducible losses as arXiv 2512.13472 prints them (figure 2), for those who ask.

        alpha, beta and E have the median over its seven languages, and the standard deviation of the
        logarithm between them. The print has no A, B, s or R, and of tau only synergy gains, which mix
        transfer with what a second pass is worth: those stay as in `Prior`, as does the drift. The spread
        between languages says nothing about errors of the figures. It is small for beta (0.07), where other
        studies print exponents of 0.3 to 0.5: a plan from this prior is as sure of beta as the print is.
        """
        printed = published().exponents
        alpha, beta, E = (
            LogNormal.between(printed[name].to_numpy(dtype=float)) for name in ("alpha_N", "alpha_D", "L_inf")
        )
        return cls(E=E, alpha=alpha, beta=beta, name="published")

    def __post_init__(self) -> None:
        for name in (*_LOGNORMAL, "tau"):
            median, spread = getattr(self, name)
            if not (0 < median < math.inf and 0 <= spread < math.inf):
                raise InputError(
                    f"prior: {name} is ({median}, {spread}); expected a median above 0 and the standard "
                    "deviation of the logarithm, at least 0"
                )
        if not 0 <= self.drift < math.inf:
            raise InputError(f"prior: drift is {self.drift}; expected a standard deviation, at least 0")

    def draw(
        self, count: int, languages: int, rng: np.random.Generator, *, middle: tuple[float, float]
    ) -> Drawn:
        """Laws of ``count`` worlds, one target per language.

        Args:
            count: M.
            languages: K = T.
            rng: of the draws.
            middle: N0 and D0.
        """
        known = [getattr(self, name) for name in _LOGNORMAL]
        centre = np.array(
            [math.log(n.median) for n in known] + [0.0] + [math.log(self.tau.median)] * languages
        )
        spread = np.array([n.spread for n in known] + [self.drift] + [self.tau.spread] * languages)
        centres = np.tile(centre, (languages, 1))
        spreads = np.tile(spread, (languages, 1))
        own = len(_FIXED) + np.arange(languages)
        centres[np.arange(languages), own] = 0.0
        spreads[np.arange(languages), own] = 0.0
        theta = centres + spreads * rng.standard_normal((count, languages, len(centre)))
        theta[..., _FIXED.index("s")] = np.minimum(theta[..., _FIXED.index("s")], 0.0)
        return Drawn(theta=theta, spreads=spreads, middle=middle)


PRIORS: Final[Mapping[str, Callable[[], Prior]]] = {"default": Prior, "published": Prior.published}
"""Priors that can be asked for by name."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """Laws drawn from a prior.

    Attributes:
        theta: shape (M, T, P): logarithms of E, A, alpha, B, beta, s and R, the drift, logarithms of tau.
        spreads: shape (T, P), their standard deviations in the prior.
        middle: N0 and D0.
    """

    theta: Floats
    spreads: Floats
    middle: tuple[float, float]

    def derivatives(
        self, params: float, tokens: float, shares: Floats, unique: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Losses and derivatives in the shares, as in `langmix.laws.Coefficients.derivatives`.

        ``shares`` has shape (K,) or (M, K). With x = u^(1/s), u = sum_j tau_j d_j^s and 0 < s <= 1 the
        Hessian of B x^-beta is positive semidefinite: beta (beta + s) B x^(-beta-2) grad x grad x^T and the
        diagonal beta (1 - s) B x^(-beta-1) grad_j x / d_j.
        """
        return _evaluate(self.theta, params, tokens, shares, unique, self.middle)

    def log_loss_slopes(self, params: float, tokens: float, shares: Floats, unique: Floats) -> Floats:
        """Derivatives of the log losses in units of the prior, shape (M, T, P)."""
        return self._slopes(
            lambda theta: np.log(_evaluate(theta, params, tokens, shares, unique, self.middle)[0])
        )

    def gradient_slopes(self, params: float, tokens: float, shares: Floats, unique: Floats) -> Floats:
        """Derivatives of the losses' gradients in the shares, in units of the prior, shape (M, T, K, P)."""
        return self._slopes(lambda theta: _evaluate(theta, params, tokens, shares, unique, self.middle)[1])

    def _slopes(self, function: Callable[[Floats], Floats]) -> Floats:
        """Central differences in one parameter of all targets at once: a loss depends on its own alone."""
        columns = []
        for p, spread in enumerate(self.spreads.T):
            shift = np.zeros(self.theta.shape[-1])
            shift[p] = _STEP
            slope = (function(self.theta + shift) - function(self.theta - shift)) / (2 * _STEP)
            columns.append(slope * spread.reshape(-1, *[1] * (slope.ndim - 2)))
        return np.stack(columns, axis=-1)


def _evaluate(
    theta: Floats, params: float, tokens: float, shares: Floats, unique: Floats, middle: tuple[float, float]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Loss (M, T), gradient, factor and diagonal (M, T, K) of laws theta (M, T, P)."""
    E, A, alpha, B, beta, s, R = np.exp(theta[..., : len(_LOGNORMAL)]).transpose(2, 0, 1)
    drift = theta[..., len(_LOGNORMAL)]
    tau, power = np.exp(theta[..., len(_FIXED) :]), s[..., None]
    worth, slope, bend = _worth(shares[..., None, :] * tokens, unique, R[..., None])
    d = np.maximum(worth / middle[1], _NOTHING)
    step, turn = slope * tokens / middle[1], bend * tokens**2 / middle[1]
    parts = tau * d**power
    u = parts.sum(axis=-1)
    x = u ** (1 / s)
    data = B * (params / middle[0]) ** drift * x**-beta
    by_x = -beta * data / x
    rise = x[..., None] * parts / (u[..., None] * d)  # of x in each d
    loss = E + A * (params / middle[0]) ** -alpha + data
    gradient = by_x[..., None] * rise * step
    factor = (np.sqrt(beta * (beta + s) * data) / x)[..., None] * rise * step
    diagonal = by_x[..., None] * rise * (turn - (1 - power) * step**2 / d)
    return loss, gradient, factor, diagonal


def _worth(tokens: Floats, unique: Floats, R: Floats) -> tuple[Floats, Floats, Floats]:
    """What repeated tokens are worth in fresh ones (Muennighoff et al. 2023, equation 5), and two slopes."""
    supply = np.where(np.isfinite(unique), unique, 1.0)
    beyond = np.where(np.isfinite(unique), np.maximum(tokens / supply - 1, 0.0), 0.0)
    decay = np.exp(-beyond / R)
    worth = np.where(beyond > 0, supply * (1 + R * (1 - decay)), tokens)
    return worth, np.where(beyond > 0, decay, 1.0), np.where(beyond > 0, -decay / (R * supply), 0.0)
