"""The Bayesian bootstrap over runs: weights of the rows, one set per draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Floats = NDArray[np.float64]


def run_weights(run: NDArray[np.intp], effective: float, draws: int, seed: int) -> Floats:
    """Weights of the rows, shape (draws, n): equal for all rows of a run, of mean 1.

    The Bayesian bootstrap (Rubin 1981): a weight per run, so that no draw loses a language outright.
    Residuals of a fit with P parameters are smaller than the noise, most of all where runs are few: the
    variance of the weights is that of cluster-robust errors, G / (G - 1) (n - 1) / (n - P) for n rows of G
    runs (Cameron & Miller 2015), in place of 1.

    A run that weighs much in a draw weighs much for every target: its weight is the quantile of a number that
    the seed and the run alone decide. A mixture is a run for all its languages, and their laws err together.

    Args:
        run: shape (n,), index of the run of each row, counted alike for all targets.
        effective: P, parameters that the rows determine.
        draws: sets of weights.
        seed: one for all targets.
    """
    rows, runs = len(run), len(np.unique(run))
    if runs == 1:  # equal weights say nothing: the scatter of its checkpoints is all there is
        run = np.arange(rows)
        runs = rows
    variance = max(runs / max(runs - 1, 1) * (rows - 1) / max(rows - effective, 1.0), 1.0)
    # Run by run, so that runs that a target lacks shift no other.
    quantiles = np.random.default_rng(seed).random((int(run.max()) + 1, draws))[run].T
    return np.asarray(variance * gammaincinv(1 / variance, quantiles), dtype=np.float64)
