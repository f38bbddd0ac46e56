"""How a run is trained, beside its data; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from langmix.config import Config
from langmix.errors import InputError


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
