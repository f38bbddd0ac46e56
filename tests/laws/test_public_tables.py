"""Public run tables: what langmix must reach on data that it never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from langmix.laws import fit
from langmix.runs import RunTable, read_runs


def score(train: RunTable, test: RunTable) -> tuple[float, float]:
    """Mean Spearman correlation over the losses, and mean absolute relative error."""
    best = fit(train, law="ces", draws=0).best
    predicted = best.loss(test.params[:, None], test.tokens[:, None], test.shares)
    correlation = [spearmanr(predicted[:, t], test.losses[:, t]).statistic for t in range(len(test.targets))]
    return float(np.mean(correlation)), float(np.abs(predicted / test.losses - 1).mean())


@pytest.mark.conformance
def test_the_ces_law_ranks_mixtures_at_least_as_well_as_boosted_trees(shared_data: Path) -> None:
    """LightGBM on the same split: 0.9888 and 1.26% with 512 runs, 0.914 with 32."""
    train, test = (read_runs(shared_data / "runs" / f"regmix-1m-{part}.csv") for part in ("train", "test"))
    correlation, error = score(train, test)
    assert correlation >= 0.9888
    assert error < 0.0126
    rng = np.random.default_rng(0)
    few = [
        score(train.select(np.isin(np.arange(512), rng.choice(512, 32, replace=False))), test)
        for _ in range(3)
    ]
    assert np.mean([correlation for correlation, _ in few]) > 0.97
