r"""Parameters and tokens together, under a budget of compute.

    C = 6 N D + 2 N D_inference

the FLOPs of training (Kaplan et al. 2020, arXiv 2001.08361) and of inference over the life of the model
(Sardana et al. 2023, arXiv 2401.00448). For every N the rest goes into training tokens and the best mixture
of these is solved for; what remains is a search over N alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Unpack

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from langmix.allocate._allocation import answer, least_shares
from langmix.allocate._question import Asked, Question
from langmix.allocate._results import Allocation, Interval
from langmix.allocate._robust import together
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Laws, check_positive
from langmix.quantities import count

Floats = NDArray[np.float64]

_POINTS: Final = 25
"""Numbers of parameters at which all bootstrap laws are solved."""
_RATIOS: Final = (1e-2, 1e6)
"""Training tokens per parameter between which the optimum is sought."""
_PRECISION: Final = 1e-4
"""Of log N."""
_EDGE: Final = 0.02
"""In parts of the bracket of log N: closer than this the optimum is called at its edge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputeOptimal:
    """Parameters, tokens and mixture that are best for a budget of compute.

    Attributes:
        flops: the budget, for training and inference together.
        inference_tokens: tokens that the model is to process once trained.
        params, tokens, tokens_per_parameter: the optimum, with intervals over the bootstrap laws.
        curve: the objective at the best mixture along the bracket, as (params, tokens, objective).
        allocation: the mixture at the optimum.
        warnings: about the optimum in N and D, in sentences; those about the mixture are the allocation's.
    """

    flops: float
    inference_tokens: float
    params: Interval
    tokens: Interval
    tokens_per_parameter: Interval
    curve: tuple[tuple[float, float, float], ...]
    allocation: Allocation
    warnings: tuple[str, ...]


def allocate_compute(
    laws: Laws, *, flops: float, inference_tokens: float = 0.0, **asked: Unpack[Asked]
) -> ComputeOptimal:
    """Solve for parameters, tokens and mixture under a budget of compute.

    Args:
        laws: fitted laws; N in the run table's convention.
        flops: floating-point operations for training (6 N D) and inference (2 N D_inference).
        inference_tokens: tokens to process after training, over the life of the model.
        asked: the objective (not ``relative``), limits and mixtures, as for `allocate`.

    Raises:
        InputError: a value out of range.
        InfeasibleError: no number of parameters leaves a budget of tokens at which the limits can be kept.
    """
    check_positive(flops=flops)
    if not (math.isfinite(inference_tokens) and inference_tokens >= 0):
        raise InputError(f"inference_tokens: {inference_tokens}; expected a finite number, 0 or above")
    question = Question.of(laws, **asked)
    if question.objective == "relative":
        raise InputError(
            "objective: relative is to a mixture at the same parameters and tokens, so it cannot compare "
            "sizes; choose nats_per_token, bits_per_byte or worst, with weights if need be"
        )
    search = _Search(question, flops, inference_tokens)
    low, high = search.bracket()
    grid = np.linspace(low, high, _POINTS)
    values = [search.values(x) for x in grid]
    best = np.array([value for value, _ in values])
    if not np.isfinite(best).any():
        middle = float(grid[_POINTS // 2])
        answer(question, params=math.exp(middle), tokens=search.tokens(middle))  # says why
        raise InfeasibleError(f"no number of parameters keeps the limits at {flops:.3g} FLOPs; loosen them")
    at = int(np.argmin(best))
    around = (float(grid[max(at - 1, 0)]), float(grid[min(at + 1, _POINTS - 1)]))
    found = minimize_scalar(
        lambda x: search.values(x, draws=False)[0],
        bounds=around,
        method="bounded",
        options={"xatol": _PRECISION},
    )
    place = float(found.x) if found.fun <= best[at] else float(grid[at])
    each = _minima(grid, np.array([draws for _, draws in values]))
    params, tokens = math.exp(place), search.tokens(place)
    several = [(math.exp(x), search.tokens(x)) for x in each]
    n, d = (np.array([pair[k] for pair in several]) for k in (0, 1))
    allocation = answer(question, params=params, tokens=tokens)
    return ComputeOptimal(
        flops=float(flops),
        inference_tokens=float(inference_tokens),
        params=Interval.of(params, n),
        tokens=Interval.of(tokens, d),
        tokens_per_parameter=Interval.of(tokens / params, d / n),
        curve=tuple(
            (math.exp(x), search.tokens(x), float(v))
            for x, v in zip(grid, best, strict=True)
            if math.isfinite(v)
        ),
        allocation=allocation,
        warnings=search.warnings(place, grid[np.isfinite(best)], each),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The objective along log N."""

    question: Question
    flops: float
    inference: float

    def tokens(self, log_params: float) -> float:
        """Training tokens that the budget leaves at a number of parameters."""
        return (self.flops / math.exp(log_params) - 2 * self.inference) / 6

    def bracket(self) -> tuple[float, float]:
        """Bounds of log N: ratios of tokens to parameters, and no more tokens than can be had."""

        def at_ratio(ratio: float) -> float:  # 6 r N^2 + 2 D_inference N = C
            b = 2 * self.inference
            return math.log(2 * self.flops / (b + math.sqrt(b * b + 24 * ratio * self.flops)))

        low, high = at_ratio(_RATIOS[1]), at_ratio(_RATIOS[0])
        most = self.question.most_tokens()
        if math.isfinite(most):
            low = max(low, math.log(self.flops / (6 * most + 2 * self.inference)))
        if low >= high:
            raise InfeasibleError(
                f"{self.flops:.3g} FLOPs: the {count(most)} tokens that can be had are less than 1 per "
                f"{1 / _RATIOS[0]:.0f} parameters; raise max_epochs, or find more data"
            )
        return low, high

    def values(self, log_params: float, *, draws: bool = True) -> tuple[float, Floats]:
        """The objective at the best mixture, and under every bootstrap law; infinite where there is none."""
        params, tokens, question = math.exp(log_params), self.tokens(log_params), self.question
        point, spread = question.programmes(params, tokens)
        nothing = np.full(len(spread.weights), np.inf)
        try:
            limits = question.limits(tokens, least_shares(question, tokens))
        except InfeasibleError:
            return math.inf, nothing
        best = question.optimum(point, spread, limits)
        value = math.inf
        if best.solved[0] and question.robust is None:
            value = float(point.value(best.shares[0])[0])
        elif best.solved[0] and question.robust is not None:
            value = together(spread.value(best.shares[0]), question.robust)
        if not draws:
            return value, nothing
        each = spread.optimum(limits)
        return value, np.where(each.solved, spread.value(each.shares), np.inf)

    def warnings(self, place: float, grid: Floats, each: Floats) -> tuple[str, ...]:
        low, high = float(grid[0]), float(grid[-1])
        near, said = _EDGE * (high - low), []
        most = self.question.most_tokens()
        if place - low < near and self.tokens(low) >= 0.99 * most:
            said.append(
                f"all {count(most)} tokens that can be had are used: the data decide the size of the model, "
                "and more data would make it smaller and better"
            )
        elif place - low < near or high - place < near:
            said.append(
                f"{math.exp(place):.3g} parameters are at the edge of the search ({math.exp(low):.3g} to "
                f"{math.exp(high):.3g}): the laws do not determine the best size for this budget"
            )
        outside = float(((each - low < near) | (high - each < near)).mean()) if len(each) else 0.0
        if outside > 0.05 and not said:
            said.append(
                f"{100 * outside:.0f}% of the bootstrap laws have their optimum at the edge of the search "
                f"({math.exp(low):.3g} to {math.exp(high):.3g} parameters): the intervals end there"
            )
        return tuple(said)


def _minima(grid: Floats, values: Floats) -> Floats:
    """Where each column of ``values``, shape (points, S), is least, between the points too; shape (S,)."""
    places = []
    for column in values.T:
        known = np.isfinite(column)
        if not known.any():
            continue
        at = int(np.argmin(column))
        if at in (0, len(grid) - 1) or not known[at - 1 : at + 2].all():
            places.append(grid[at])
            continue
        # The parabola through the three lowest points.
        left, mid, right = column[at - 1 : at + 2]
        step = grid[1] - grid[0]
        places.append(grid[at] + 0.5 * step * (left - right) / max(left - 2 * mid + right, 1e-300))
    return np.array(places)
