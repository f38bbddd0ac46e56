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

from langmix.laws import Laws, fit
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
    """Mean Spearman correlation and mean relative error on the test runs."""
    train, test = (read_runs(folder / f"regmix-1m-{part}.csv") for part in ("train", "test"))
    rng = np.random.default_rng(0)
    few = [np.isin(np.arange(len(train)), rng.choice(len(train), 32, replace=False)) for _ in range(3)]
    for form in ("ces", "transfer"):
        for name, masks in (("512 runs", [np.ones(len(train), dtype=bool)]), ("32 runs (3 draws)", few)):
            scores = []
            for mask in masks:
                found = predicted(fit(train.select(mask), law=form, draws=0), test)
                ranks = [spearmanr(a, b).statistic for a, b in zip(found.T, test.losses.T, strict=True)]
                scores.append((np.mean(ranks), np.abs(found / test.losses - 1).mean()))
            rank, error = np.mean(scores, axis=0)
            print(f"regmix-1m        {form:<9} {name:<18} Spearman {rank:.4f}, error {100 * error:.2f}%")


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
