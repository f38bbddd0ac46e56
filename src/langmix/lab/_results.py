"""Finished runs on disk, one JSON file each, and the run table that they make.

A result carries a fingerprint of all that went into it, so that a restarted sweep skips what is done and
nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from langmix import files
from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import ModelSize
from langmix.runs import MIXED, SHUFFLED, RunTable

Rows = list[dict[str, Any]]
_MARK: Final = "fingerprint"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What was measured at the end of one cooldown branch.

    Attributes:
        tokens: trained on.
        step: optimiser steps.
        losses: nats per token of each language's validation text; NaN where training diverged.
        shares: part of the tokens trained on, per language of the run's mixture, as realised.
        distinct: distinct training tokens at the run's disposal, per language of its mixture.
    """

    tokens: int
    step: int
    losses: dict[str, float]
    shares: dict[str, float]
    distinct: dict[str, int]


def fingerprint(planned: PlannedRun, *, size: ModelSize, corpus: Corpus, recipe: Recipe) -> str:
    """Hash of the plan, the model's shape, the corpus and the recipe."""
    content = {
        "planned": asdict(planned),
        "size": asdict(size),
        # Parallel texts came later: the card of other corpora is as it was.
        "corpus": corpus.card.model_dump(exclude=None if corpus.card.parallel else {"parallel"}),
        # The precision came later: runs from before it were in float32.
        "recipe": recipe.model_dump(exclude={"precision"} if recipe.precision == "float32" else None),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def result_path(folder: Path, planned: PlannedRun) -> Path:
    """Where the rows of a finished run lie."""
    return folder / f"{planned.run}.json"


def trunk_path(folder: Path, planned: PlannedRun) -> Path:
    """Where a run that is under way keeps its trunk."""
    return folder / f".{planned.run}.trunk"


def models_path(folder: Path, planned: PlannedRun) -> Path:
    """Where a run keeps its models, each in a folder named by its tokens."""
    return folder / planned.run


def mark_models(folder: Path, mark: str) -> None:
    """Note that the models of a run are all there."""
    files.write_text(folder / _MARK, mark + "\n")


def unmark_models(folder: Path) -> None:
    """Forget it: they are about to be written anew."""
    (folder / _MARK).unlink(missing_ok=True)


def models_kept(folder: Path, mark: str) -> bool:
    """Whether the models of a run are all there, and made by what goes into it now."""
    try:
        return (folder / _MARK).read_text(encoding="utf-8").strip() == mark
    except (OSError, ValueError):
        return False


def write_result(folder: Path, planned: PlannedRun, rows: Rows, mark: str) -> None:
    """Record a finished run, whole or not at all."""
    files.write_text(
        result_path(folder, planned), json.dumps({"fingerprint": mark, "rows": rows}, indent=1) + "\n"
    )


def read_result(folder: Path, planned: PlannedRun, mark: str) -> Rows | None:
    """The rows of a finished run; nothing if it is not there or something that went into it changed."""
    try:
        content = json.loads(result_path(folder, planned).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content["rows"] if content.get("fingerprint") == mark else None


def run_row(
    planned: PlannedRun,
    *,
    size: ModelSize,
    corpus: Corpus,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """One row of the run table."""
    row: dict[str, Any] = {
        "run": planned.run,
        "arm": planned.arm,
        "params": size.params,
        "params_total": size.params_total(corpus.vocab_size),
        "tokens": checkpoint.tokens,
        "step": checkpoint.step,
        "seed": planned.seed,
        "organisation": organisation(planned, corpus),
        "tokenizer": corpus.card.tokenizer_sha256[:12],
    }
    for name in corpus.languages:
        row[f"share.{name}"] = checkpoint.shares.get(name, 0.0)
    for name in corpus.targets:
        loss = checkpoint.losses[name]
        row[f"loss.{name}"] = round(loss, 6) if math.isfinite(loss) else None
    for name in corpus.languages:
        row[f"unique.{name}"] = checkpoint.distinct.get(name, corpus.card.languages[name].train_tokens)
    for name, ratio in corpus.bytes_per_token.items():
        row[f"bytes_per_token.{name}"] = round(ratio, 6)
    return row


def organisation(planned: PlannedRun, corpus: Corpus) -> str:
    """Of the texts that a run is trained on: ``mixed`` where parts of it are organised differently."""
    if corpus.card.parallel is None:
        return SHUFFLED
    parts = [name for name, share in planned.shares.items() if share > 0]
    return parts[0] if len(parts) == 1 else MIXED


def run_table(results: Iterable[Rows], order: Sequence[str]) -> RunTable | None:
    """The table of finished runs, in the order of the plan; none while no loss was measured."""
    rank = {name: k for k, name in enumerate(order)}
    rows = [row for rows in results for row in rows]
    rows.sort(key=lambda row: (rank[row["run"]], row["tokens"]))
    if not any(row[name] is not None for row in rows for name in row if name.startswith("loss.")):
        return None
    return RunTable.from_frame(pd.DataFrame(rows), source="finished runs")
