r"""Synergy of language pairs, as the reference study defines it, and taken apart.

For a target i, an auxiliary j and H distinct tokens of each (arXiv 2512.13472, table 1, positive = better):

    synergy gain   (L_i(i + i) - L_i(i + j)) / L_i(i + i)     at 2H tokens

It mixes two effects, which the third arm, i alone at H tokens, separates:

    teaching       (L_i(alone) - L_i(i + j)) / L_i(alone)     what j teaches about i
    second pass    (L_i(alone) - L_i(i + i)) / L_i(alone)     what a second pass over i is worth

The gain's sign belongs to the regime (N, D, epochs), not to the pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr

from langmix.errors import InputError
from langmix.runs import RunTable

Floats = NDArray[np.float64]

_SHARE_TOLERANCE: Final = 0.02
_TOKEN_TOLERANCE: Final = 0.02
_FALSE_DISCOVERIES: Final = 0.1


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
        degrees_of_freedom: of the noise.
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
    degrees_of_freedom: int
    resolved: NDArray[np.bool_]

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

    A checkpoint is an arm of a pair when its mixture is one language repeated twice (``unique`` tokens half
    of those trained on), or two languages in equal parts without repetition, at equal parameters and tokens.

    Raises:
        InputError: the table has no pair with its self-repetition; says which runs would give one.
    """
    arms = list(_arms(runs))
    noise, freedom = seed_noise(runs)
    scales = sorted({(a.params, a.tokens) for a in arms if len(a.languages) == 2})
    found = [_at_scale(runs, arms, params, tokens, noise, freedom) for params, tokens in _merged(scales)]
    found = [s for s in found if np.isfinite(s.gain[~np.eye(len(s.languages), dtype=bool)]).any()]
    if not found:
        raise InputError(
            f"{runs.source}: no pair of languages can be compared; a synergy needs, at equal params and "
            "tokens, a run of two languages in equal parts and a run of one of them whose unique.<language> "
            "tokens are half of those trained on (two passes)"
        )
    return found


def seed_noise(runs: RunTable) -> tuple[Floats, int]:
    """Standard deviation of the log loss between seeds, per target, pooled over repeated checkpoints.

    Returns:
        Shape (T,), NaN where nothing was repeated, and the degrees of freedom of the best measured target.
    """
    keys = [
        (round(math.log(n), 3), round(math.log(d), 2), tuple(np.round(p, 2)), tuple(_rounded_supply(u)))
        for n, d, p, u in zip(runs.params, runs.tokens, runs.shares, runs.unique, strict=True)
    ]
    group = pd.Series(pd.factorize(pd.Series(keys))[0])
    logs = pd.DataFrame(np.log(runs.losses))
    centred = logs - logs.groupby(group.to_numpy()).transform("mean")
    counts = logs.groupby(group.to_numpy()).count()
    freedom = (counts - 1).clip(lower=0).sum(axis=0).to_numpy(dtype=float)
    squares = (centred**2).sum(axis=0).to_numpy(dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation: Floats = np.where(freedom > 0, np.sqrt(squares / freedom), np.nan)
    return deviation, int(freedom.max(initial=0))


class _Arm(NamedTuple):
    """A checkpoint that can stand in a comparison of a pair."""

    params: float
    tokens: float
    languages: tuple[int, ...]
    epochs: float
    losses: Floats


def _arms(runs: RunTable) -> Iterator[_Arm]:
    for n, d, p, u, losses in zip(
        runs.params, runs.tokens, runs.shares, runs.unique, runs.losses, strict=True
    ):
        active = np.flatnonzero(p > _SHARE_TOLERANCE)
        epochs = float((p[active] * d / u[active]).max())
        if len(active) == 1 and p[active[0]] > 1 - _SHARE_TOLERANCE:
            yield _Arm(n, d, (int(active[0]),), epochs, losses)
        elif len(active) == 2 and np.abs(p[active] - 0.5).max() < _SHARE_TOLERANCE and epochs < 1.1:
            yield _Arm(n, d, (int(active[0]), int(active[1])), epochs, losses)


def _at_scale(
    runs: RunTable, arms: list[_Arm], params: float, tokens: float, noise: Floats, freedom: int
) -> Synergy:
    size = len(runs.languages)
    here = [a for a in arms if _close(a.params, params)]
    twice = [
        a for a in here if _close(a.tokens, tokens) and len(a.languages) == 1 and abs(a.epochs - 2) < 0.1
    ]
    alone = [a for a in here if _close(a.tokens, tokens / 2) and len(a.languages) == 1 and a.epochs < 1.1]
    pairs = [a for a in here if _close(a.tokens, tokens) and len(a.languages) == 2]

    gain, teaching = np.full((size, size), np.nan), np.full((size, size), np.nan)
    second_pass = np.full(size, np.nan)
    error = np.full((size, size), np.nan)
    np.fill_diagonal(gain, 0.0)
    for i, language in enumerate(runs.languages):
        if language not in runs.targets:
            continue
        t = runs.targets.index(language)
        same, _ = _mean([a.losses[t] for a in twice if a.languages == (i,)])
        base, _ = _mean([a.losses[t] for a in alone if a.languages == (i,)])
        second_pass[i] = (base - same) / base
        for j in range(size):
            mixed, repeats = _mean([a.losses[t] for a in pairs if set(a.languages) == {i, j}])
            if i == j or math.isnan(mixed):
                continue
            gain[i, j] = (same - mixed) / same
            teaching[i, j] = (base - mixed) / base
            copies = sum(a.languages == (i,) for a in twice)
            error[i, j] = noise[t] * math.sqrt(1 / repeats + 1 / max(copies, 1))
    at = [runs.targets.index(name) if name in runs.targets else -1 for name in runs.languages]
    return Synergy(
        languages=runs.languages,
        params=params,
        tokens=tokens,
        gain=gain,
        teaching=teaching,
        second_pass=second_pass,
        noise=np.array([noise[t] if t >= 0 else np.nan for t in at]),
        degrees_of_freedom=freedom,
        resolved=_resolved(gain, error, freedom),
    )


def _resolved(gain: Floats, error: Floats, freedom: int) -> NDArray[np.bool_]:
    """Cells whose gain is not noise, by the procedure of Benjamini and Hochberg 1995 over all cells."""
    known = np.isfinite(gain) & (error > 0)
    resolved = np.zeros(gain.shape, dtype=bool)
    if freedom == 0 or not known.any():
        return resolved
    p = 2 * stdtr(freedom, -np.abs(gain[known]) / error[known])
    order = np.argsort(p)
    allowed = _FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p)
    passed = np.flatnonzero(p[order] <= allowed)
    kept = np.zeros(len(p), dtype=bool)
    if len(passed):
        kept[order[: passed[-1] + 1]] = True
    resolved[known] = kept
    return resolved


def _mean(losses: list[float]) -> tuple[float, int]:
    """Mean of the measured losses and how many there were; NaN where none."""
    measured = [loss for loss in losses if math.isfinite(loss)]
    return (float(np.mean(measured)), len(measured)) if measured else (math.nan, 0)


def _merged(scales: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Scales that differ by more than rounding."""
    kept: list[tuple[float, float]] = []
    for scale in scales:
        if not any(_close(scale[0], k[0]) and _close(scale[1], k[1]) for k in kept):
            kept.append(scale)
    return kept


def _close(a: float, b: float) -> bool:
    return abs(a / b - 1) < _TOKEN_TOLERANCE


def _rounded_supply(unique: Floats) -> list[float]:
    return [round(math.log(u), 2) if math.isfinite(u) else math.inf for u in unique]
