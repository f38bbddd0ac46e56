"""What a form of law is: parameters, the loss that they give, and its derivatives.

Shapes broadcast: in a fit the leading axes are (S starts or draws, n checkpoints), in a fitted law they are
(S draws, T targets). A parameter per source has one more axis, K, the sources.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InputError

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]
"""Parameters by name, shape (...), or (..., K) for one per source."""

NOTHING: Final = 1e-12
"""Of a reference amount of tokens, or of a nat: what stands in for 0 where 0 has no finite power."""
R_PRIOR: Final = (math.log(15.4), 1.0)
"""Of the log of the repetition constant, from Muennighoff et al. 2023 (arXiv 2305.16264)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter, or one per source.

    Attributes:
        low, high: the box of the search; equal where the form fixes it.
        prior: centre and standard deviation of a Gaussian prior on the logarithm (on the value itself for
            ``signed``); None leaves it to the runs.
        alike: correlation of the prior between sources: what they have in common is learnt from all of them.
        grid: values that the coarse search tries.
        per_source: whether there is one per source.
        signed: searched as it is; others are positive and searched in logarithms.
        own: the value for a target's own source, where that is fixed.
        quiet: ends of the box, ``low`` or ``high``, that are an answer and no fault: "none of it",
            or a law of its own.
    """

    name: str
    low: float
    high: float
    prior: tuple[float, float] | None = None
    alike: float = 0.0
    grid: tuple[float, ...]
    per_source: bool = False
    signed: bool = False
    own: float | None = None
    quiet: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What the checkpoints allow to be fitted.

    Attributes:
        smallest: the smallest loss, nats per token.
        one_size, one_budget: whether all runs have the same N, or the same D.
        sources: K.
    """

    smallest: float
    one_size: bool
    one_budget: bool
    sources: int


_ANYTHING: Final = Scope(smallest=1.0, one_size=False, one_budget=False, sources=2)


class Points(NamedTuple):
    """Where a law is evaluated, in reference units."""

    params: Floats
    """Shape (...): N / N0."""
    tokens: Floats
    """Shape (..., K): tokens of each source / D0."""
    worth: Floats
    """Shape (..., K): the same, discounted for repetition."""
    own: Floats
    """Shape (..., K): 1 at the target's own source, else 0."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A loss and its derivatives.

    Attributes:
        loss: shape (...).
        partials: derivative in each parameter, shape (...) or (..., K).
        by_worth: derivative in the worth of each source, shape (..., K); empty for forms without repetition.
    """

    loss: Floats
    partials: dict[str, Floats] = field(default_factory=dict)
    by_worth: Floats | None = None


class Curvature(NamedTuple):
    """First and second derivatives of a loss in the tokens (or worth) of each source, shape (..., K).

    The Hessian is ``factor factor^T + diag(diagonal)``, with diagonal >= 0: the loss is convex.
    """

    loss: Floats
    gradient: Floats
    factor: Floats
    diagonal: Floats


class Form(ABC):
    """A functional form of the law of one target.

    Attributes:
        name: as in ``fit(law=...)``.
        description: one line, with the source.
        formula: the equation in one line.
        linear: names of parameters >= 0 in which the loss is linear: their partials are the columns of the
            least squares that start a fit.
        repeats: whether it knows repetition (a parameter R).
        convex: whether the loss is convex in the shares, so that an allocation can be certified.
        needs_own: whether it says nothing about a target without tokens of its own.
        needs_budgets: whether it is another form where all runs have the same D.
    """

    name: str
    description: str
    formula: str
    linear: tuple[str, ...]
    repeats: bool = False
    convex: bool = True
    needs_own: bool = True
    needs_budgets: bool = False

    @abstractmethod
    def parameters(self, scope: Scope) -> tuple[Parameter, ...]:
        """Parameters with their boxes, priors and grids."""

    @abstractmethod
    def evaluate(self, v: Values, at: Points) -> Evaluation:
        """Loss and derivatives in the parameters."""

    @property
    def fixed(self) -> frozenset[str]:
        """Names of the parameters that the form itself fixes."""
        return frozenset(p.name for p in self.parameters(_ANYTHING) if p.low == p.high)

    @property
    def per_source(self) -> frozenset[str]:
        """Names of the parameters of which there is one per source."""
        return frozenset(p.name for p in self.parameters(_ANYTHING) if p.per_source)

    def curvature(self, v: Values, at: Points) -> Curvature:
        """Loss and derivatives in the worth of tokens (in tokens, for forms without repetition) at fixed D.

        Raises:
            InputError: the form is not convex, so that an allocation would have no certificate.
        """
        raise InputError(
            f"the law {self.name!r} predicts, but its loss is not convex in the shares: no optimum of it "
            "can be certified; fit another form for an allocation, such as `langmix fit RUNS --law ces`"
        )


def size_term(scope: Scope) -> tuple[Parameter, ...]:
    """E, A and alpha of E + A N^-alpha."""
    tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest
    fixed = scope.one_size  # one size: its term is part of E
    return (
        Parameter(name="E", low=tiny, high=scope.smallest, grid=(tiny,)),
        Parameter(name="A", low=tiny, high=tiny if fixed else large, grid=(tiny,)),
        Parameter(
            name="alpha",
            low=0.5 if fixed else 0.02,
            high=0.5 if fixed else 4.0,
            grid=(0.5,) if fixed else (0.15, 0.35, 0.7, 1.3),
        ),
    )


def data_term(scope: Scope) -> tuple[Parameter, ...]:
    """B and beta of B x^-beta."""
    tiny, large = 1e-7 * scope.smallest, 1e3 * scope.smallest
    return (
        Parameter(name="B", low=tiny, high=large, grid=(tiny,)),
        Parameter(name="beta", low=0.02, high=4.0, grid=(0.15, 0.35, 0.7, 1.3)),
    )


def repetition() -> Parameter:
    """R, as its prior has it where no run repeated its data: a training run may."""
    return Parameter(
        name="R", low=0.05, high=1e3, prior=R_PRIOR, grid=(math.exp(R_PRIOR[0]),), quiet=("low", "high")
    )


def power(base: Floats, exponent: Floats) -> Floats:
    """``base ** exponent`` for base > 0, by logarithms."""
    result: Floats = np.exp(exponent * np.log(base))
    return result
