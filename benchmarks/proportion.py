"""The proportion law of arXiv 2512.13472 against a law per language, on the number that both predict.

The number is the mean loss of a mixture on its own validation data, sum_i p_i L_i: the proportion law
predicts it, other laws predict each L_i. Runs are held out in 5 parts, split by run; errors are mean absolute
relative errors on checkpoints whose data did not repeat.

    python benchmarks/proportion.py studies/seven-languages/runs.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import langmix as lm
from langmix.laws import fit_proportion
from langmix.transfer import measured_gains

Floats = NDArray[np.float64]
Predictor = Callable[[lm.RunTable], Floats]
FOLDS = 5
FORMS = ("ces", "transfer", "chinchilla")


def by_language(form: str) -> Callable[[lm.RunTable], Predictor]:
    """Fits a law per language; its losses weighted by the shares."""

    def fit(runs: lm.RunTable) -> Predictor:
        best = lm.fit(runs, law=form, draws=0).best
        return lambda held: mean(
            held.shares,
            best.loss(held.params[:, None], held.tokens[:, None], held.shares, held.unique),
        )

    return fit


def proportion(runs: lm.RunTable, *, synergy: str, reference: tuple[float, float] | None = None) -> Predictor:
    """Fits the proportion law."""
    gains = {"none": None, "published": lm.published().synergy, "measured": measured_gains(runs)}[synergy]
    best = fit_proportion(runs, gains=gains, draws=0, reference=reference).best
    return lambda held: best.loss(held.params, held.tokens, held.shares)


LAWS: dict[str, Callable[[lm.RunTable], Predictor]] = {form: by_language(form) for form in FORMS} | {
    "proportion": lambda runs: proportion(runs, synergy="measured"),
    "proportion, tau 0": lambda runs: proportion(runs, synergy="none"),
    "proportion, tau as printed": lambda runs: proportion(runs, synergy="published"),
    "proportion, N and D in billions": lambda runs: proportion(
        runs, synergy="measured", reference=(1e9, 1e9)
    ),
}


def mean(shares: Floats, losses: Floats) -> Floats:
    """sum_i p_i L_i, shape (n,)."""
    total: Floats = np.where(shares > 0, shares * losses, 0.0).sum(axis=1)
    return total


def main() -> None:
    """Print the errors of all laws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs")
    runs = lm.read_runs(parser.parse_args().runs)
    names, run = np.unique(runs.run, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(names))[run] % FOLDS
    fresh = (runs.shares * runs.tokens[:, None] <= 1.1 * runs.unique).all(axis=1)
    several = runs.shares.max(axis=1) < 0.999
    measured = mean(runs.shares, runs.losses)
    print(
        f"{'law':32} {f'mixtures ({(fresh & several).sum()})':>14} {f'one ({(fresh & ~several).sum()})':>14}"
    )
    for law, fit in LAWS.items():
        error = np.full(len(runs), np.nan)
        for k in range(FOLDS):
            held = (fold == k) & fresh
            error[held] = np.abs(fit(runs.select(fold != k))(runs.select(held)) / measured[held] - 1)
        mixed, one = (100 * error[fresh & rows].mean() for rows in (several, ~several))
        print(f"{law:32} {mixed:13.4g}% {one:13.4g}%")


if __name__ == "__main__":
    main()
