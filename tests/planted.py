"""Synthetic run tables with a known law: planted truth for tests, never shipped and never shown as data."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.languages import LANGUAGES
from langmix.laws import Coefficients
from langmix.runs import RunTable

NAMES = tuple(language.name for language in LANGUAGES)
SIZES = (25e3, 50e3, 100e3, 300e3)
BUDGETS = (2e5, 4e5, 8e5, 16e5)


def truth(
    rng: np.random.Generator, count: int = 7, elasticity: float = 1.0, progress: float = 0.0
) -> Coefficients:
    """A law of every language, with transfer between all of them; s = 1 is transfer at fixed rates.

    ``progress`` are nats that fall with all tokens, whatever the language.
    """
    tau = np.exp(rng.normal(np.log(0.12), 0.8, (count, count)))
    np.fill_diagonal(tau, 1.0)
    return Coefficients(
        form="progress",
        values={
            "E": rng.uniform(0.3, 0.6, count),
            "A": rng.uniform(0.2, 0.5, count),
            "alpha": rng.uniform(0.2, 0.6, count),
            "B": rng.uniform(0.4, 1.2, count),
            "beta": rng.uniform(0.2, 0.6, count),
            "R": np.full(count, 10.0),
            "s": np.full(count, elasticity),
            "b": np.zeros(count),
            "tau": tau,
            "C": np.full(count, progress),
            "gamma": np.full(count, 0.6),
        },
        own=np.arange(count),
        reference_params=1e5,
        reference_tokens=1e6,
    )


def plant(law: Coefficients, rng: np.random.Generator, *, noise: float = 0.005) -> RunTable:
    """Grid, self-repetition, pairs and mixtures under a known law, with log-normal noise."""
    count = len(law.own)
    names = NAMES[:count]
    rows = []

    def add(
        run: str, params: float, tokens: float, shares: NDArray[np.float64], unique: dict[int, float]
    ) -> None:
        supply = np.array([unique.get(i, np.inf) for i in range(count)])
        losses = law.loss(params, tokens, shares, supply) * np.exp(noise * rng.standard_normal(count))
        rows.append(
            {"run": run, "params": params, "tokens": tokens}
            | {f"share.{name}": shares[i] for i, name in enumerate(names)}
            | {f"unique.{names[i]}": value for i, value in unique.items()}
            | {f"loss.{name}": losses[i] for i, name in enumerate(names)}
        )

    each = np.eye(count)
    for params in SIZES:
        for i in range(count):
            for tokens in BUDGETS:
                add(f"grid-{names[i]}-{params:g}", params, tokens, each[i], {})
    for i in range(count):
        add(f"self-{names[i]}", 1e5, 4e5, each[i], {i: 4e5})
        add(f"self-{names[i]}", 1e5, 8e5, each[i], {i: 4e5})
    for i, j in combinations(range(count), 2):
        add(f"pair-{names[i]}+{names[j]}", 1e5, 8e5, (each[i] + each[j]) / 2, {})
    for k in range(10):
        add(f"mixture{k}", 1e5, 16e5, rng.dirichlet(np.ones(count)), {})
    add("uniform", 1e5, 16e5, np.full(count, 1 / count), {})
    return RunTable.from_frame(pd.DataFrame(rows), source="planted truth")


def scaled(runs: RunTable, *, params: float = 1.0, tokens: float = 1.0) -> RunTable:
    """The same table in other units."""
    unique = [c for c in runs.frame if str(c).startswith("unique.")]
    frame = runs.frame.assign(params=runs.frame["params"] * params, tokens=runs.frame["tokens"] * tokens)
    frame[unique] = frame[unique] * tokens
    return RunTable.from_frame(frame, source=runs.source)
