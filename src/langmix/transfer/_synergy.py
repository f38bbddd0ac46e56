r"""Synergy of language pairs, as the reference study defines it, and taken apart.

With the arms of a pair at 2H tokens (arXiv 2512.13472, table 1, positive = better):

    synergy gain   (L_i(twice) - L_i(mixed)) / L_i(twice)

It mixes two effects, which the third arm, i alone at H tokens, separates:

    teaching       (L_i(alone) - L_i(mixed)) / L_i(alone)     what j teaches about i
    second pass    (L_i(alone) - L_i(twice)) / L_i(alone)     what a second pass over i is worth

The gain's sign belongs to the regime (N, D, epochs), not to the pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.runs import RunTable
from langmix.transfer._arms import Arms, arms
from langmix.transfer._resolved import resolved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Synergy:
    """Synergy of the pairs that were trained, at one size and token count.

    Attributes:
        languages: in the order of rows and columns.
        params, tokens: the size of the runs and 2H.
        gain: shape (K, K), target by auxiliary; NaN where the pair was not trained; 0 on the diagonal.
        teaching: shape (K, K); NaN where an arm is missing.
        second_pass: shape (K,).
        noise: shape (K,): standard deviation of the log loss between seeds, per target; NaN where no run was
            repeated under another seed.
        degrees_of_freedom: shape (K,), of the noise.
        resolved: shape (K, K): whether noise does not explain the gain, controlling the false discovery rate
            over all cells at 10% (Benjamini & Hochberg 1995).
    """

    languages: tuple[str, ...]
    params: float
    tokens: float
    gain: Floats
    teaching: Floats
    second_pass: Floats
    noise: Floats
    degrees_of_freedom: NDArray[np.int64]
    resolved: NDArray[np.bool_]

    def plot(self) -> Figure:
        """Heat maps of gain and teaching, as on the page; gains that noise explains are hatched.

        ``synergy(runs)[-1].plot().savefig("synergy.svg")`` writes that of the largest scale.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from langmix.report import plots  # late: the room of figures comes after this one

        return plots.synergy(self)

    def frame(self) -> pd.DataFrame:
        """A row per trained cell: target, auxiliary, gain, teaching, second pass, resolved."""
        rows = [
            {
                "target": self.languages[i],
                "auxiliary": self.languages[j],
                "gain": self.gain[i, j],
                "teaching": self.teaching[i, j],
                "second_pass": self.second_pass[i],
                "resolved": bool(self.resolved[i, j]),
            }
            for i, j in zip(*np.nonzero(np.isfinite(self.gain)), strict=True)
            if i != j
        ]
        return pd.DataFrame(
            rows, columns=["target", "auxiliary", "gain", "teaching", "second_pass", "resolved"]
        )


def synergy(runs: RunTable) -> list[Synergy]:
    """Synergy of all pairs in a run table, one entry per size and token count, the largest last.

    Raises:
        InputError: the table has no pair with its self-repetition; says which runs would give one.
    """
    return [_of(runs.languages, at_scale) for at_scale in arms(runs)]


def _of(languages: tuple[str, ...], at: Arms) -> Synergy:
    alone, twice = at.alone.loss, at.twice.loss
    gain = (twice[:, None] - at.mixed.loss) / twice[:, None]
    np.fill_diagonal(gain, 0.0)
    error = np.hypot(at.error(at.mixed), at.error(at.twice)[:, None])
    return Synergy(
        languages=languages,
        params=at.params,
        tokens=at.tokens,
        gain=gain,
        teaching=(alone[:, None] - at.mixed.loss) / alone[:, None],
        second_pass=(alone - twice) / alone,
        noise=at.noise,
        degrees_of_freedom=at.freedom,
        resolved=resolved(gain, error, np.broadcast_to(at.freedom[:, None], gain.shape)),
    )
