"""What is asked, checked once: the laws, the objective, the limits and the mixtures to compare with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from langmix.allocate._interior import Losses, Optimum
from langmix.allocate._limits import Limits, Near, check_epochs, share_limits
from langmix.allocate._objective import choose, importance, levels_of, weights_of
from langmix.allocate._programme import Programme, as_batch, giving_way
from langmix.allocate._robust import ROBUST, robust_optimum
from langmix.errors import InfeasibleError, InputError
from langmix.laws import Laws, refuse_proportion
from langmix.quantities import count

Floats = NDArray[np.float64]

UNIFORM = "uniform"
PROPORTIONAL = "proportional"


class Asked(TypedDict, total=False):
    """What every question may carry besides parameters and tokens; see `allocate`."""

    objective: str | None
    weights: Mapping[str, float] | None
    baseline: str
    available: Mapping[str, float] | None
    max_epochs: float | None
    floors: Mapping[str, float] | None
    ceilings: Mapping[str, float] | None
    fixed: Mapping[str, float] | None
    near: Mapping[str, float] | None
    no_worse_than: Mapping[str, float] | None
    mixtures: Mapping[str, Mapping[str, float]] | None
    robust: str | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Question:
    """An allocation to solve for, at any number of parameters and tokens.

    Attributes:
        others: mixtures to compare with, by name, shape (K,).
        trained: shape (K,), tokens that the model has already seen; the shares are of those that follow.
        asked: what was asked, to ask it again.
    """

    laws: Laws
    objective: str
    weighted: bool
    importance: Floats
    baseline: str
    supply: Floats
    max_epochs: float | None
    floors: Mapping[str, float]
    ceilings: Mapping[str, float]
    fixed: Mapping[str, float]
    near: Mapping[str, float]
    tolerated: Mapping[str, float]
    others: Mapping[str, Floats]
    given: tuple[str, ...]
    robust: str | None
    trained: Floats
    asked: Asked

    @classmethod
    def of(
        cls,
        laws: Laws,
        *,
        objective: str | None = None,
        weights: Mapping[str, float] | None = None,
        baseline: str = UNIFORM,
        available: Mapping[str, float] | None = None,
        max_epochs: float | None = None,
        floors: Mapping[str, float] | None = None,
        ceilings: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
        near: Mapping[str, float] | None = None,
        no_worse_than: Mapping[str, float] | None = None,
        mixtures: Mapping[str, Mapping[str, float]] | None = None,
        robust: str | None = None,
        trained: Floats | None = None,
    ) -> Question:
        """Check what is asked.

        Raises:
            InputError: an unknown name, or a value out of range.
        """
        refuse_proportion(laws)
        supply = laws.supply_vector(available)
        check_epochs(max_epochs, supply)
        fixed = fixed or {}
        others = {UNIFORM: _filled(laws, fixed, np.ones(len(laws.languages)))}
        if np.isfinite(supply).all():
            others[PROPORTIONAL] = _filled(laws, fixed, supply)
        for name, shares in (mixtures or {}).items():
            try:
                others[name] = laws.share_vector(shares)
            except InputError as error:
                raise InputError(f"mixtures: {name}: {error}") from None
        if robust is not None and robust not in ROBUST:
            raise InputError(f"robust: {robust!r} is not known; expected one of {', '.join(ROBUST)}")
        question = cls(
            laws=laws,
            objective=choose(laws, objective),
            weighted=weights is not None,
            importance=importance(laws, weights),
            baseline=baseline,
            supply=supply,
            max_epochs=max_epochs,
            floors=floors or {},
            ceilings=ceilings or {},
            fixed=fixed,
            near=near or {},
            tolerated=no_worse_than or {},
            others=others,
            given=tuple(mixtures or {}),
            robust=robust,
            trained=np.zeros(len(laws.languages)) if trained is None else trained,
            asked={
                "objective": objective,
                "weights": weights,
                "baseline": baseline,
                "available": available,
                "max_epochs": max_epochs,
                "floors": floors,
                "ceilings": ceilings,
                "fixed": fixed,
                "near": near,
                "no_worse_than": no_worse_than,
                "mixtures": mixtures,
                "robust": robust,
            },
        )
        question._check_names()
        return question

    def total(self, tokens: float) -> float:
        """All tokens that the law sees: those before, and the budget."""
        return float(self.trained.sum()) + tokens

    def most_tokens(self) -> float:
        """The largest budget that the data allow within the epochs and the ceilings; may be infinite."""
        if self.max_epochs is None:
            return math.inf
        left = np.maximum(self.supply * self.max_epochs - self.trained, 0.0)
        cap = np.array(
            [self.fixed.get(n, self.ceilings.get(n, 1.0)) for n in self.laws.languages], dtype=float
        )

        def allowed(tokens: float) -> float:
            return float(np.minimum(cap, left / tokens).sum())

        endless = np.isinf(left)
        rest = 1.0 - float(cap[endless].sum())
        if rest <= 0:
            return math.inf
        # The shares allowed fall with the budget: bisect for where they are just 1.
        low, high = 1.0, max(2.0, 2 * float(left[~endless].sum()) / rest)
        if allowed(high) >= 1:
            return math.inf
        for _ in range(200):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if allowed(middle) >= 1 else (low, middle)
        return low

    def left_out(self, name: str) -> tuple[str, ...]:
        """Targets that a mixture gives no token of their own: no law was fitted to such runs."""
        has = self.others[name] + self.trained
        at = {language: k for k, language in enumerate(self.laws.languages)}
        return tuple(t for t in self.laws.targets if t in at and has[at[t]] <= 0)

    def counted(self, name: str) -> NDArray[np.bool_]:
        """Targets that the law can tell under a mixture, shape (T,)."""
        missing = self.left_out(name)
        return np.array([t not in missing for t in self.laws.targets])

    def limits(self, tokens: float, least: Mapping[str, float]) -> Limits:
        """The limits on the shares of a budget."""
        return share_limits(
            self.laws.languages,
            tokens=tokens,
            supply=self.supply,
            max_epochs=self.max_epochs,
            floors=self.floors,
            ceilings=self.ceilings,
            fixed=self.fixed,
            near=[Near(name=n, centre=self.others[n], distance=x) for n, x in self.near.items()],
            least={n: s for n, s in least.items() if n not in self.floors},
            trained=self.trained,
        )

    def programmes(self, params: float, tokens: float) -> tuple[Programme, Programme]:
        """The programme under the best laws, and under all bootstrap laws."""
        total, best, draws = self.total(tokens), self.laws.best, self.laws.draws
        before, part = self.trained / total, tokens / total

        def later(losses: Losses) -> Losses:
            """In the shares of the tokens that follow, where the law sees all of them together."""
            if part == 1.0:
                return losses

            def of_shares(q: Floats) -> tuple[Floats, Floats, Floats, Floats]:
                loss, gradient, factor, diagonal = losses(before + part * q)
                return loss, part * gradient, part * factor, part**2 * diagonal

            return of_shares

        one = as_batch(lambda p: best.derivatives(params, total, p, self.supply))
        return (
            self._programme(later(one)),
            self._programme(later(lambda p: draws.derivatives(params, total, p, self.supply))),
        )

    def optimum(self, point: Programme, spread: Programme, limits: Limits) -> Optimum:
        """The answer, shape (1, K), under the best laws or over all bootstrap laws."""
        if self.robust is None:
            return point.optimum(limits)
        if len(spread.weights) == 0:
            raise InputError(
                f"robust: {self.robust} is over bootstrap laws, and these have none; fit with --draws 200"
            )
        return robust_optimum(point, spread, self.robust, limits)

    def require_solved(self, best: Optimum, point: Programme, limits: Limits, tokens: float) -> None:
        """Explain why there is no optimum.

        Raises:
            InfeasibleError: what would have to give way, in tokens.
        """
        if bool(best.solved[0]):
            return
        free = Limits(lower=np.zeros_like(limits.lower), upper=np.ones_like(limits.upper))
        nearest = Programme(
            losses=point.losses,
            weights=point.weights,
            limits=np.full_like(point.limits, np.inf),
            levels=point.limits,
        )
        asked = ", ".join(f"{part:.3g} over {name}" for name, part in self.tolerated.items())
        if self.tolerated:
            excess, worst = self._excess(nearest, point, free)
            if excess > 1e-7:  # what rounding leaves of a limit that is kept
                raise InfeasibleError(
                    f"no_worse_than ({asked}): no mixture at all keeps these limits together; the nearest "
                    f"leaves {worst} {100 * excess:.3g}% above its limit; allow that much more"
                )
            excess, worst = self._excess(nearest, point, limits)
            if excess > 0:
                ways = giving_way(point.losses, point.limits, limits)
                raise InfeasibleError(
                    f"no_worse_than ({asked}) collides with the other limits: within them the nearest "
                    f"mixture leaves {worst} {100 * excess:.3g}% above its limit; "
                    f"{self._ways(ways, limits, tokens)}, or allow that much more"
                )
        raise InfeasibleError(
            f"the solver did not certify an optimum (KKT residual {best.kkt[0]:.1e}); the laws may be "
            "degenerate: see the status of the fits"
        )

    def _excess(self, nearest: Programme, point: Programme, limits: Limits) -> tuple[float, str]:
        shares = nearest.optimum(limits).shares
        excess = point.losses(shares)[0][0] / point.limits[0] - 1.0
        worst = int(np.argmax(excess))
        return float(excess[worst]), self.laws.targets[worst]

    def _ways(self, ways: Optimum, limits: Limits, tokens: float) -> str:
        give, size = ways.further[0], len(limits.lower)
        parts = [
            f"{what} of {name} by {count(float(by) * tokens)} tokens"
            for what, per_language in (("the least share", give[:size]), ("the cap", give[size : 2 * size]))
            for name, by in zip(self.laws.languages, per_language, strict=True)
            if by > 1e-5
        ]
        parts += [
            f"the distance from {one.name} by {count(float(by) * tokens)} tokens"
            for one, by in zip(limits.near, give[2 * size :], strict=False)
            if by > 1e-5
        ]
        return f"loosen {', '.join(parts)}" if parts else "loosen a floor, a cap or a distance"

    def _programme(self, losses: Losses) -> Programme:
        other = {name: losses(p)[0] for name, p in self.others.items()}
        shape = other[UNIFORM].shape
        limits = np.full(shape, np.inf)
        for name, excess in self.tolerated.items():
            below = np.where(self.counted(name), other[name] * (1 + excess), np.inf)
            limits = np.minimum(limits, below)
        return Programme(
            losses=losses,
            weights=weights_of(self.laws, self.objective, self.importance, other[self.baseline]),
            limits=limits,
            levels=levels_of(self.laws, self.importance, shape) if self.objective == "worst" else None,
        )

    def _check_names(self) -> None:
        known = ", ".join(self.others)
        for what, names in (
            ("no_worse_than", self.tolerated),
            ("near", self.near),
            ("baseline", [self.baseline]),
        ):
            for name in names:
                if name not in self.others:
                    hint = (
                        "; proportional needs the available tokens of every language"
                        if name == PROPORTIONAL
                        else ""
                    )
                    raise InputError(f"{what}: unknown mixture {name!r}; expected one of {known}{hint}")
        for name, excess in self.tolerated.items():
            if not 0 <= excess < 1:
                raise InputError(
                    f"no_worse_than: {name} is {excess}; expected a part of the loss, such as 0.01 for 1%"
                )
        missing = [t for t in self.left_out(self.baseline) if self.importance[self.laws.targets.index(t)] > 0]
        if missing and self.objective == "relative":
            raise InputError(
                f"baseline: the mixture {self.baseline!r} has no {missing[0]}, so that the laws say nothing "
                f"about its loss there; give it a share, or weight {missing[0]} with 0"
            )


def _filled(laws: Laws, fixed: Mapping[str, float], parts: Floats) -> Floats:
    """A mixture with the fixed shares as they are and the rest split by ``parts``, shape (K,)."""
    is_fixed = np.array([name in fixed for name in laws.languages])
    shares = np.array([float(fixed.get(name, 0.0)) for name in laws.languages])
    rest = np.where(is_fixed, 0.0, parts)
    left = max(1.0 - shares.sum(), 0.0)
    filled: Floats = shares + (left * rest / rest.sum() if rest.sum() > 0 else 0.0)
    total = filled.sum()
    return filled / total if total > 0 else np.full(len(filled), 1 / len(filled))
