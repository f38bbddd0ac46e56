"""Coefficients of a law: for all targets, for one fit or for many bootstrap draws at once.

Shape letters: S sets of coefficients (bootstrap draws), T targets, K source languages, n checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix.laws._repetition import worth
from langmix.laws.forms import Form, Points, form_named

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coefficients:
    """Parameters of one form of law.

    Attributes:
        form: its name, one of `FORMS`.
        values: parameters by name, shape (..., T), or (..., T, K) for one per source.
        own: shape (T,), index of each target's own source.
        reference_params, reference_tokens: N0 and D0, in parameters and tokens: coefficients are nats at that
            size, and do not depend on units.
    """

    form: str
    values: Mapping[str, Floats]
    own: NDArray[np.intp]
    reference_params: float
    reference_tokens: float

    def __getitem__(self, index: int | slice | NDArray[np.intp] | None) -> Coefficients:
        """Some of the bootstrap draws (the first axis); ``None`` makes one fit a batch of one."""
        return Coefficients(
            form=self.form,
            values={name: value[index] for name, value in self.values.items()},
            own=self.own,
            reference_params=self.reference_params,
            reference_tokens=self.reference_tokens,
        )

    def __len__(self) -> int:
        """S, the number of draws."""
        return len(next(iter(self.values.values())))

    def of_target(self, t: int) -> Coefficients:
        """Those of one target (T = 1)."""
        per_source = self._per_source
        return Coefficients(
            form=self.form,
            values={
                name: value[..., t : t + 1, :] if name in per_source else value[..., t : t + 1]
                for name, value in self.values.items()
            },
            own=self.own[t : t + 1],
            reference_params=self.reference_params,
            reference_tokens=self.reference_tokens,
        )

    def reordered(self, sources: NDArray[np.intp], own: NDArray[np.intp]) -> Coefficients:
        """The same with the sources in another order, ``own`` being indices in it."""
        return Coefficients(
            form=self.form,
            values={
                name: value[..., sources] if name in self._per_source else value
                for name, value in self.values.items()
            },
            own=own,
            reference_params=self.reference_params,
            reference_tokens=self.reference_tokens,
        )

    @property
    def _per_source(self) -> frozenset[str]:
        return self.law.per_source

    @property
    def law(self) -> Form:
        """The form itself."""
        return form_named(self.form)

    def loss(
        self, params: float | Floats, tokens: float | Floats, shares: Floats, unique: Floats | None = None
    ) -> Floats:
        """Loss of every target, shape (..., T), nats per token.

        Args:
            params: N, a number, or shape (n, 1) to evaluate one fit at n points.
            tokens: D, the total over all languages, likewise.
            shares: shape (..., K), summing to 1; leading axes broadcast with the draws, or are the n points.
            unique: shape (..., K), distinct tokens available; by default unlimited.
        """
        at, _, _ = self._points(params, tokens, shares, unique)
        return self.law.evaluate(self.values, at).loss

    def derivatives(
        self, params: float, tokens: float, shares: Floats, unique: Floats | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """The losses and their derivatives in the shares.

        Returns:
            loss, shape (..., T); its gradient, shape (..., T, K); and the parts of its Hessian
            ``factor factor^T + diag(diagonal)``, both of shape (..., T, K). The diagonal is >= 0: the loss is
            convex in the shares.

        Raises:
            InputError: the form is not convex.
        """
        at, slope, bend = self._points(params, tokens, shares, unique)
        scale = tokens / self.reference_tokens
        # By how much the worth of each source changes with its share, in units of D0.
        loss, gradient, factor, diagonal = self.law.curvature(self.values, at)
        return (
            loss,
            gradient * slope * scale,
            factor * slope * scale,
            diagonal * (slope * scale) ** 2 + gradient * bend * scale**2,
        )

    def _points(
        self, params: float | Floats, tokens: float | Floats, shares: Floats, unique: Floats | None
    ) -> tuple[Points, Floats, Floats]:
        total = np.asarray(tokens)[..., None] / self.reference_tokens
        mine = shares[..., None, :] * total
        own = np.eye(shares.shape[-1])[self.own]
        if not self.law.repeats or unique is None or np.isinf(unique).all():
            value, slope, bend = mine, np.ones(1), np.zeros(1)
        else:
            constant = self.values["R"][..., None]
            value, slope, bend, _ = worth(mine, unique[..., None, :] / self.reference_tokens, constant)
        at = Points(params=np.asarray(params) / self.reference_params, tokens=mine, worth=value, own=own)
        return at, slope, bend


def stack(per_target: Sequence[Coefficients]) -> Coefficients:
    """One set of coefficients for several targets, from one per target (their T axis has length 1)."""
    first = per_target[0]
    per_source = first.law.per_source
    return Coefficients(
        form=first.form,
        values={
            name: np.concatenate([c.values[name] for c in per_target], axis=-2 if name in per_source else -1)
            for name in first.values
        },
        own=np.concatenate([c.own for c in per_target]),
        reference_params=first.reference_params,
        reference_tokens=first.reference_tokens,
    )
