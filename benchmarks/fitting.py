"""Laws on public run tables: `python benchmarks/fitting.py FOLDER`, with chinchilla.csv and the others in it.

The standard protocol on Hoffmann et al.'s figure, RegMix's mixtures that the fit did not see, and the longer
runs of overtrain-small from the shorter ones.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small matrices are faster on one thread

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from langmix.laws import RIVALS, Laws, Training, fit, left_out
from langmix.runs import RunTable, read_runs

Floats = NDArray[np.float64]


def chinchilla(folder: Path) -> None:
    """The 5 highest losses dropped, Huber threshold 1e-3 on the log loss, summed."""
    frame = pd.read_csv(folder / "chinchilla.csv").sort_values("loss.text").head(240)
    runs, took = RunTable.from_frame(frame), []
    for _ in range(5):
        start = time.perf_counter()
        laws = fit(runs, law="chinchilla", draws=0, delta=1e-3)
        took.append(time.perf_counter() - start)
    off = np.abs(np.log(predicted(laws, runs)[:, 0] / runs.losses[:, 0]))
    objective = np.where(off <= 1e-3, 0.5 * off**2, 1e-3 * (off - 5e-4)).sum()
    print(f"chinchilla       objective {objective:.9e}, {statistics.median(took):.3f} s (median of 5)")
    start = time.perf_counter()
    fit(runs, law="chinchilla", draws=4000, delta=1e-3)
    print(f"                 with 4,000 bootstrap refits {time.perf_counter() - start:.1f} s")


def regmix(folder: Path) -> None:
    """Mean Spearman correlation and mean relative error on the test runs, of laws and of rivals.

    Rows without own tokens are left to those that predict them; the second pair of figures is of the others.
    """
    train, test = (read_runs(folder / f"regmix-1m-{part}.csv") for part in ("train", "test"))
    rng = np.random.default_rng(0)
    few = [np.isin(np.arange(len(train)), rng.choice(len(train), 32, replace=False)) for _ in range(3)]
    own = test.shares[:, [test.languages.index(target) for target in test.targets]] > 0
    for reason in left_out(train):
        print(f"regmix-1m        {reason}")
    for name, masks in (("512 runs", [np.ones(len(train), dtype=bool)]), ("32 runs (3 draws)", few)):
        scores: dict[str, list[tuple[float, ...]]] = {}
        for mask in masks:
            training = Training(train.select(mask))
            for rival in RIVALS.values():
                if rival.missing(train):
                    continue
                if rival.name in ("ces", "transfer"):  # as `langmix fit` leaves them, to the last digits
                    found = predicted(fit(train.select(mask), law=rival.name, draws=0), test)
                else:
                    found = rival.fit(training)(test)
                everywhere = own if np.isnan(found).any() else np.ones_like(own)
                score = (*ranked(found, test.losses, everywhere), *ranked(found, test.losses, own))
                scores.setdefault(rival.name, []).append(score)
        for rival_name, found_scores in scores.items():
            rank, error, own_rank, own_error = np.mean(found_scores, axis=0)
            print(
                f"regmix-1m        {rival_name:<11} {name:<18} Spearman {rank:.4f}, "
                f"error {100 * error:.2f}%; with own tokens {own_rank:.4f}, {100 * own_error:.2f}%"
            )


def ranked(found: Floats, true: Floats, rows: NDArray[np.bool_]) -> tuple[float, float]:
    """Spearman correlation, mean over the targets, and mean relative error, on some rows of each target."""
    ranks = [spearmanr(f[r], t[r]).statistic for f, t, r in zip(found.T, true.T, rows.T, strict=True)]
    return float(np.mean(ranks)), float(np.abs(found / true - 1)[rows].mean())


def overtrain(folder: Path) -> None:
    """The four smaller budgets of each size predict the larger; coverage of 90% intervals with the noise."""
    runs = read_runs(folder / "overtrain-small.csv")
    size = pd.Series([name.rsplit("-", 1)[0] for name in runs.run])
    short = (pd.Series(runs.tokens).groupby(size).rank() <= 4).to_numpy()
    longer = runs.select(~short)
    for form in ("ces", "transfer"):
        laws = fit(runs.select(short), law=form)
        draws = np.array(
            [
                laws.draws.loss(n, d, p)
                for n, d, p in zip(longer.params, longer.tokens, longer.shares, strict=True)
            ]
        )
        noise = np.array([summary.noise for summary in laws.summaries])
        noisy = draws * np.exp(noise * np.random.default_rng(0).standard_normal(draws.shape))
        low, high = np.percentile(noisy, [5, 95], axis=1)
        covered = (low <= longer.losses) & (longer.losses <= high)
        off = np.abs(predicted(laws, longer) / longer.losses - 1)
        print(
            f"overtrain-small  {form:<9} error {100 * off.mean():.1f}%, covered {100 * covered.mean():.0f}%"
        )
        for target, one, inside in zip(laws.targets, off.mean(axis=0), covered.mean(axis=0), strict=True):
            print(f"                   {target:<42} {100 * one:5.1f}%  {100 * inside:3.0f}%")


def predicted(laws: Laws, runs: RunTable) -> Floats:
    """Shape (n, T)."""
    return laws.best.loss(runs.params[:, None], runs.tokens[:, None], runs.shares)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1], "chinchilla.csv").is_file():
        sys.exit(
            "usage: python benchmarks/fitting.py FOLDER, with chinchilla.csv and the other public run tables"
        )
    for part in (chinchilla, regmix, overtrain):
        part(Path(sys.argv[1]))
