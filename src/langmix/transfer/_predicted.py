r"""Synergy at a target scale, from fitted laws: from where on is a neighbour worth more than another pass?

With H distinct tokens of i and a budget of k H, two ways to spend it (k = 2 is the synergy of the reference
study):

    repeated   i, k times over
    mixed      i once, and (k - 1) H fresh tokens of j

    gain       (L_i(repeated) - L_i(mixed)) / L_i(repeated)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws import Coefficients, Laws, check_positive
from langmix.transfer._estimate import Estimate

Floats = NDArray[np.float64]

MOST_PASSES: Final = 64.0
_STEPS: Final = 41


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PredictedSynergy:
    """Synergy of all pairs at one scale, as the laws have it.

    Attributes:
        languages: the targets that are languages, rows, and the same as auxiliaries, columns.
        params, tokens: of the training run; tokens is k H.
        passes: k.
        gain: shape (K, K), 0 on the diagonal.
        probability: shape (K, K): part of the bootstrap laws under which the gain is positive; NaN without.
        turn: shape (K, K): passes over H from which on the mixed budget is the better one, H being held: 2
            where it is so from the second pass, infinite where not within 64.
        warnings: how far the question lies outside the runs.
    """

    languages: tuple[str, ...]
    params: float
    tokens: float
    passes: float
    gain: Estimate
    probability: Floats
    turn: Estimate
    warnings: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """A row per pair."""
        rows = [
            {
                "target": target,
                "auxiliary": source,
                "gain": self.gain.value[i, j],
                "low": self.gain.low[i, j],
                "high": self.gain.high[i, j],
                "probability": self.probability[i, j],
                "turn": self.turn.value[i, j],
                "turn_low": self.turn.low[i, j],
                "turn_high": self.turn.high[i, j],
            }
            for i, target in enumerate(self.languages)
            for j, source in enumerate(self.languages)
            if i != j
        ]
        return pd.DataFrame(rows)


def predict_synergy(laws: Laws, *, params: float, tokens: float, passes: float = 2.0) -> PredictedSynergy:
    """Synergy of all pairs at a scale.

    Args:
        laws: of a form that knows repetition and transfer.
        params: N, in the run table's convention.
        tokens: k H, tokens in total.
        passes: k.

    Raises:
        InputError: a form without repetition or transfer, or numbers that make no regime.
    """
    check_positive(params=params, tokens=tokens)
    if not (np.isfinite(passes) and 1 < passes <= MOST_PASSES):
        raise InputError(f"passes: {passes}; expected a number above 1, {MOST_PASSES:g} at most")
    if not laws.best.law.repeats or laws.best.law.needs_own:
        raise InputError(
            f"the law {laws.form!r} knows no repetition, or no transfer between languages, and so no "
            "synergy; fit one that does: `langmix fit RUNS --law ces`"
        )
    names = tuple(name for name in laws.languages if name in laws.targets)
    if len(names) < 2:
        raise InputError("synergy: the laws have fewer than two languages whose loss was measured")
    best = _gains(laws, laws.best[None], names, params, tokens, passes)[0]
    drawn = _gains(laws, laws.draws, names, params, tokens, passes)
    grid = np.geomspace(2.0, MOST_PASSES, _STEPS)
    each = tokens / passes
    turn = _turn(grid, [_gains(laws, laws.best[None], names, params, k * each, k) for k in grid])[0]
    turns = _turn(grid, [_gains(laws, laws.draws, names, params, k * each, k) for k in grid])
    return PredictedSynergy(
        languages=names,
        params=params,
        tokens=tokens,
        passes=passes,
        gain=Estimate.of(best, drawn),
        probability=(drawn > 0).mean(axis=0) if len(drawn) else np.full_like(best, np.nan),
        turn=Estimate.of(turn, turns),
        warnings=laws.reach.warnings(params=params, tokens=tokens),
    )


def _gains(
    laws: Laws, draws: Coefficients, names: tuple[str, ...], params: float, tokens: float, passes: float
) -> Floats:
    """Shape (S, K, K)."""
    gains = np.zeros((len(draws), len(names), len(names)))
    for i, target in enumerate(names):
        law, own = draws.of_target(laws.targets.index(target)), laws.languages.index(target)
        shares, unique = np.zeros(len(laws.languages)), np.full(len(laws.languages), np.inf)
        shares[own], unique[own] = 1.0, tokens / passes
        repeated = law.loss(params, tokens, shares, unique)[:, 0]
        for j, source in enumerate(names):
            if i == j:
                continue
            mixed = np.zeros(len(laws.languages))
            mixed[own], mixed[laws.languages.index(source)] = 1 / passes, 1 - 1 / passes
            gains[:, i, j] = 1 - law.loss(params, tokens, mixed)[:, 0] / repeated
    return gains


def _turn(grid: Floats, gains: list[Floats]) -> Floats:
    """Where the gain last rises above 0, shape (S, K, K), between grid points by a straight line."""
    g = np.array(gains)
    behind = np.where((g <= 0).any(axis=0), len(grid) - 1 - np.argmax((g <= 0)[::-1], axis=0), -1)
    at = np.clip(behind, 0, len(grid) - 2)[None]
    before, after = np.take_along_axis(g, at, axis=0)[0], np.take_along_axis(g, at + 1, axis=0)[0]
    part = before / np.where(before == after, 1.0, before - after)
    logs = np.log(grid)
    between = np.exp(logs[at[0]] + np.clip(part, 0.0, 1.0) * (logs[at[0] + 1] - logs[at[0]]))
    return np.where(behind < 0, grid[0], np.where(behind == len(grid) - 1, np.inf, between))
