"""One trunk with cooldown branches beside a full run per budget: what is saved, and what it does to the loss.

    python benchmarks/schedule.py STUDY OUT.csv --size 25k --seeds 0 1 2

Trains every language of a study alone at every budget of its grid as a run of its own, whose learning rate
falls linearly from the end of warmup to 0 (the schedule that one would choose for a single budget), and sets
its losses beside those of the study's branches with the same seed, data and steps. Restarts where it was
interrupted.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from langmix.corpus import open_corpus
from langmix.design import PlannedRun, separate_tokens
from langmix.study._config import StudyConfig, read_study


def main() -> None:
    """Train, write the table, print the summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="25k")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    asked = parser.parse_args()
    config = read_study(asked.study)
    assert config.plan.grid
    grid = [run for run in config.runs() if run.arm == "grid"]
    jobs = [
        (language, budget, seed)
        for language in config.corpus.languages
        for budget in config.plan.grid.budgets
        for seed in asked.seeds
    ]
    rows = pd.read_csv(asked.out).to_dict("records") if asked.out.exists() else []
    done = {(row["language"], row["budget"], row["seed"]) for row in rows}
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(alone, asked.study, config, asked.size, *job) for job in jobs if job not in done
        ]
        for ended in as_completed(waiting):
            rows.append(ended.result())
            pd.DataFrame(rows).sort_values(["language", "budget", "seed"]).to_csv(asked.out, index=False)
    trained = sum(run.trained_tokens for run in grid)
    print(f"tokens of the grid: {trained / separate_tokens(grid):.1%} of those of separate runs")
    print(summary(pd.DataFrame(rows), branches(asked.study / "runs.csv", config, asked.size)).to_string())


def alone(
    study: Path, config: StudyConfig, size: str, language: str, budget: int, seed: int
) -> dict[str, object]:
    """A run for one budget, cooling down from the end of its warmup."""
    import torch

    from langmix.lab._train import train_packed

    torch.set_num_threads(1)
    planned = PlannedRun(run="r", arm="grid", size=size, budgets=(budget,), shares={language: 1.0}, seed=seed)
    recipe = config.recipe
    cooldown = 1 - recipe.warmup_steps / recipe.steps(budget)
    corpus = open_corpus(study / "work" / "corpus")
    model = config.models()[size]
    (found,) = train_packed([planned], size=model, corpus=corpus, recipe=recipe, cooldown=cooldown)
    loss = round(found[0].losses[language], 6)
    return {"language": language, "budget": budget, "seed": seed, "params": model.params, "loss": loss}


def branches(table: Path, config: StudyConfig, size: str) -> pd.DataFrame:
    """Losses of the study's own branches."""
    runs = pd.read_csv(table)
    runs = runs[runs.run.str.startswith("grid-") & (runs.params == config.models()[size].params)]
    budgets = {
        config.recipe.steps(budget) * config.recipe.batch_tokens: budget
        for budget in config.plan.grid.budgets
    }
    return pd.DataFrame(
        {
            "language": language,
            "budget": budgets[int(row.tokens)],
            "seed": int(row.seed),
            "branch": row[f"loss.{language}"],
        }
        for _, row in runs.iterrows()
        for language in config.corpus.languages
        if row[f"share.{language}"] == 1
    )


def summary(full: pd.DataFrame, branch: pd.DataFrame) -> pd.DataFrame:
    """Per budget: relative difference of branch to full run over languages and seeds, and the seed noise."""
    both = full.merge(branch, on=["language", "budget", "seed"])
    both["difference %"] = 100 * (both.branch / both.loss - 1)
    cells = both.groupby(["budget", "language"])
    by = both.groupby("budget")["difference %"].agg(["mean", "std", "count"])
    by["standard error"] = by.pop("std") / np.sqrt(by["count"])
    for name, column in (("full", "loss"), ("branch", "branch")):
        relative = cells[column].std() / cells[column].mean()
        by[f"seed noise % {name}"] = 100 * (relative**2).groupby("budget").mean() ** 0.5
    return by.round(3)


if __name__ == "__main__":
    main()
