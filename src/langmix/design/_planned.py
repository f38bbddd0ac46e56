"""A planned run: what to train on how much of what, and its price."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from langmix.errors import InputError

COOLDOWN: Final = 0.125
"""Part of a budget that its cooldown branch takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """One trunk with a cooldown branch, and so a checkpoint, at each of its budgets.

    The branches share the trunk's seed and data: they are one run for every resampling.

    Attributes:
        run: its name.
        arm: what it is for: ``grid``, ``self``, ``pair``, ``mixture`` or ``seed``.
        size: name of a model size.
        budgets: training tokens at which a checkpoint is taken, ascending.
        shares: part of the tokens per language, summing to 1.
        seed: of weights and data order.
        unique: cap on the distinct training tokens per language; absent is all there are.
        learning_rate: peak; absent is that of the recipe's rule.
    """

    run: str
    arm: str
    size: str
    budgets: tuple[int, ...]
    shares: Mapping[str, float]
    seed: int = 0
    unique: Mapping[str, int] = field(default_factory=dict)
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if not self.budgets or list(self.budgets) != sorted(set(self.budgets)) or self.budgets[0] <= 0:
            raise InputError(
                f"run {self.run!r}: budgets {self.budgets}; expected ascending token counts above 0"
            )
        total = math.fsum(self.shares.values())
        if not abs(total - 1) <= 1e-6 or min(self.shares.values()) < 0:  # NaN is neither
            raise InputError(f"run {self.run!r}: shares {dict(self.shares)}; expected parts that sum to 1")

    @property
    def trained_tokens(self) -> int:
        """Tokens that the trunk and its branches train on together."""
        return round((1 - COOLDOWN) * self.budgets[-1] + COOLDOWN * sum(self.budgets))


def separate_tokens(runs: Iterable[PlannedRun]) -> int:
    """Tokens that the same checkpoints would take as separate full runs."""
    return sum(sum(run.budgets) for run in runs)
