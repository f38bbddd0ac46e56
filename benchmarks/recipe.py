"""Seed noise and loss of training recipes: the sweep behind the lab's learning rate and batch.

    python benchmarks/recipe.py CORPUS OUT.csv --size 100k --tokens 200000 400000 --language rust typescript \
        --seeds 3 --vary batch=4,8 --vary learning_rate=1e-3,2e-3,4e-3

Trains every language alone, at every combination of what is varied (fields of `Recipe`), under every seed;
restarts where it was interrupted. Prints the mean loss and the standard deviation between seeds, in percent
of the loss.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import pandas as pd
from rich.progress import Progress

from langmix.corpus import open_corpus
from langmix.design import PlannedRun
from langmix.lab import PRESETS, Recipe, sweep


def main() -> None:
    """Train, write the table, print the summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", nargs="+", default=["100k"])
    parser.add_argument("--tokens", nargs="+", type=int, default=[200_000, 400_000])
    parser.add_argument("--language", nargs="+", default=["rust", "typescript"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--vary", action="append", default=[], help="field=value,value")
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    corpus = open_corpus(asked.corpus)
    varied = {name: values.split(",") for name, _, values in (entry.partition("=") for entry in asked.vary)}
    tables = [pd.read_csv(asked.out)] if asked.out.exists() else []
    for chosen in product(*varied.values()):
        fields = dict(zip(varied, chosen, strict=True))
        recipe = Recipe.model_validate(fields)
        tag = "-".join(f"{name}{value}" for name, value in fields.items()) or "default"
        runs = [
            PlannedRun(
                run=f"{language}-{size}-s{seed}",
                arm="grid",
                size=size,
                budgets=tuple(sorted(int(tokens) for tokens in asked.tokens)),
                shares={language: 1.0},
                seed=seed,
            )
            for language in asked.language
            for size in asked.size
            for seed in range(asked.seeds)
        ]
        with Progress() as progress:
            table = sweep(
                runs,
                sizes=PRESETS,
                corpus=corpus,
                recipe=recipe,
                folder=asked.out.with_suffix("") / tag,
                workers=asked.workers,
                progress=progress,
            ).frame
        for row in table.to_dict("records"):
            language = next(name for name in asked.language if row[f"share.{name}"] == 1)
            kept = ("batch", "learning_rate", "learning_rate_exponent", "beta2", "warmup_steps", "sequence")
            entry = {name: getattr(recipe, name) for name in kept}
            entry |= {name: row[name] for name in ("params", "tokens", "seed")}
            entry |= {"language": language, "loss": row[f"loss.{language}"]}
            tables.append(pd.DataFrame([entry]))
    found = pd.concat(tables).drop_duplicates(ignore_index=True)
    found.to_csv(asked.out, index=False)
    print(summary(found).to_string())


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Per recipe, size and tokens: mean loss per language, and the pooled noise between seeds in percent."""
    by = ["params", "tokens", "batch", "learning_rate", "beta2", "warmup_steps"]
    found = found.assign(tokens=found.tokens.round(-4))
    cells = found.groupby([*by, "language"]).loss.agg(["mean", "std", "count"]).reset_index()
    cells["noise"] = (cells["std"] / cells["mean"]) ** 2
    wide = cells.pivot(index=by, columns="language", values="mean")
    wide["seed noise %"] = 100 * cells.groupby(by).noise.mean() ** 0.5
    wide["seeds"] = cells.groupby(by)["count"].min()
    return wide.round(3)


if __name__ == "__main__":
    main()
