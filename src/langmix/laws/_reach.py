"""How far a question lies outside the runs: every prediction far outside carries a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from langmix.quantities import count
from langmix.runs import RunTable

FAR: Final = 2.0
"""A factor beyond the largest or below the smallest run from which a prediction carries a warning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far the runs reach that the laws were fitted to.

    Attributes:
        params, tokens: of the smallest and the largest run.
        least_share: per language that is a target, the smallest share above 0 at which its loss was measured.
            The laws are not fitted to runs without a language, and say nothing about less than this.
        passes: most passes of a run over the data of a language; 1 where none repeated any.
    """

    params: tuple[float, float]
    tokens: tuple[float, float]
    least_share: Mapping[str, float] = field(default_factory=dict)
    passes: float = 1.0

    @classmethod
    def of(cls, runs: RunTable) -> Reach:
        """The range of a run table."""
        return cls(
            params=(float(runs.params.min()), float(runs.params.max())),
            tokens=(float(runs.tokens.min()), float(runs.tokens.max())),
            least_share={
                name: float(runs.shares[seen, k].min())
                for k, name in enumerate(runs.languages)
                if name in runs.targets
                and (
                    seen := (runs.shares[:, k] > 0) & np.isfinite(runs.losses[:, runs.targets.index(name)])
                ).any()
            },
            passes=max(1.0, float((runs.shares * runs.tokens[:, None] / runs.unique).max())),
        )

    def warnings(self, *, params: float, tokens: float) -> tuple[str, ...]:
        """Sentences that say by what factor the question leaves the range; none inside it."""
        found = []
        for what, value, (smallest, largest) in (
            ("parameters", params, self.params),
            ("tokens", tokens, self.tokens),
        ):
            if largest < 1.01 * smallest and not 0.99 * smallest < value < 1.01 * largest:
                found.append(
                    f"all runs have {count(largest)} {what}, so the laws cannot tell what another number of "
                    "them changes; the prediction is for theirs"
                )
            elif value > FAR * largest:
                found.append(
                    f"{count(value)} {what} is {_times(value / largest)} the largest run ({count(largest)}): "
                    "an extrapolation; the interval holds only if the law keeps its form that far out"
                )
            elif value < smallest / FAR:
                found.append(
                    f"{count(value)} {what} is {_times(smallest / value)} below the smallest run "
                    f"({count(smallest)}): an extrapolation; the interval holds only if the law keeps its "
                    "form"
                )
        return tuple(found)

    def repetition_warnings(self, passes: Mapping[str, float]) -> tuple[str, ...]:
        """A sentence on languages with many more passes than any run made; none if there are none."""
        more = [f"{name} {n:.3g}" for name, n in passes.items() if n > max(FAR * (self.passes - 1) + 1, 1.1)]
        if not more:
            return ()
        known = f"{self.passes:.3g} at most" if self.passes > 1.1 else "none: a prior tells their worth"
        return (f"more passes over the same tokens than in any run: {', '.join(more)} (runs: {known})",)

    def share_warnings(self, shares: Mapping[str, float]) -> tuple[str, ...]:
        """A sentence on languages with less than any run gave them; none if there are none."""
        less = [
            f"{name} {100 * shares[name]:.2g}% (runs: {100 * least:.2g}% or more)"
            for name, least in self.least_share.items()
            if shares[name] < least * (1 - 1e-3)
        ]
        if not less:
            return ()
        return (f"less of a language than in any run that measured its loss: {', '.join(less)}",)


def _times(factor: float) -> str:
    """2.5 times, 15,000 times: three significant digits without an exponent."""
    return f"{float(f'{factor:.3g}'):,.10g} times"
