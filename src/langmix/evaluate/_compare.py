"""One mixture against another by what was counted of the same documents under the same seeds.

Two things are drawn at random: the seeds of the runs and the held-out documents. Of the seeds there are few,
so their part is Student's; that of the documents is a bootstrap, in which both mixtures meet the same
documents. The variances are added; the degrees of freedom are Satterthwaite's (1946, Biometrics Bulletin 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from langmix.evaluate._shared import resampled
from langmix.laws import INTERVAL

_DRAWS: Final = 1000

Counts = NDArray[np.float64]
"""What was counted, shape (seeds, documents, counts)."""
Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From summed counts, shape (..., counts), to scores, shape (...)."""


class Difference(NamedTuple):
    """By how much one mixture is better than another.

    Attributes:
        value: mean over seeds.
        low, high: its 90% interval, over seeds and documents; NaN from one seed.
    """

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What that says."""
        if not np.isfinite(self.value):
            return "a run diverged: it has no loss"
        if not self.low <= self.high:
            return "one run per mixture: the noise between seeds is not known"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "can't tell"


def difference(
    first: Mapping[str, Counts],
    second: Mapping[str, Counts],
    score: Score,
    better: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    *,
    weights: Mapping[str, float],
    draws: int = _DRAWS,
    seed: int = 0,
) -> Difference:
    """Compare two mixtures, each trained under the same seeds.

    Args:
        first: what was counted of one, by language.
        second: of the other, on the same documents and in the same order of seeds.
        score: of the counts of a language.
        better: from the scores of the first and the second, means of the languages by their weights, to by
            how much the second is better; shapes are kept.
        weights: of the languages.
        draws: bootstrap draws over the documents of each language.
        seed: of the draws.
    """
    names = [name for name, weight in weights.items() if weight > 0]

    def mean(of: Mapping[str, Counts], drawn: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
        """Scores of each draw and seed, shape (draws, seeds)."""
        scores = [weights[n] * score(np.einsum("dn,snc->dsc", drawn[n], of[n])) for n in names]
        whole: NDArray[np.float64] = np.sum(scores, axis=0) / sum(weights[n] for n in names)
        return whole

    many = {name: first[name].shape[1] for name in names}
    once = {name: np.ones((1, many[name]), dtype=np.int64) for name in names}
    drawn = {name: resampled(many[name], draws=draws, seed=seed + k) for k, name in enumerate(names)}
    by_seed = better(mean(first, once), mean(second, once))[0]
    over_documents = better(mean(first, drawn), mean(second, drawn)).mean(axis=1).var(ddof=1)
    value, seeds = float(by_seed.mean()), len(by_seed)
    if seeds < 2:
        return Difference(value, np.nan, np.nan)
    over_seeds = by_seed.var(ddof=1) / seeds
    variance = over_seeds + over_documents
    if variance == 0:
        return Difference(value, value, value)
    freedom = variance**2 / (over_seeds**2 / (seeds - 1) + over_documents**2 / max(1, min(many.values()) - 1))
    half = float(stats.t.ppf(0.5 + INTERVAL / 2, freedom) * np.sqrt(variance))
    return Difference(value, value - half, value + half)
