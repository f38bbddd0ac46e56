"""The arms of a study: monolingual grid, self-repetition, pairs, mixtures and repeated seeds."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from langmix.design._planned import PlannedRun


def grid(
    languages: Sequence[str], *, sizes: Sequence[str], budgets: Sequence[int], seed: int = 0
) -> list[PlannedRun]:
    """Each language alone, at every size; the budgets are branches of one trunk."""
    return [
        PlannedRun(
            run=f"grid-{language}-{size}-s{seed}",
            arm="grid",
            size=size,
            budgets=tuple(budgets),
            shares={language: 1.0},
            seed=seed,
        )
        for size in sizes
        for language in languages
    ]


def pairs(
    chosen: Iterable[tuple[str, str]], *, size: str, tokens_each: int, seed: int = 0
) -> list[PlannedRun]:
    """The three arms of pairs (i, j) at H tokens each: i + j at 2H, and per language i + i at 2H.

    i + i repeats H distinct tokens once; its checkpoint at H is the third arm, i alone.
    """
    listed = [tuple(sorted(pair)) for pair in chosen]
    alone = sorted({language for pair in listed for language in pair})
    selves = [
        PlannedRun(
            run=f"self-{language}-{size}-s{seed}",
            arm="self",
            size=size,
            budgets=(tokens_each, 2 * tokens_each),
            shares={language: 1.0},
            seed=seed,
            unique={language: tokens_each},
        )
        for language in alone
    ]
    return selves + [
        PlannedRun(
            run=f"pair-{i}+{j}-{size}-s{seed}",
            arm="pair",
            size=size,
            budgets=(2 * tokens_each,),
            shares={i: 0.5, j: 0.5},
            seed=seed,
            unique={i: tokens_each, j: tokens_each},
        )
        for i, j in dict.fromkeys(listed)
    ]


def mixtures(
    languages: Sequence[str],
    *,
    count: int,
    size: str,
    budgets: Sequence[int],
    concentration: float = 1.0,
    seed: int = 0,
) -> list[PlannedRun]:
    """The uniform mixture, and ``count`` mixtures drawn from a symmetric Dirichlet distribution.

    Args:
        languages: to mix.
        count: of random mixtures.
        size: of the model.
        budgets: of every run.
        concentration: of the Dirichlet; below 1 favours mixtures of few languages.
        seed: of the draw and of the runs.
    """
    # Other sizes draw other mixtures: together they cover more of the simplex.
    rng = np.random.default_rng([seed, zlib.crc32(size.encode())])
    drawn = rng.dirichlet(np.full(len(languages), concentration), size=count)
    # Rounded so that the plan reads the same wherever it is written; the last share takes the rest.
    shares = [dict(zip(languages, np.round(row, 4).tolist(), strict=True)) for row in drawn]
    for row in shares:
        row[languages[-1]] = round(1.0 - sum(v for k, v in row.items() if k != languages[-1]), 4)
        row[languages[-1]] = max(row[languages[-1]], 0.0)
    named = {"uniform": dict.fromkeys(languages, 1 / len(languages))}
    named |= {
        f"mixture{k}": {n: s / sum(row.values()) for n, s in row.items()} for k, row in enumerate(shares)
    }
    return [
        PlannedRun(
            run=f"{name}-{size}-s{seed}",
            arm="mixture",
            size=size,
            budgets=tuple(budgets),
            shares=row,
            seed=seed,
        )
        for name, row in named.items()
    ]


def simulate_epochs(
    runs: Iterable[PlannedRun], *, available: Mapping[str, float], tokens: float
) -> list[PlannedRun]:
    """Cut each language's data so that a run repeats it as often as a target run would.

    A proxy that sees only fresh data, where the target will repeat, misses the best mixture (arXiv
    2606.07597). Caps follow a run's largest budget; its smaller ones repeat less, which the run table records
    and laws discount.

    Args:
        runs: whose own caps stay where they are lower.
        available: distinct tokens of a language that the target has; those left out are without limit.
        tokens: of the target run.
    """
    found = []
    for run in runs:
        scale = run.budgets[-1] / tokens
        caps = {n: max(1, round(available[n] * scale)) for n, s in run.shares.items() if s and n in available}
        caps |= {name: min(cap, caps.get(name, cap)) for name, cap in run.unique.items()}
        found.append(replace(run, unique=caps))
    return found


def repeats(runs: Iterable[PlannedRun], seeds: Sequence[int]) -> list[PlannedRun]:
    """The same runs under other seeds: their spread is the noise floor."""
    return [
        PlannedRun(
            run=f"{run.run.rsplit('-s', 1)[0]}-s{seed}",
            arm="seed",
            size=run.size,
            budgets=run.budgets,
            shares=run.shares,
            seed=seed,
            unique=run.unique,
            learning_rate=run.learning_rate,
        )
        for run in runs
        for seed in seeds
    ]
