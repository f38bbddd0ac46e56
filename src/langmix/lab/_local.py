"""The engine `local`: the GPUs of this machine, a process each, or its cores, a single-threaded one each."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from langmix.config import Config
from langmix.corpus import Corpus, open_corpus
from langmix.errors import LangmixError
from langmix.lab._engine import Ended, Task, packs, train_tasks
from langmix.lab._estimate import check_torch
from langmix.lab._recipe import Recipe
from langmix.lab._results import Rows

_ATTEMPTS: Final = 3
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TORCHINDUCTOR_COMPILE_THREADS",
)

_trained: Any = None  # in a worker: the shared FLOPs trained, one number per worker
_place: int = 0  # in a worker: its own among them


class Local(Config):
    """Processes of this machine.

    Attributes:
        kind: ``local``.
        device: ``cpu``, ``cuda``, or ``auto``: GPUs where there are any.
        workers: processes; absent is one per GPU, or per core that this process may use.
        pack: runs of one shape that train as one program; absent is 32 on a GPU, and 1 on a core, where
            packing gains nothing.
    """

    kind: Literal["local"] = "local"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | None = Field(default=None, gt=0)
    pack: int | None = Field(default=None, gt=0)

    @property
    def on_gpu(self) -> bool:
        """Whether runs are trained on GPUs."""
        return self.device == "cuda" or (self.device == "auto" and bool(_gpus()))

    @property
    def processes(self) -> int:
        """That train at once."""
        here = _gpus() if self.on_gpu else len(os.sched_getaffinity(0))
        return self.workers or max(1, here)

    def train(
        self,
        tasks: Sequence[Task],
        *,
        corpus: Corpus,
        recipe: Recipe,
        report: Callable[[float], None],
    ) -> Generator[list[Ended], None, None]:
        """See `Engine.train`; a lost worker costs what its run did since its trunk was kept."""
        check_torch()
        left, ended = list(tasks), 0.0
        device, pack = ("cuda", 32) if self.on_gpu else ("cpu", 1)
        for _ in range(_ATTEMPTS):
            try:
                with _pool(self.processes, device) as (pool, trained):
                    waiting = {
                        pool.submit(_work, together, str(corpus.folder), recipe, device): together
                        for together in packs(left, self.pack or pack)
                    }
                    while waiting:
                        done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                        report(ended + sum(trained))
                        # A worker that was lost fails all that waits: first comes what had ended.
                        for future in sorted(done, key=lambda f: f.exception() is not None):
                            together = list(zip(waiting.pop(future), future.result(), strict=True))
                            left = [task for task in left if task not in [each for each, _ in together]]
                            yield together
                return
            except BrokenProcessPool:
                ended = sum(task.price for task in tasks) - sum(task.price for task in left)
        raise LangmixError(
            f"a training process was lost {_ATTEMPTS} times, with {len(left)} of {len(tasks)} runs left "
            f"(first: {left[0].planned.run!r}); most often memory ran out: use fewer workers, then run "
            "again; finished runs are kept"
        )


def _gpus() -> int:
    """GPUs that this process may use, seen without importing torch."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return len([path for path in Path("/dev").glob("nvidia*") if path.name[6:].isdigit()])


@contextmanager
def _pool(workers: int, device: str) -> Any:
    """Spawned processes of one thread each, and the FLOPs that each has trained.

    No lock on these: a worker that is killed while it holds one would block the driver for ever. Each writes
    its own number.
    """
    context = multiprocessing.get_context("spawn")
    trained, turn = context.RawArray(ctypes.c_double, workers), context.Value(ctypes.c_int)
    saved = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read when a worker imports torch
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(trained, turn, device)
    )
    try:
        yield pool, trained
    finally:
        # What is under way would be trained to its end and thrown away (`terminate_workers`: Python 3.14).
        working = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in working:
            process.kill()
        for process in working:
            process.join()
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(trained: Any, turn: Any, device: str) -> None:
    threading.Thread(target=_end_with_the_driver, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    global _trained, _place
    _trained = trained
    with turn.get_lock():
        _place = turn.value
        turn.value += 1
    if device == "cuda" and torch.cuda.is_available():  # if not, the first task says so
        torch.cuda.set_device(_place % torch.cuda.device_count())


def _end_with_the_driver() -> None:
    """A driver that is killed leaves its workers nothing to train for, and their trunks to the next one."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    connection.wait([driver.sentinel])
    os._exit(1)


def _advance(flops: float) -> None:
    _trained[_place] += flops


def _work(tasks: Sequence[Task], corpus_folder: str, recipe: Recipe, device: str) -> list[Rows]:
    return train_tasks(
        tasks, corpus=open_corpus(Path(corpus_folder)), recipe=recipe, device=device, advance=_advance
    )
