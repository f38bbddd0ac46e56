r"""The arms of language pairs in a run table, and the noise between seeds.

For a target i, an auxiliary j and H distinct tokens of each, three kinds of checkpoint can be compared:

    alone    i at H tokens           twice    i at 2H tokens, the same H twice
    mixed    i and j at 2H tokens, H of each
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.runs import FRESH, RunTable

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
        freedom: shape (K,): its degrees of freedom.
    """

    params: float
    tokens: float
    alone: Mean
    twice: Mean
    mixed: Mean
    noise: Floats
    freedom: NDArray[np.int64]

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
    noise, freedom = seed_noise(runs)
    at = [runs.targets.index(name) if name in runs.targets else -1 for name in runs.languages]
    by_language = np.array([(noise[t], freedom[t]) if t >= 0 else (np.nan, 0) for t in at])
    scales = sorted({(c.params, c.tokens) for c in found if len(c.languages) == 2})
    every = [_at_scale(runs, found, at, n, d, by_language) for n, d in merged(scales)]
    kept = [a for a in every if np.isfinite(a.mixed.loss - a.twice.loss[:, None]).any()]
    if not kept:
        raise InputError(
            f"{runs.source}: no pair of languages can be compared; a synergy needs, at equal params and "
            "tokens, a run of two languages in equal parts and a run of one of them whose unique.<language> "
            "tokens are half of those trained on (two passes)"
        )
    return kept


def seed_noise(runs: RunTable) -> tuple[Floats, NDArray[np.int64]]:
    """Standard deviation of the log loss between runs of one mixture, size and tokens: seeds, mostly.

    Pooled over all that were repeated. Losses of a language without a token of its own are of another kind
    and do not count; checkpoints of one run count as one.

    Returns:
        Shape (T,), NaN where nothing was repeated, and the degrees of freedom, shape (T,).
    """
    taught = np.array(
        [
            runs.shares[:, runs.languages.index(t)] > 0 if t in runs.languages else np.ones(len(runs), bool)
            for t in runs.targets
        ]
    ).T
    logs = pd.DataFrame(np.where(taught, np.log(runs.losses), np.nan))
    described = [c for c in ("organisation", "tokenizer") if c in runs.frame]
    words = list(runs.frame[described].map(str).itertuples(index=False)) if described else [()] * len(runs)
    keys = pd.factorize(
        pd.Series(
            [
                (round(math.log(n), 3), round(math.log(d), 2), tuple(np.round(p, 2)), _rounded_supply(u), w)
                for n, d, p, u, w in zip(
                    runs.params, runs.tokens, runs.shares, runs.unique, words, strict=True
                )
            ]
        )
    )[0]
    by_run = logs.groupby([keys, runs.run]).mean()
    groups = by_run.groupby(level=0)
    centred = by_run - groups.transform("mean")
    freedom = (groups.count() - 1).clip(lower=0).sum(axis=0).to_numpy(dtype=np.int64)
    squares = (centred**2).sum(axis=0).to_numpy(dtype=float)
    deviation: Floats = np.where(freedom > 0, np.sqrt(squares / np.maximum(freedom, 1)), np.nan)
    return deviation, freedom


class _Checkpoint(NamedTuple):
    run: str
    params: float
    tokens: float
    languages: tuple[int, ...]
    epochs: float
    losses: Floats


def _checkpoints(runs: RunTable) -> Iterator[_Checkpoint]:
    """Those of one language, and those of two in equal parts without repetition."""
    for run, n, d, p, u, losses in zip(
        runs.run, runs.params, runs.tokens, runs.shares, runs.unique, runs.losses, strict=True
    ):
        active = np.flatnonzero(p > _SHARE_TOLERANCE)
        epochs = float((p[active] * d / u[active]).max())
        if len(active) == 1 and p[active[0]] > 1 - _SHARE_TOLERANCE:
            yield _Checkpoint(run, n, d, (int(active[0]),), epochs, losses)
        elif len(active) == 2 and np.abs(p[active] - 0.5).max() < _SHARE_TOLERANCE and epochs < FRESH:
            yield _Checkpoint(run, n, d, (int(active[0]), int(active[1])), epochs, losses)


def _at_scale(
    runs: RunTable, found: list[_Checkpoint], at: list[int], params: float, tokens: float, noise: Floats
) -> Arms:
    size = len(runs.languages)
    here = [c for c in found if close(c.params, params)]
    full = [c for c in here if close(c.tokens, tokens)]
    half = [c for c in here if close(c.tokens, tokens / 2)]

    def mean(pool: list[_Checkpoint], i: int, languages: set[int]) -> tuple[float, int]:
        by_run: dict[str, list[float]] = {}
        for c in pool:
            if at[i] >= 0 and set(c.languages) == languages and math.isfinite(c.losses[at[i]]):
                by_run.setdefault(c.run, []).append(c.losses[at[i]])
        if not by_run:
            return math.nan, 0
        return float(np.mean([np.mean(losses) for losses in by_run.values()])), len(by_run)

    def table(cells: list[tuple[float, int]], shape: tuple[int, ...]) -> Mean:
        loss, repeats = np.array(cells, dtype=float).T
        return Mean(loss.reshape(shape), repeats.reshape(shape))

    twice = [c for c in full if abs(c.epochs - 2) < 0.1]
    alone = [c for c in half if c.epochs < FRESH]
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
        noise=noise[:, 0],
        freedom=noise[:, 1].astype(np.int64),
    )


def merged(scales: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Scales that differ by more than rounding."""
    kept: list[tuple[float, float]] = []
    for scale in scales:
        if not any(close(scale[0], k[0]) and close(scale[1], k[1]) for k in kept):
            kept.append(scale)
    return kept


def close(a: Any, b: float) -> Any:
    """Whether sizes or tokens, a number or many, are a given one but for rounding."""
    return abs(a / b - 1) < _TOKEN_TOLERANCE


def _rounded_supply(unique: Floats) -> tuple[float, ...]:
    return tuple(round(math.log(u), 2) if math.isfinite(u) else math.inf for u in unique)
