"""Train many runs on the cores of this machine: one single-threaded process each, restartable."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from langmix.corpus import Corpus, open_corpus
from langmix.design import PlannedRun
from langmix.errors import LangmixError
from langmix.lab._estimate import price
from langmix.lab._recipe import Recipe
from langmix.lab._results import Rows, fingerprint, read_result, run_row, run_table, write_result
from langmix.lab._sizes import ModelSize
from langmix.runs import RunTable

_ATTEMPTS: Final = 3
_COMPILED: Final = 2e11  # FLOPs, some seconds of a core: shorter runs are not worth a program of their own
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TORCHINDUCTOR_COMPILE_THREADS",
)

_trained: Any = None  # in a worker: the shared count of FLOPs trained, for the progress bar


def sweep(
    runs: Sequence[PlannedRun],
    *,
    sizes: Mapping[str, ModelSize],
    corpus: Corpus,
    recipe: Recipe,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    finished: Callable[[RunTable], None] = lambda table: None,
) -> RunTable:
    """Train what is not trained yet and return the run table of all of it.

    Args:
        runs: the plan.
        sizes: models by name.
        corpus: token shards.
        recipe: hyperparameters.
        folder: of finished runs; one file each, written when the run ends, never half of one.
        workers: processes; default: one per core that this process may use.
        progress: to show tokens trained and time left on.
        finished: given the table so far whenever a run ends.

    Raises:
        LangmixError: a worker was lost again and again (most often: out of memory).
    """
    progress = progress or Progress(disable=True)
    names = [planned.run for planned in runs]
    marks = {p.run: fingerprint(p, size=sizes[p.size], corpus=corpus, recipe=recipe) for p in runs}
    done = {p.run: rows for p in runs if (rows := read_result(folder, p, marks[p.run])) is not None}
    prices = {p.run: price(p, size=sizes[p.size], vocab_size=corpus.vocab_size, recipe=recipe) for p in runs}
    # Longest first, so that the last runs to end are short ones.
    left = sorted((p for p in runs if p.run not in done), key=lambda p: -prices[p.run])
    task = progress.add_task("training", total=sum(prices.values()))
    before = sum(prices[name] for name in done)
    for attempt in range(1, _ATTEMPTS + 1):
        progress.update(task, completed=before)
        try:
            with _pool(workers or len(os.sched_getaffinity(0))) as (pool, trained):
                waiting: dict[Future[Rows], PlannedRun] = {
                    pool.submit(_train_one, p, sizes[p.size], str(corpus.folder), recipe): p for p in left
                }
                while waiting:
                    ended, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                    progress.update(task, completed=min(before + trained.value, sum(prices.values())))
                    for future in ended:
                        planned = waiting.pop(future)
                        rows = future.result()
                        write_result(folder, planned, rows, marks[planned.run])
                        done[planned.run] = rows
                        progress.update(task, description=f"training ({len(done)} of {len(runs)} runs)")
                        finished(run_table(done.values(), names))
            break
        except BrokenProcessPool:
            left = [planned for planned in left if planned.run not in done]
            before = sum(prices[name] for name in done)
            if attempt == _ATTEMPTS:
                raise LangmixError(
                    f"a training process was lost {_ATTEMPTS} times, with {len(left)} of {len(runs)} runs "
                    f"left (first: {left[0].run!r}); most often memory ran out: use fewer workers, then run "
                    "again; finished runs are kept"
                ) from None
    progress.update(task, completed=sum(prices.values()))
    return run_table(done.values(), names)


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


def _train_one(planned: PlannedRun, size: ModelSize, corpus_folder: str, recipe: Recipe) -> Rows:
    from langmix.lab._train import train

    corpus = open_corpus(Path(corpus_folder))
    flops = size.flops_per_token(corpus.vocab_size, recipe.sequence)
    # A program for a shape pays where there is much to train, and needs a C++ compiler.
    long = planned.trained_tokens * flops > _COMPILED
    compiled = long and any(shutil.which(name) for name in ("g++", "clang++", "c++"))

    def advance(tokens: int) -> None:
        with _trained.get_lock():
            _trained.value += tokens * flops

    return [
        run_row(
            planned,
            size=size,
            corpus=corpus,
            tokens=checkpoint.tokens,
            step=checkpoint.step,
            losses=checkpoint.losses,
            distinct=checkpoint.distinct,
        )
        for checkpoint in train(
            planned, size=size, corpus=corpus, recipe=recipe, compiled=compiled, advance=advance
        )
    ]
