"""What competes for the least error on held-out runs: anything that learns from runs and predicts losses."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from langmix.laws.rivals._training import Training
from langmix.runs import RunTable

Floats = NDArray[np.float64]


class Predictor(Protocol):
    """What a rival has learnt."""

    def __call__(self, runs: RunTable) -> Floats:
        """Losses of the checkpoints of a table, shape (n, T), nats per token; NaN where it says nothing.

        The losses that the table holds are not looked at.
        """


class Rival(Protocol):
    """A way to predict losses.

    Attributes:
        name: as the comparison shows it.
        description: one line, with the source.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def missing(self, runs: RunTable) -> str:
        """Why it cannot compete on these runs and what would help, in a sentence; empty where it can."""

    def fit(self, training: Training) -> Predictor:
        """Learn from the training part, which holds no row that is predicted later."""
