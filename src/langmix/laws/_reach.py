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
    """

    params: tuple[float, float]
    tokens: tuple[float, float]
    least_share: Mapping[str, float] = field(default_factory=dict)

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
        )

    def warnings(self, *, params: float, tokens: float) -> tuple[str, ...]:
        """Sentences that say by what factor the question leaves the range; none inside it."""
        found = []
        for what, value, (smallest, largest) in (
            ("parameters", params, self.params),
            ("tokens", tokens, self.tokens),
        ):
            if value > FAR * largest:
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
