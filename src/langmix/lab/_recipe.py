"""How a run is trained, beside its data; importable without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field

from langmix.config import Config
from langmix.errors import InputError

_LAB: Final = 3e7
"""Parameters up to which recipes are the lab's own."""
_SEQUENCES: Final = ((1e6, 128), (_LAB, 512), (math.inf, 2048))
"""Largest model, and tokens of its sequences."""


class Recipe(Config):
    """Hyperparameters of every run of a sweep.

    Attributes:
        sequence: tokens of a sequence.
        batch: sequences per step.
        learning_rate: peak, at ``reference_params`` non-embedding parameters.
        learning_rate_exponent: power of N / ``reference_params`` by which it changes.
        reference_params: see ``learning_rate``.
        warmup_steps: of linear warmup.
        beta2: decay of AdamW's second moment.
        weight_decay: of matrices.
        clip: largest norm of the gradient.
        evaluation_tokens: of validation text per language and checkpoint.
        precision: of products of matrices; weights, moments and sums are in float32 with either.
    """

    sequence: int = Field(default=128, gt=1)
    batch: int = Field(default=4, gt=0)
    learning_rate: float = Field(default=2e-3, gt=0)
    learning_rate_exponent: float = -0.25
    reference_params: float = Field(default=100_000, gt=0)
    warmup_steps: int = Field(default=50, ge=0)
    beta2: float = Field(default=0.99, gt=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)
    evaluation_tokens: int = Field(default=16_384, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"

    @classmethod
    def near(cls, *, params: float, budgets: Sequence[int]) -> Recipe:
        """A recipe for a study: of its largest model, and its budgets.

        Batches are a power of two of sequences, at most the 0.58 D^0.571 tokens of Step Law (Li et al. 2025,
        arXiv 2503.04715) at the geometric mean D of the budgets, since one trunk serves all of them; at the
        lab's small scale that is within 1% of the best batch. Learning rates are those of Step Law,
        1.79 N^-0.713 D^0.307, where its models were (from 30M parameters on), and the lab's own below, where
        it is 2 to 18 times too high (docs/studies.md has the sweep).

        Args:
            params: non-embedding, of the largest model.
            budgets: tokens.
        """
        sequence = next(length for most, length in _SEQUENCES if params <= most)
        tokens = math.exp(sum(map(math.log, budgets)) / len(budgets))
        batch = 2 ** max(0, math.floor(math.log2(0.58 * tokens**0.571 / sequence)))
        if params <= _LAB:
            return cls(sequence=sequence, batch=batch)
        return cls(
            sequence=sequence,
            batch=batch,
            learning_rate=float(f"{1.79 * params**-0.713 * tokens**0.307:.2g}"),
            learning_rate_exponent=-0.713,
            reference_params=params,
            warmup_steps=max(50, min(2000, round(min(budgets) / (sequence * batch) / 20))),
            evaluation_tokens=262_144,
        )

    @property
    def batch_tokens(self) -> int:
        """Tokens per step."""
        return self.sequence * self.batch

    def steps(self, budget: int) -> int:
        """Whole steps, as near as can be to a budget of tokens.

        Raises:
            InputError: the budget is less than one step.
        """
        if budget < self.batch_tokens:
            raise InputError(
                f"a budget of {budget} tokens is less than one batch ({self.batch} sequences of "
                f"{self.sequence} tokens); give at least {self.batch_tokens}"
            )
        return round(budget / self.batch_tokens)

    def peak(self, params: float) -> float:
        """Peak learning rate of a model of ``params`` non-embedding parameters."""
        relative: float = (params / self.reference_params) ** self.learning_rate_exponent
        return self.learning_rate * relative
