"""What an engine is: it trains tasks somewhere, and knows nothing of plans nor of where results are kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.errors import InputError
from langmix.lab._recipe import Recipe
from langmix.lab._results import Checkpoint, Rows, run_row
from langmix.lab._sizes import ModelSize

_COMPILED: Final = 2e11  # FLOPs, some seconds of a core: shorter runs are not worth a program of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One run to train, whole or not at all.

    Attributes:
        planned: the run.
        size: of its model.
        price: FLOPs of its training.
        mark: fingerprint of all that goes into it.
        trunk: where it is kept while it is under way, and gone on from; nowhere if absent.
        models: folder for the models of its budgets, one each, named by its tokens; none are kept if absent.
    """

    planned: PlannedRun
    size: ModelSize
    price: float
    mark: str
    trunk: Path | None
    models: Path | None = None


Ended = tuple[Task, Rows]
"""A task and the rows of its checkpoints."""


class Engine(Protocol):
    """Where runs are trained."""

    def train(
        self,
        tasks: Sequence[Task],
        *,
        corpus: Corpus,
        recipe: Recipe,
        report: Callable[[float], None],
    ) -> Generator[list[Ended], None, None]:
        """Train the tasks, begun in their order, and yield those that ended, together where they trained so.

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


def packs(tasks: Sequence[Task], most: int) -> list[list[Task]]:
    """Tasks of one shape and the same budgets together, ``most`` at a time, in the order of their first."""
    alike: dict[object, list[Task]] = {}
    for task in tasks:
        alike.setdefault((task.size, task.planned.budgets), []).append(task)
    cut = [same[k : k + most] for same in alike.values() for k in range(0, len(same), most)]
    place = {task.planned.run: k for k, task in enumerate(tasks)}
    return sorted(cut, key=lambda pack: place[pack[0].planned.run])


def train_tasks(
    tasks: Sequence[Task],
    *,
    corpus: Corpus,
    recipe: Recipe,
    device: str = "cpu",
    ranks: int = 1,
    advance: Callable[[float], None],
) -> list[Rows]:
    """Train tasks of one pack in this process, or the model of one sharded over ``ranks`` of its children.

    ``advance`` is told the FLOPs of every step, and those of a trunk that was kept.

    Raises:
        InputError: a GPU that is not there, or whose memory the pack does not fit into.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device cuda: torch finds no GPU here; expected one, with a build of torch for it; use device cpu"
        )
    try:
        return _train(tasks, corpus=corpus, recipe=recipe, device=device, ranks=ranks, advance=advance)
    except torch.OutOfMemoryError:
        size = tasks[0].size.name
        raise InputError(
            f"{len(tasks)} runs of size {size!r} in one program do not fit into the memory of a GPU; pack "
            "fewer (engine.pack in study.yaml, or --pack), or share a model between GPUs (engine ray)"
        ) from None


def _train(
    tasks: Sequence[Task],
    *,
    corpus: Corpus,
    recipe: Recipe,
    device: str,
    ranks: int,
    advance: Callable[[float], None],
) -> list[Rows]:
    first, size = tasks[0], tasks[0].size
    flops = size.flops_per_token(corpus.vocab_size, recipe.sequence)

    def told(tokens: int) -> None:
        advance(tokens * flops * len(tasks))

    checkpoints: Iterable[Sequence[Checkpoint]]
    if ranks > 1:
        from langmix.lab._sharded import train_sharded

        (task,) = tasks
        checkpoints = (
            [each]
            for each in train_sharded(
                task.planned,
                size=size,
                corpus=corpus,
                recipe=recipe,
                ranks=ranks,
                device=device,
                advance=told,
                keep=task.models,
            )
        )
    else:
        from langmix.lab._checkpoints import write_checkpoint
        from langmix.lab._model import Model
        from langmix.lab._saved import Saved
        from langmix.lab._train import train_packed

        def keep(budget: int, model: Model) -> None:
            for k, task in enumerate(tasks):
                if task.models is not None:
                    write_checkpoint(
                        task.models / str(budget),
                        model,
                        run=k,
                        corpus=corpus,
                        shares=dict(task.planned.shares),
                        tokens=budget,
                        seed=task.planned.seed,
                    )

        # A program for a shape pays where there is much to train, and needs a C++ compiler.
        long = first.planned.trained_tokens * flops * len(tasks) > _COMPILED
        compiled = long and any(shutil.which(name) for name in ("g++", "clang++", "c++"))
        marks = hashlib.sha256("".join(task.mark for task in tasks).encode()).hexdigest()
        mark = marks if len(tasks) > 1 else first.mark
        checkpoints = train_packed(
            [task.planned for task in tasks],
            size=size,
            corpus=corpus,
            recipe=recipe,
            device=device,
            compiled=compiled,
            saved=Saved(path=first.trunk, mark=mark) if first.trunk else None,
            advance=told,
            keep=keep,
        )
    by_run = zip(*checkpoints, strict=True)
    return [
        [run_row(task.planned, size=size, corpus=corpus, checkpoint=each) for each in found]
        for task, found in zip(tasks, by_run, strict=True)
    ]
