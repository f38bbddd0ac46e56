"""pass@k by the unbiased estimator of Chen et al. 2021 (arXiv 2107.03374, equation 1), with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import beta

from langmix.errors import InputError
from langmix.evaluate._shared import resampled
from langmix.laws import INTERVAL, interval

DRAWS: Final = 2000


class PassAtK(NamedTuple):
    """pass@k of the problems of one language.

    Attributes:
        k: samples that a problem may have.
        value: mean over problems of the chance that one of k samples passes.
        low, high: its 90% interval, over problems.
        problems: counted.
        samples: counted, harness faults left out.
    """

    k: int
    value: float
    low: float
    high: float
    problems: int
    samples: int


def estimate(samples: int, passed: int, k: int) -> float:
    """1 - C(n - c, k) / C(n, k): the chance that one of k samples out of n, of which c pass, passes.

    Raises:
        InputError: fewer samples than k.
    """
    if samples < k:
        raise InputError(f"pass@{k} needs {k} samples of every problem; one has {samples}")
    if samples - passed < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(samples - passed + 1, samples + 1)))


def pass_at_k(passed: Mapping[str, Sequence[bool]], k: int, *, seed: int = 0) -> PassAtK:
    """pass@k over problems.

    The interval is a bootstrap over problems. Where all problems came out alike it would have no width: it is
    then that of Clopper and Pearson 1934 for so many problems, of which that part passed.

    Args:
        passed: whether each sample passed, by problem.
        k: samples that a problem may have.
        seed: of the bootstrap.

    Raises:
        InputError: no problems, or fewer than k samples of one.
    """
    if not passed:
        raise InputError(f"pass@{k}: no problem was judged")
    if few := [name for name, each in passed.items() if len(each) < k]:
        raise InputError(
            f"pass@{k} needs {k} samples of every problem; {few[0]!r} has {len(passed[few[0]])} that count "
            f"({len(few)} problems have too few); write more, or ask for a smaller k"
        )
    chances = np.array([estimate(len(each), sum(each), k) for each in passed.values()])
    many, value = len(chances), float(chances.mean())
    if chances.min() == chances.max():
        tail, passing = (1 - INTERVAL) / 2, value * many
        low = float(beta.ppf(tail, passing, many - passing + 1)) if value > 0 else 0.0
        high = float(beta.ppf(1 - tail, passing + 1, many - passing)) if value < 1 else 1.0
    else:
        drawn = resampled(many, draws=DRAWS, seed=seed) @ chances / many
        low, high = (float(end) for end in interval(drawn, np.array(value)))
    return PassAtK(k, value, low, high, many, sum(map(len, passed.values())))
