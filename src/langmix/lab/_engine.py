"""What an engine is: it trains tasks somewhere, and knows nothing of plans nor of where results are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.lab._recipe import Recipe
from langmix.lab._results import Rows, run_row
from langmix.lab._sizes import ModelSize

_COMPILED: Final = 2e11  # FLOPs, some seconds of a core: shorter runs are not worth a program of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One run to train, whole or not at all.

    Attributes:
        planned: the run.
        size: of its model.
        price: FLOPs of its training.
    """

    planned: PlannedRun
    size: ModelSize
    price: float


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
    advance: Callable[[float], None],
) -> Rows:
    """Train a task in this process; ``advance`` is told the FLOPs of every step."""
    from langmix.lab._train import train_packed

    flops = task.size.flops_per_token(corpus.vocab_size, recipe.sequence)
    # A program for a shape pays where there is much to train, and needs a C++ compiler.
    long = task.planned.trained_tokens * flops > _COMPILED
    compiled = long and any(shutil.which(name) for name in ("g++", "clang++", "c++"))
    return [
        run_row(
            task.planned,
            size=task.size,
            corpus=corpus,
            tokens=checkpoint.tokens,
            step=checkpoint.step,
            losses=checkpoint.losses,
            distinct=checkpoint.distinct,
        )
        for (checkpoint,) in train_packed(
            [task.planned],
            size=task.size,
            corpus=corpus,
            recipe=recipe,
            device=device,
            compiled=compiled,
            advance=lambda tokens: advance(tokens * flops),
        )
    ]
