"""The capacity-coupled law as a rival: the targets share x*, so all are fitted together.

Where ours deviates from the authors' code: H is fitted (theirs keeps a fixed floor near 0), residuals are of
the log loss with a Huber threshold from the noise, and the search follows exact derivatives from several
starts in place of basin hopping. As theirs, it is fitted to, and predicts, rows with own tokens alone.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from langmix.laws._polish import polish
from langmix.laws._problems import reference
from langmix.laws.rivals._capacity import differentiate, share_capacity
from langmix.laws.rivals._training import ROUGH, Training
from langmix.runs import RunTable

Floats = NDArray[np.float64]

_STARTS: Final = 6
_EXPONENT_PRIOR: Final = (math.log(0.3), 1.0)
"""Of log a and log b: weak, for languages whose loss was not measured or whose runs have one size."""
_C_DEVIATION: Final = 2.0
_H_PRIOR: Final = (math.log(0.1), 2.0)
"""Of log H in units of the smallest N, which bounds it."""


class Coupled:
    """Languages compete for the parameters of the model."""

    name = "capacity"
    description = "languages compete for the capacity of the model (arXiv 2606.08167)"

    def missing(self, runs: RunTable) -> str:
        """Whether the targets are languages: capacity is shared among those that are trained on."""
        other = [target for target in runs.targets if target not in runs.languages]
        if not other:
            return ""
        return f"the rival 'capacity' predicts losses of the languages of the runs, and {other[0]!r} is none"

    def fit(self, training: Training) -> CoupledFit:
        """Fit all languages together."""
        space = CoupledSpace(training.runs)
        found = polish(space, space.starts(), delta=training.delta, tolerance=ROUGH)
        return CoupledFit(space=space, theta=found.theta)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CoupledFit:
    """The law at theta, in the units of the runs that it was fitted to."""

    space: CoupledSpace
    theta: Floats

    def __call__(self, runs: RunTable) -> Floats:
        """Losses, shape (n, T); NaN without own tokens."""
        at = self.space.points(runs)
        v = self.space.values(self.theta)
        log_x = share_capacity(at.shares, at.size, v.log_c, v.log_b, v.log_H)[:, self.space.own]
        own = at.own > 0
        log_d = np.log(at.own, out=np.zeros_like(at.own), where=own)
        loss = (
            np.exp(v.log_E)
            + np.exp(v.log_c[self.space.own] - np.exp(v.log_b[self.space.own]) * log_x)
            + np.exp(v.log_A - np.exp(v.log_a) * log_d)
        )
        return np.where(own, loss, np.nan)


@dataclass(frozen=True, slots=True)
class Points:
    """Checkpoints in reference units: N / N0, shape (n,); shares, shape (n, K); own tokens / D0, (n, T)."""

    size: Floats
    shares: Floats
    own: Floats


@dataclass(frozen=True, slots=True)
class Values:
    """Logarithms of the parameters: shape (..., T) of E, A, a; (..., K) of c, b; (...) of H."""

    log_E: Floats
    log_A: Floats
    log_a: Floats
    log_c: Floats
    log_b: Floats
    log_H: Floats


class CoupledSpace:
    """The search space: logarithms of E, A, a per target, of c, b per language, and of H.

    Attributes:
        own: shape (T,), the language of each target.
        lower, upper, centre: shape (P,), P = 3 T + 2 K + 1.
        precision: shape (P, P).
    """

    def __init__(self, runs: RunTable) -> None:
        self._reference = reference(runs)
        self.own = np.array([runs.languages.index(target) for target in runs.targets])
        self._at = self.points(runs)
        self._row, self._target = np.nonzero(np.isfinite(runs.losses) & (self._at.own > 0))
        self._log_loss = np.log(runs.losses[self._row, self._target])
        smallest, typical = float(np.exp(self._log_loss.min())), float(np.median(self._log_loss))
        tiny, large, least = np.log(1e-7 * smallest), np.log(1e3 * smallest), float(self._at.size.min())
        per_target, per_language = np.ones(len(runs.targets)), np.ones(len(runs.languages))

        def joined(E: float, A: float, a: float, c: float, b: float, H: float) -> Floats:
            return np.concatenate(
                [E * per_target, A * per_target, a * per_target, c * per_language, b * per_language, [H]]
            )

        exponent, deviation = _EXPONENT_PRIOR
        self.lower = joined(tiny, tiny, math.log(0.01), tiny, math.log(0.01), math.log(1e-4 * least))
        self.upper = joined(
            math.log(smallest), large, math.log(4.0), large, math.log(4.0), math.log(0.99 * least)
        )
        self.centre = joined(0.0, 0.0, exponent, typical, exponent, math.log(least) + _H_PRIOR[0])
        self.precision = np.diag(
            joined(0.0, 0.0, deviation**-2, _C_DEVIATION**-2, deviation**-2, _H_PRIOR[1] ** -2)
        )

    def points(self, runs: RunTable) -> Points:
        """The checkpoints of a table in the units of this fit."""
        own = runs.tokens[:, None] * runs.shares[:, self.own] / self._reference[1]
        return Points(runs.params / self._reference[0], runs.shares, own)

    def values(self, theta: Floats) -> Values:
        """theta, shape (..., P), by name."""
        targets, languages = len(self.own), (theta.shape[-1] - 1 - 3 * len(self.own)) // 2
        ends = np.cumsum([targets, targets, targets, languages, languages])
        E, A, a, c, b, H = np.split(theta, ends, axis=-1)
        return Values(E, A, a, c, b, H[..., 0])

    def residuals(self, theta: Floats) -> tuple[Floats, Floats]:
        """Log of predicted over measured loss, shape (S, n), and its Jacobian, shape (S, n, P).

        n counts pairs of a checkpoint and a target with own tokens.
        """
        row, target, source = self._row, self._target, self.own[self._target]
        v = self.values(theta)
        at = differentiate(
            np.broadcast_to(self._at.shares, (len(theta), *self._at.shares.shape)),
            np.broadcast_to(self._at.size, (len(theta), len(self._at.size))),
            v.log_c[:, None],
            v.log_b[:, None],
            v.log_H[:, None],
        )
        log_x, log_d = at.log_x[:, row, source], np.log(self._at.own[row, target])
        b, a = np.exp(v.log_b[:, source]), np.exp(v.log_a[:, target])
        size, data = np.exp(v.log_c[:, source] - b * log_x), np.exp(v.log_A[:, target] - a * log_d)
        floor = np.exp(v.log_E[:, target])
        loss = floor + size + data
        by_log_x = -b * size
        targets, languages = len(self.own), v.log_c.shape[-1]
        jacobian = np.zeros((*loss.shape, theta.shape[-1]))
        each = np.arange(len(row))
        for k, partial in enumerate((floor, data, -a * log_d * data)):
            jacobian[:, each, k * targets + target] = partial
        c, b_at = 3 * targets, 3 * targets + languages
        jacobian[..., c:b_at] = by_log_x[..., None] * at.by_log_c[:, row, source]
        jacobian[..., b_at:-1] = by_log_x[..., None] * at.by_log_b[:, row, source]
        jacobian[..., -1] = by_log_x * at.by_log_H[:, row, source]
        jacobian[:, each, c + source] += size
        jacobian[:, each, b_at + source] -= b * log_x * size
        return np.log(loss) - self._log_loss, jacobian / loss[..., None]

    def starts(self) -> Floats:
        """The best points of a coarse search, shape (at most 6, P).

        Given the exponents and x* the law is linear in E, c, A >= 0; x* follows from c, which is taken from
        equal c first.
        """
        found = []
        for a, b, H in itertools.product((0.15, 0.5, 1.2), (0.15, 0.5, 1.2), (0.05, 0.5)):
            theta = np.clip(self.centre, self.lower, self.upper)
            v = self.values(theta)
            v.log_a[:], v.log_b[:] = math.log(a), math.log(b)
            theta[-1] = math.log(H * float(self._at.size.min()))
            for _ in range(2):
                misfit = self._linear(self.values(theta))
            found.append((misfit, np.clip(theta, self.lower, self.upper)))
        found.sort(key=lambda item: item[0])
        return np.array([theta for _, theta in found[:_STARTS]])

    def _linear(self, v: Values) -> float:
        """Set E, c and A in place by non-negative least squares on relative errors; their misfit."""
        log_x = share_capacity(self._at.shares, self._at.size, v.log_c, v.log_b, v.log_H)
        misfit = 0.0
        for i, source in enumerate(self.own):
            mine = self._target == i
            row = self._row[mine]
            columns = (
                np.column_stack(
                    [
                        np.ones(len(row)),
                        np.exp(-np.exp(v.log_b[source]) * log_x[row, source]),
                        np.exp(-np.exp(v.log_a[i]) * np.log(self._at.own[row, i])),
                    ]
                )
                / np.exp(self._log_loss[mine])[:, None]
            )
            found, off = nnls(columns, np.ones(len(row)))
            misfit += off**2
            # A term of nothing could not grow again: its derivative in the logarithm is nothing too.
            least = 1e-3 * float(np.exp(self._log_loss[mine].min()))
            v.log_E[i], v.log_c[source], v.log_A[i] = np.log(np.maximum(found, least))
        return misfit
