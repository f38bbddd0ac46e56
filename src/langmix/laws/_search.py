"""From a form's parameters to a search over free numbers, and back.

A form has named parameters; a search moves a vector theta: logarithms of positive ones, signed ones as they
are, those that the form or the checkpoints fix left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from langmix.laws._repetition import worth
from langmix.laws._units import alike
from langmix.laws.forms import Form, Parameter, Points, Scope, form_named

Floats = NDArray[np.float64]

_STARTS: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Problem:
    """The checkpoints of one target, in reference units.

    Attributes:
        target: its name.
        form: name of the form to fit.
        own: index of the target's own source.
        params: shape (n,), N / N0.
        tokens: shape (n, K), tokens of each source / D0.
        unique: shape (n, K), distinct tokens / D0, infinite where unlimited.
        loss: shape (n,), nats per token.
        run: shape (n,), index of the run of each row.
    """

    target: str
    form: str
    own: int
    params: Floats
    tokens: Floats
    unique: Floats
    loss: Floats
    run: NDArray[np.intp]

    @property
    def sources(self) -> int:
        """K."""
        return int(self.tokens.shape[1])

    @property
    def repeats(self) -> bool:
        """Whether any run repeated its data: otherwise R is not in play."""
        return bool((self.tokens > self.unique).any())

    @property
    def scope(self) -> Scope:
        """What these checkpoints allow to be fitted."""
        return Scope(
            smallest=float(self.loss.min()),
            one_size=alike(self.params),
            one_budget=alike(self.tokens.sum(axis=1)),
            sources=self.sources,
        )


class Slot(NamedTuple):
    """One free number."""

    parameter: Parameter
    source: int | None

    @property
    def name(self) -> str:
        """``alpha``, or ``tau[3]`` for source 3."""
        return self.parameter.name if self.source is None else f"{self.parameter.name}[{self.source}]"

    def searched(self, value: float) -> float:
        """The number that the search moves."""
        return value if self.parameter.signed else float(np.log(value))


class Space:
    """The search space of one problem.

    Attributes:
        slots: the free numbers, P of them.
        lower, upper: shape (P,), the box.
        centre: shape (P,), of the prior.
        covariance, precision: shape (P, P), of the prior; both 0 where there is none.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.form: Form = form_named(problem.form)
        self.parameters = self.form.parameters(problem.scope)
        self.slots = tuple(self._slots())
        self.lower = np.array([s.searched(s.parameter.low) for s in self.slots])
        self.upper = np.array([s.searched(s.parameter.high) for s in self.slots])
        priors = [s.parameter.prior for s in self.slots]
        self.centre = np.array([p[0] if p else 0.0 for p in priors])
        self.covariance, self.precision = self._prior()
        self._own = np.eye(problem.sources)[problem.own]
        self._log_loss = np.log(problem.loss)
        self._signed = np.array([s.parameter.signed for s in self.slots], dtype=bool)

    def values(self, theta: Floats) -> dict[str, Floats]:
        """Parameters by name, shape (..., 1) or (..., 1, K), from theta, shape (..., P)."""
        natural = np.where(self._signed, theta, np.exp(np.where(self._signed, 0.0, theta)))
        lead = theta.shape[:-1]
        found: dict[str, Floats] = {}
        for p in self.parameters:
            if p.per_source:
                base = np.full(self.problem.sources, p.low)  # those that are not free are fixed
                if p.own is not None:
                    base[self.problem.own] = p.own
                found[p.name] = np.broadcast_to(base, (*lead, 1, self.problem.sources)).copy()
            else:
                found[p.name] = np.full((*lead, 1), p.low)
        for k, slot in enumerate(self.slots):
            where = (..., 0) if slot.source is None else (..., 0, slot.source)
            found[slot.parameter.name][where] = natural[..., k]
        return found

    def residuals(self, theta: Floats) -> tuple[Floats, Floats]:
        """Log of predicted over measured loss, shape (S, n), and its Jacobian, shape (S, n, P)."""
        values = self.values(theta)
        at, by_R = self._points(values)
        found = self.form.evaluate(values, at)
        jacobian = np.empty((*found.loss.shape, len(self.slots)))
        for k, slot in enumerate(self.slots):
            name = slot.parameter.name
            if name == "R":
                assert found.by_worth is not None
                partial = (found.by_worth * by_R).sum(axis=-1)
            else:
                partial = (
                    found.partials[name] if slot.source is None else found.partials[name][..., slot.source]
                )
            value = values[name] if slot.source is None else values[name][..., slot.source]
            jacobian[..., k] = partial if slot.parameter.signed else partial * value
        return np.log(found.loss) - self._log_loss, jacobian / found.loss[..., None]

    def starts(self) -> Floats:
        """The best points of a coarse search, shape (at most 6, P): variable projection on relative errors.

        Given the other parameters the loss is linear in some that are >= 0: non-negative least squares.
        """
        rows = [p for p in self.parameters if p.name not in self.form.linear]
        found: list[tuple[float, Floats]] = []
        for chosen in itertools.product(*(p.grid for p in rows)):
            at = dict(zip((p.name for p in rows), chosen, strict=True))
            theta = np.array([s.searched(at.get(s.parameter.name, s.parameter.low)) for s in self.slots])
            theta = np.clip(theta, self.lower, self.upper)
            values = self.values(theta[None])
            points, _ = self._points(values)
            partials = self.form.evaluate(values, points).partials
            free = [k for k, s in enumerate(self.slots) if s.parameter.name in self.form.linear]
            columns = np.column_stack([_column(partials, self.slots[k]) for k in free])
            linear, misfit = nnls(columns / self.problem.loss[:, None], np.ones(len(columns)))
            for k, value in zip(free, linear, strict=True):
                # A term of nothing could not grow again: its derivative in the logarithm is nothing too.
                theta[k] = np.log(max(value, self.slots[k].parameter.low))
            found.append((float(misfit), np.clip(theta, self.lower, self.upper)))
        found.sort(key=lambda item: item[0])
        return np.array([theta for _, theta in found[:_STARTS]])

    def _points(self, values: dict[str, Floats]) -> tuple[Points, Floats]:
        problem = self.problem
        if problem.repeats and self.form.repeats:
            value, _, _, by_R = worth(problem.tokens, problem.unique, values["R"][..., None])
        else:
            value, by_R = problem.tokens, np.zeros(1)
        return Points(params=problem.params, tokens=problem.tokens, worth=value, own=self._own), by_R

    def _prior(self) -> tuple[Floats, Floats]:
        """Covariance and precision: numbers per source may have a part in common."""
        spread = np.array([p[1] if (p := s.parameter.prior) else 0.0 for s in self.slots])
        alike = np.array(
            [[a.parameter.alike * (a.parameter is b.parameter) for b in self.slots] for a in self.slots]
        )
        np.fill_diagonal(alike, 1.0)
        covariance = spread[:, None] * spread * alike
        known = np.ix_(spread > 0, spread > 0)
        precision = np.zeros_like(covariance)
        precision[known] = np.linalg.inv(covariance[known])
        return covariance, precision

    def _slots(self) -> list[Slot]:
        slots = []
        for p in self.parameters:
            if p.low == p.high:
                continue
            if not p.per_source:
                slots.append(Slot(p, None))
                continue
            slots += [
                Slot(p, j) for j in range(self.problem.sources) if p.own is None or j != self.problem.own
            ]
        return slots


def _column(partials: Mapping[str, Floats], slot: Slot) -> Floats:
    """The derivative in a slot, shape (n,), of partials with one set of values."""
    found: Floats = partials[slot.parameter.name][0]
    return found if slot.source is None else found[:, slot.source]
