"""The engine `local`: the cores of this machine, one single-threaded process each."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from langmix.config import Config
from langmix.corpus import Corpus, open_corpus
from langmix.errors import LangmixError
from langmix.lab._engine import Task, train_task
from langmix.lab._recipe import Recipe
from langmix.lab._results import Rows

_ATTEMPTS: Final = 3
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TORCHINDUCTOR_COMPILE_THREADS",
)

_trained: Any = None  # in a worker: the shared count of FLOPs trained


class Local(Config):
    """Processes of this machine.

    Attributes:
        kind: ``local``.
        workers: processes; absent is one per core that this process may use.
    """

    kind: Literal["local"] = "local"
    workers: int | None = Field(default=None, gt=0)

    def train(
        self,
        tasks: Sequence[Task],
        *,
        corpus: Corpus,
        recipe: Recipe,
        report: Callable[[float], None],
    ) -> Generator[tuple[Task, Rows], None, None]:
        """See `Engine.train`; a lost worker costs what its run did since its trunk was kept."""
        left, ended = list(tasks), 0.0
        for _ in range(_ATTEMPTS):
            try:
                with _pool(self.workers or len(os.sched_getaffinity(0))) as (pool, trained):
                    waiting = {pool.submit(_work, task, str(corpus.folder), recipe): task for task in left}
                    while waiting:
                        done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                        report(ended + trained.value)
                        for future in done:
                            rows = future.result()
                            task = waiting.pop(future)
                            left.remove(task)
                            yield task, rows
                return
            except BrokenProcessPool:
                ended = sum(task.price for task in tasks) - sum(task.price for task in left)
        raise LangmixError(
            f"a training process was lost {_ATTEMPTS} times, with {len(left)} of {len(tasks)} runs left "
            f"(first: {left[0].planned.run!r}); most often memory ran out: use fewer workers, then run "
            "again; finished runs are kept"
        )


@contextmanager
def _pool(workers: int) -> Any:
    """Spawned processes of one thread each, and their shared count of FLOPs."""
    context = multiprocessing.get_context("spawn")
    trained = context.Value(ctypes.c_double)
    saved = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read when a worker imports torch
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(trained,))
    try:
        yield pool, trained
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(trained: Any) -> None:
    import torch

    torch.set_num_threads(1)
    global _trained
    _trained = trained


def _work(task: Task, corpus_folder: str, recipe: Recipe) -> Rows:
    def advance(flops: float) -> None:
        with _trained.get_lock():
            _trained.value += flops

    return train_task(task, corpus=open_corpus(Path(corpus_folder)), recipe=recipe, advance=advance)
