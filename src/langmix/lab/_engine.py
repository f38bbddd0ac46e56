"""What an engine is: it trains tasks somewhere, and knows nothing of plans nor of where results are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.errors import LangmixError
from langmix.lab._recipe import Recipe
from langmix.lab._results import Checkpoint, Rows, run_row
from langmix.lab._sizes import ModelSize

_COMPILED: Final = 2e11  # FLOPs, some seconds of a core: shorter runs are not worth a program of their own


class WorkerLostError(LangmixError):
    """A process that trained a run is gone: the run may be tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One run to train, whole or not at all.

    Attributes:
        planned: the run.
        size: of its model.
        price: FLOPs of its training.
        mark: fingerprint of all that goes into it.
        trunk: where it is kept while it is under way, and gone on from; nowhere if absent.
    """

    planned: PlannedRun
    size: ModelSize
    price: float
    mark: str
    trunk: Path | None


class Engine(Protocol):
    """Where runs are trained."""

    def train(
        self,
        tasks: Sequence[Task],
        *,
        corpus: Corpus,
        recipe: Recipe,
        report: Callable[[float], None],
    ) -> Generator[tuple[Task, Rows], None, None]:
        """Train the tasks, begun in their order, and yield each with its rows when it ends.

        Closing the iterator ends the training of what is left.

        Args:
            tasks: to train.
            corpus: token shards.
            recipe: hyperparameters.
            report: told from time to time the FLOPs trained of these tasks, those under way included.

        Raises:
            LangmixError: workers were lost again and again, or there are none.
        """
        ...


def train_task(
    task: Task,
    *,
    corpus: Corpus,
    recipe: Recipe,
    device: str = "cpu",
    ranks: int = 1,
    advance: Callable[[float], None],
) -> Rows:
    """Train a task in this process, or its model sharded over ``ranks`` of its children.

    ``advance`` is told the FLOPs of every step, and those of a trunk that was kept.
    """
    flops = task.size.flops_per_token(corpus.vocab_size, recipe.sequence)

    def told(tokens: int) -> None:
        advance(tokens * flops)

    checkpoints: Iterable[Checkpoint]
    if ranks > 1:
        from langmix.lab._sharded import train_sharded

        checkpoints = train_sharded(
            task.planned,
            size=task.size,
            corpus=corpus,
            recipe=recipe,
            ranks=ranks,
            device=device,
            advance=told,
        )
    else:
        from langmix.lab._saved import Saved
        from langmix.lab._train import train

        # A program for a shape pays where there is much to train, and needs a C++ compiler.
        long = task.planned.trained_tokens * flops > _COMPILED
        compiled = long and any(shutil.which(name) for name in ("g++", "clang++", "c++"))
        checkpoints = train(
            task.planned,
            size=task.size,
            corpus=corpus,
            recipe=recipe,
            device=device,
            compiled=compiled,
            saved=Saved(path=task.trunk, mark=task.mark) if task.trunk else None,
            advance=told,
        )
    return [run_row(task.planned, size=task.size, corpus=corpus, checkpoint=each) for each in checkpoints]
