"""Boosted trees as in RegMix (Liu et al. 2024, arXiv 2407.01492): LightGBM, one model per target.

Parameters as published: 1,000 trees at a learning rate of 0.01, stopped early after 3 rounds without a gain
in l1 or l2, seed 42, LightGBM's defaults otherwise. Where ours deviates, always to less error: the runs on
which it stops are a fifth of the training part (RegMix stops on the runs that it reports), as many trees are
then fitted to all of it, and a leaf may hold fewer than LightGBM's 20 checkpoints where there are fewer than
400.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from langmix.errors import MissingExtraError
from langmix.laws.rivals._training import Training
from langmix.runs import RunTable

if TYPE_CHECKING:
    import lightgbm

Floats = NDArray[np.float64]

_PUBLISHED: Final = {"num_iterations": 1000, "learning_rate": 0.01, "seed": 42, "metric": ["l1", "l2"]}
_QUIET: Final = {"verbosity": -1}
_REPRODUCIBLE: Final = {"deterministic": True, "force_row_wise": True, "num_threads": 1, **_QUIET}
_LEAF: Final = 20
_PATIENCE: Final = 3
_FOLDS: Final = 5


class Trees:
    """LightGBM on log N, log D, the shares, and the epochs where data was repeated."""

    name = "trees"
    description = "boosted trees, LightGBM as in RegMix (arXiv 2407.01492)"

    def missing(self, runs: RunTable) -> str:
        """Whether LightGBM is installed."""
        if importlib.util.find_spec("lightgbm") is not None:
            return ""
        return str(MissingExtraError(extra="trees", module="lightgbm", purpose="the rival 'trees'"))

    def fit(self, training: Training) -> TreesFit:
        """One model per target; a fifth of the runs says when to stop."""
        import lightgbm

        runs = training.runs
        repeats = bool((runs.tokens[:, None] * runs.shares > runs.unique).any())
        inputs, stopping = _features(runs, repeats), training.folds(_FOLDS) == 0
        models = []
        for losses in runs.losses.T:
            measured = np.isfinite(losses)
            learn, stop = measured & ~stopping, measured & stopping
            chosen = {
                **_PUBLISHED,
                **_REPRODUCIBLE,
                "min_data_in_leaf": min(_LEAF, max(2, int(learn.sum()) // 20)),
            }
            part = lightgbm.Dataset(inputs[learn], losses[learn], params=_QUIET)
            first = lightgbm.train(
                chosen,
                part,
                valid_sets=[part.create_valid(inputs[stop], losses[stop])],
                callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
            )
            everything = lightgbm.Dataset(inputs[measured], losses[measured], params=_QUIET)
            models.append(
                lightgbm.train({**chosen, "num_iterations": max(1, first.best_iteration)}, everything)
            )
        return TreesFit(models, repeats)


class TreesFit:
    """A model per target."""

    def __init__(self, models: list[lightgbm.Booster], repeats: bool) -> None:
        self._models: list[Any] = models
        self._repeats = repeats

    def __call__(self, runs: RunTable) -> Floats:
        """Losses, shape (n, T)."""
        inputs = _features(runs, self._repeats)
        return np.column_stack([model.predict(inputs, num_threads=1) for model in self._models])


def _features(runs: RunTable, repeats: bool) -> Floats:
    """Shape (n, 2 + K), or (n, 2 + 2 K) with the epochs of each language."""
    columns = [np.log(runs.params), np.log(runs.tokens), runs.shares]
    if repeats:
        columns.append(runs.tokens[:, None] * runs.shares / runs.unique)
    return np.column_stack(columns)
