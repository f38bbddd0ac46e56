r"""What a second pass and another language are worth, in fresh tokens of the target.

Synergy compares two losses; here both arms are read on the same curve, that of the target alone over its own
fresh tokens, L(D) = F + B D^-beta with F = E + A N^-alpha (Hoffmann et al. 2022, arXiv 2203.15556). With the
loss above F at H tokens of i alone, and in the arm,

    worth = (L_alone - F)^(1/beta) / (L_arm - F)^(1/beta) - 1

is the part of H further tokens of i that the arm's other half replaces. For the second pass it is, in the law
of repetition (Muennighoff et al. 2023, arXiv 2305.16264, equation 5), R (1 - exp(-1 / R)), which gives R; for
H tokens of j it is tau, where languages replace each other at fixed rates. So the two are told apart: by the
arms alone and the curve of one language, whatever the form of the law of mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import lambertw

from langmix.errors import InputError
from langmix.laws import Laws, fit
from langmix.runs import FRESH, RunTable
from langmix.transfer._arms import Arms, Mean, arms
from langmix.transfer._estimate import Estimate

Floats = NDArray[np.float64]

_LEAST: Final = 8
"""Checkpoints of a language alone, without repetition, that a curve needs."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TokenWorth:
    """Worth of a second pass and of other languages at one size and token count.

    Attributes:
        languages: in the order of rows and columns.
        params, tokens: the size of the runs and 2H.
        second_pass: shape (K,), in fresh tokens of the language per repeated token; 1 is as good as new.
        repetition: shape (K,), the constant R of that, in passes; infinite where a second pass shows no loss.
        auxiliary: shape (K, K), target by auxiliary: fresh tokens of the target that one of the auxiliary is
            worth; infinite where the loss fell below the irreducible loss of the curve.
    """

    languages: tuple[str, ...]
    params: float
    tokens: float
    second_pass: Estimate
    repetition: Estimate
    auxiliary: Estimate

    def frame(self) -> pd.DataFrame:
        """A row per target and auxiliary, the target itself being its second pass."""
        rows = []
        for i, target in enumerate(self.languages):
            for j, source in enumerate(self.languages):
                of, at = (self.second_pass, (i,)) if i == j else (self.auxiliary, (i, j))
                if not np.isnan(of.value[at]):
                    rows.append((target, source, of.value[at], of.low[at], of.high[at]))
        return pd.DataFrame(rows, columns=["target", "source", "worth", "low", "high"])

    def repetition_frame(self) -> pd.DataFrame:
        """A row per language with its repetition constant, in passes."""
        R = self.repetition
        every = pd.DataFrame({"language": self.languages, "R": R.value, "low": R.low, "high": R.high})
        return every[every["R"].notna()]


def token_worth(runs: RunTable, *, draws: int = 200, seed: int = 0) -> list[TokenWorth]:
    """Worth of second passes and of other languages, one entry per size and token count, the largest last.

    Intervals hold the noise between seeds (where no run was repeated, the scatter around the curve) and the
    uncertainty of the curve (a bootstrap over runs).

    Args:
        runs: a table with the arms of pairs, and a few budgets of each language alone.
        draws: of the bootstrap and of the noise.
        seed: of these.

    Raises:
        InputError: no pair can be compared, or no language has a curve; says which runs would allow it.
    """
    at_scales = arms(runs)
    curves = _curves(runs, draws, seed)
    return [_of(runs.languages, at, curves, seed) for at in at_scales]


def _curves(runs: RunTable, draws: int, seed: int) -> Laws:
    """Laws of the languages alone, from checkpoints that repeat nothing."""
    named = [name for name in runs.languages if name in runs.targets]
    alone = runs.alone(named, most_passes=FRESH)
    measured = dict(zip(alone.targets, np.isfinite(alone.losses).sum(axis=0), strict=True))
    known = [name for name in named if measured.get(name, 0) >= _LEAST]
    if not known:
        raise InputError(
            f"{runs.source}: no language has {_LEAST} checkpoints alone and without repetition; the worth of "
            "a second pass and of another language is read on the curve of such runs over tokens"
        )
    return fit(runs.alone(known, most_passes=FRESH), law="chinchilla", draws=draws, seed=seed)


def _of(languages: tuple[str, ...], at: Arms, curves: Laws, seed: int) -> TokenWorth:
    rows = [curves.targets.index(name) if name in curves.targets else -1 for name in languages]
    known = np.array(rows) >= 0
    scatter = np.array([curves.summaries[r].noise if r >= 0 else np.nan for r in rows])
    at = at._replace(noise=np.where(np.isnan(at.noise), scatter, at.noise))

    # The best curve stands first, before its draws; so do the arms as they were measured.
    values = {
        name: np.concatenate([curves.best.values[name][None], curves.draws.values[name]])[:, rows]
        for name in ("E", "A", "alpha", "beta")
    }
    size = at.params / curves.best.reference_params
    floor = np.where(known, values["E"] + values["A"] * size ** -values["alpha"], np.nan)
    rng = np.random.default_rng(seed)

    # Student's t: the noise itself is known from a few repeated runs.
    freedom = np.maximum(at.freedom, 1)
    tails = np.sqrt(freedom / rng.chisquare(freedom, (len(floor), len(freedom))))
    tails = np.where(at.freedom > 0, tails, 1.0)

    def above(arm: Mean) -> Floats:
        """Loss above the floor, shape (1 + S, K) or (1 + S, K, K)."""
        many = (...,) if arm.loss.ndim == 1 else (..., None)
        noise = rng.standard_normal((len(floor), *arm.loss.shape)) * tails[many]
        noise *= np.nan_to_num(at.error(arm))
        noise[0] = 0.0
        return arm.loss * np.exp(noise) - (floor[many])

    alone, twice, mixed = above(at.alone), above(at.twice), above(at.mixed)
    second = _worth(alone, twice, values["beta"])
    constant = repetition_constant(second)
    auxiliary = _worth(alone[..., None], mixed, values["beta"][..., None])
    return TokenWorth(
        languages=languages,
        params=at.params,
        tokens=at.tokens,
        second_pass=Estimate.of(second[0], second[1:]),
        repetition=Estimate.of(constant[0], constant[1:]),
        auxiliary=Estimate.of(auxiliary[0], auxiliary[1:]),
    )


def _worth(alone: Floats, arm: Floats, beta: Floats) -> Floats:
    """Infinite where the arm is at the floor, NaN where the runs of the language alone are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(arm > 0, alone / arm, np.inf)
        result: Floats = np.where((alone > 0) & ~np.isnan(arm), ratio ** (1 / beta) - 1, np.nan)
    return result


def repetition_constant(second_pass: Floats) -> Floats:
    """R of R (1 - exp(-1 / R)) = worth: 0 where it is nothing, infinite where it is 1 or more.

    With y = 1 / R, (1 - exp(-y)) / y = w has the solution y = 1/w + W(-exp(-1/w) / w), W being Lambert's.
    """
    inside = (second_pass > 0) & (second_pass < 1)
    inverse = 1 / np.where(inside, second_pass, 0.5)
    y = inverse + lambertw(-inverse * np.exp(-inverse)).real  # type: ignore[call-overload]
    outside = np.where(np.isnan(second_pass), np.nan, np.where(second_pass >= 1, np.inf, 0.0))
    # Just below 1 the two terms cancel to nothing.
    result: Floats = np.where(inside, 1 / np.maximum(y, 1e-12), outside)
    return result
