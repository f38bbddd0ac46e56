"""The Bayesian bootstrap over runs: weights of the rows, one set per draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def run_weights(run: NDArray[np.intp], effective: float, draws: int, rng: np.random.Generator) -> Floats:
    """Weights of the rows, shape (draws, n): equal for all rows of a run, of mean 1.

    The Bayesian bootstrap (Rubin 1981): a weight per run, so that no draw loses a language outright.
    Residuals of a fit with P parameters are smaller than the noise, most of all where runs are few: the
    variance of the weights is that of cluster-robust errors, G / (G - 1) (n - 1) / (n - P) for n rows of G
    runs (Cameron & Miller 2015), in place of 1.

    Args:
        run: shape (n,), index of the run of each row.
        effective: P, parameters that the rows determine.
        draws: sets of weights.
        rng: of the weights.
    """
    rows, runs = len(run), len(np.unique(run))
    variance = max(runs / max(runs - 1, 1) * (rows - 1) / max(rows - effective, 1.0), 1.0)
    by_run = rng.gamma(1 / variance, variance, size=(draws, int(run.max()) + 1))
    weights: Floats = by_run[:, run]
    return weights
