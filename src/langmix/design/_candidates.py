"""The runs that could be bought: languages alone, repeated, in pairs and mixed, at every size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from langmix.design._arms import mixtures
from langmix.design._planned import PlannedRun

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A run that may be bought up to any of its budgets.

    Attributes:
        run: with all its budgets.
        params: of its size.
    """

    run: PlannedRun
    params: float

    def until(self, budgets: int) -> PlannedRun:
        """The run with its first ``budgets`` budgets only (at least one)."""
        return replace(self.run, budgets=self.run.budgets[:budgets])

    def flops(self, budgets: int) -> float:
        """Price of the run with its first ``budgets`` budgets: 6 N D over trunk and branches; 0 for none."""
        return 6.0 * self.params * self.until(budgets).trained_tokens if budgets else 0.0

    def share_vector(self, languages: Sequence[str]) -> Floats:
        """Shares in the order of ``languages``, shape (K,)."""
        return np.array([self.run.shares.get(name, 0.0) for name in languages])

    def supply_vector(self, languages: Sequence[str]) -> Floats:
        """Distinct tokens in the order of ``languages``, shape (K,); infinite where there is no limit."""
        return np.array([self.run.unique.get(name, np.inf) for name in languages], dtype=float)


def candidates(
    languages: Sequence[str],
    *,
    sizes: Mapping[str, float],
    budgets: Mapping[str, Sequence[int]],
    repetition: bool,
    random_mixtures: int,
    concentration: float,
    seed: int,
) -> list[Candidate]:
    """Every kind of run at every size, each with all budgets of its size.

    Args:
        languages: to train on.
        sizes: parameters by name of the size.
        budgets: training tokens per size, ascending.
        repetition: whether runs that repeat a quarter of their tokens are among them; they tell R.
        random_mixtures: per size, drawn from a symmetric Dirichlet distribution; uniform comes on top.
        concentration: of the Dirichlet.
        seed: of the mixtures, and of weights and data orders.
    """
    found = []
    for size, params in sizes.items():
        kinds: list[tuple[str, str, Mapping[str, float], Mapping[str, int]]] = [
            ("grid", name, {name: 1.0}, {}) for name in languages
        ]
        if repetition:
            quarter = max(budgets[size][-1] // 4, 1)
            kinds += [("self", name, {name: 1.0}, {name: quarter}) for name in languages]
        if len(languages) > 1:
            kinds += [("pair", f"{i}+{j}", {i: 0.5, j: 0.5}, {}) for i, j in combinations(languages, 2)]
            kinds += [
                ("mixture", drawn.run.split("-", 1)[0], drawn.shares, {})
                for drawn in mixtures(
                    languages,
                    count=random_mixtures,
                    size=size,
                    budgets=budgets[size],
                    concentration=concentration,
                    seed=seed,
                )
            ]
        found += [
            Candidate(
                run=PlannedRun(
                    run=f"plan-{what}-{size}-s{seed}"
                    if arm == "mixture"
                    else f"plan-{arm}-{what}-{size}-s{seed}",
                    arm=arm,
                    size=size,
                    budgets=tuple(budgets[size]),
                    shares=shares,
                    seed=seed,
                    unique=unique,
                ),
                params=params,
            )
            for arm, what, shares, unique in kinds
        ]
    return found
