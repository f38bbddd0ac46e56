r"""The arms of language pairs in a run table, and the noise between seeds.

For a target i, an auxiliary j and H distinct tokens of each, three kinds of checkpoint can be compared:

    alone    i at H tokens           twice    i at 2H tokens, the same H twice
    mixed    i and j at 2H tokens, H of each
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.runs import RunTable

Floats = NDArray[np.float64]

_SHARE_TOLERANCE: Final = 0.02
_TOKEN_TOLERANCE: Final = 0.02


class Mean(NamedTuple):
    """Mean losses of repeated checkpoints, NaN where there are none, and how many there were."""

    loss: Floats
    repeats: Floats


class Arms(NamedTuple):
    """The arms of all pairs at one size and token count; K languages.

    Attributes:
        params, tokens: of the runs; tokens is 2H.
        alone, twice: shape (K,): loss on the language itself.
        mixed: shape (K, K), target by auxiliary: loss on the target.
        noise: shape (K,): standard deviation of the log loss between seeds; NaN where no run was repeated.
    """

    params: float
    tokens: float
    alone: Mean
    twice: Mean
    mixed: Mean
    noise: Floats

    def error(self, arm: Mean) -> Floats:
        """Standard deviation of an arm's mean log loss, NaN where it or the noise is not known."""
        noise = self.noise.reshape(-1, *[1] * (arm.loss.ndim - 1))
        repeats = np.where(arm.repeats > 0, arm.repeats, np.nan)
        result: Floats = noise / np.sqrt(repeats)
        return result


def arms(runs: RunTable) -> list[Arms]:
    """The arms at every size and token count that has a pair and a self-repetition of one of its languages.

    A checkpoint is an arm when its mixture is one language (repeated twice when its ``unique`` tokens are
    half of those trained on), or two languages in equal parts without repetition. The largest scale stands
    last.

    Raises:
        InputError: no pair can be compared; says which runs would allow it.
    """
    found = list(_checkpoints(runs))
    noise, _ = seed_noise(runs)
    at = [runs.targets.index(name) if name in runs.targets else -1 for name in runs.languages]
    by_language = np.array([noise[t] if t >= 0 else np.nan for t in at])
    scales = sorted({(c.params, c.tokens) for c in found if len(c.languages) == 2})
    every = [_at_scale(runs, found, at, n, d, by_language) for n, d in _merged(scales)]
    kept = [a for a in every if np.isfinite(a.mixed.loss - a.twice.loss[:, None]).any()]
    if not kept:
        raise InputError(
            f"{runs.source}: no pair of languages can be compared; a synergy needs, at equal params and "
            "tokens, a run of two languages in equal parts and a run of one of them whose unique.<language> "
            "tokens are half of those trained on (two passes)"
        )
    return kept


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


class _Checkpoint(NamedTuple):
    params: float
    tokens: float
    languages: tuple[int, ...]
    epochs: float
    losses: Floats


def _checkpoints(runs: RunTable) -> Iterator[_Checkpoint]:
    """Those of one language, and those of two in equal parts without repetition."""
    for n, d, p, u, losses in zip(
        runs.params, runs.tokens, runs.shares, runs.unique, runs.losses, strict=True
    ):
        active = np.flatnonzero(p > _SHARE_TOLERANCE)
        epochs = float((p[active] * d / u[active]).max())
        if len(active) == 1 and p[active[0]] > 1 - _SHARE_TOLERANCE:
            yield _Checkpoint(n, d, (int(active[0]),), epochs, losses)
        elif len(active) == 2 and np.abs(p[active] - 0.5).max() < _SHARE_TOLERANCE and epochs < 1.1:
            yield _Checkpoint(n, d, (int(active[0]), int(active[1])), epochs, losses)


def _at_scale(
    runs: RunTable, found: list[_Checkpoint], at: list[int], params: float, tokens: float, noise: Floats
) -> Arms:
    size = len(runs.languages)
    here = [c for c in found if _close(c.params, params)]
    full = [c for c in here if _close(c.tokens, tokens)]
    half = [c for c in here if _close(c.tokens, tokens / 2)]

    def mean(pool: list[_Checkpoint], i: int, languages: set[int]) -> tuple[float, int]:
        losses = [c.losses[at[i]] for c in pool if set(c.languages) == languages] if at[i] >= 0 else []
        measured = [loss for loss in losses if math.isfinite(loss)]
        return (float(np.mean(measured)), len(measured)) if measured else (math.nan, 0)

    def table(cells: list[tuple[float, int]], shape: tuple[int, ...]) -> Mean:
        loss, repeats = np.array(cells, dtype=float).T
        return Mean(loss.reshape(shape), repeats.reshape(shape))

    twice = [c for c in full if abs(c.epochs - 2) < 0.1]
    alone = [c for c in half if c.epochs < 1.1]
    everyone = range(size)
    return Arms(
        params=params,
        tokens=tokens,
        alone=table([mean(alone, i, {i}) for i in everyone], (size,)),
        twice=table([mean(twice, i, {i}) for i in everyone], (size,)),
        mixed=table(
            [mean(full, i, {i, j}) if i != j else (math.nan, 0) for i in everyone for j in everyone],
            (size, size),
        ),
        noise=noise,
    )


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
