"""The engine `ray`: a Ray cluster that exists. Nodes may come and go; results return to the driver.

Ray's own retries are off: it repeats some losses without end (a worker that memory ran out for) and others
never, so every loss is counted here, per run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from langmix import files
from langmix._version import VERSION
from langmix.config import Config
from langmix.corpus import Corpus, CorpusCard, open_corpus
from langmix.corpus._shards import EVALUATION, shard_path, write_card
from langmix.errors import InputError, LangmixError, WorkerLostError
from langmix.lab._cluster import check_address, connected
from langmix.lab._engine import Ended, Task, train_tasks
from langmix.lab._recipe import Recipe
from langmix.lab._results import Rows

_TOLD: Final = 2.0  # seconds between reports of progress
_TEXTS: Final = (EVALUATION, "tokenizer.json")
_LOOKED: Final = 5.0  # seconds between looks at the nodes


class Ray(Config):
    """A Ray cluster.

    Attributes:
        kind: ``ray``.
        address: ``auto``, ``host:port`` of the head (from a node of the cluster), or ``ray://host:port``.
        cpus_per_run: cores that a run takes; also its threads.
        gpus_per_run: GPUs that a run takes; a fraction lets runs share one, 2 or more shard the model.
        ranks: processes that share one model (FSDP2); absent is one per GPU.
        attempts: how often a run may lose its worker or node before the sweep gives up.
        patience: seconds to wait for a node that could hold a run.
    """

    kind: Literal["ray"] = "ray"
    address: str = "auto"
    cpus_per_run: float = Field(default=1.0, gt=0)
    gpus_per_run: float = Field(default=0.0, ge=0)
    ranks: int | None = Field(default=None, gt=0)
    attempts: int = Field(default=5, gt=0)
    patience: float = Field(default=60.0, ge=0)

    @field_validator("address")
    @classmethod
    def _address(cls, address: str) -> str:
        return check_address(address)

    @field_validator("cpus_per_run", "gpus_per_run")
    @classmethod
    def _whole(cls, count: float) -> float:
        if count > 1 and count != int(count):
            raise ValueError("expected a part of one, or a whole number")
        return count

    @model_validator(mode="after")
    def _rank_per_gpu(self) -> Ray:
        if self.gpus_per_run and self.ranks not in (None, max(1, int(self.gpus_per_run))):
            raise ValueError(f"{self.ranks} ranks on {self.gpus_per_run:g} GPUs; expected one GPU per rank")
        return self

    def train(
        self,
        tasks: Sequence[Task],
        *,
        corpus: Corpus,
        recipe: Recipe,
        report: Callable[[float], None],
    ) -> Generator[list[Ended], None, None]:
        """See `Engine.train`; a lost worker or node costs the runs that it held, which go on from
        their trunks where workers see the folder of the study, and start over where they do not.
        """
        with connected(self.address) as ray:
            yield from _Driver(self, ray, tasks, corpus, recipe).train(report)

    @property
    def processes(self) -> int:
        """Per run."""
        return self.ranks or max(1, int(self.gpus_per_run))

    @property
    def needs(self) -> dict[str, float]:
        """What a run takes, by Ray's names."""
        return {"CPU": self.cpus_per_run, **({"GPU": self.gpus_per_run} if self.gpus_per_run else {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What every worker is told.

    Attributes:
        version: of langmix, which must be the worker's too.
        folder: of the corpus; a worker that sees another card there, or none, asks for its tokens.
        card: of the corpus.
        recipe: hyperparameters.
        threads: per process.
        device: of torch.
        ranks: processes per run.
    """

    version: str
    folder: str
    card: CorpusCard
    recipe: Recipe
    threads: int
    device: str
    ranks: int


class _Driver:
    """The tasks of one sweep on a cluster: those that wait or run, and how often each was lost."""

    def __init__(self, engine: Ray, ray: Any, tasks: Sequence[Task], corpus: Corpus, recipe: Recipe) -> None:
        self.engine, self.ray, self.tasks, self.corpus = engine, ray, tasks, corpus
        order = _Order(
            version=VERSION,
            folder=str(corpus.folder.resolve()),
            card=corpus.card,
            recipe=recipe,
            threads=max(1, int(engine.cpus_per_run) // engine.processes),
            device="cuda" if engine.gpus_per_run else "cpu",
            ranks=engine.processes,
        )
        self.order = ray.put(order)
        self.board = ray.remote(_Board).options(num_cpus=0, max_restarts=-1).remote()
        self.work = ray.remote(_work).options(
            num_cpus=engine.cpus_per_run, num_gpus=engine.gpus_per_run, max_retries=0
        )
        self.shards: dict[str, Any] | None = None
        self.waiting: dict[Any, int] = {}
        self.lost = [0] * len(tasks)

    def train(self, report: Callable[[float], None]) -> Generator[list[Ended], None, None]:
        errors, ended = self.ray.exceptions, 0.0
        watch, progress = _Watch(self), _Progress(self)
        try:
            for k in range(len(self.tasks)):
                self._begin(k)
            while self.waiting:
                done, _ = self.ray.wait(list(self.waiting), timeout=0.5)
                watch.look()
                report(ended + progress.under_way())
                for ref in done:
                    k = self.waiting.pop(ref)
                    try:
                        done_there = self.ray.get(ref)
                    except errors.RayTaskError as error:  # raised by the training itself
                        if isinstance(error.cause, WorkerLostError):
                            self._again(k, error.cause)
                        elif isinstance(error.cause, LangmixError):
                            raise error.cause from None
                        else:
                            raise
                    except errors.RayError as error:  # the worker or its node is gone
                        self._again(k, error)
                    else:
                        if done_there is None:
                            self._ship()
                            self._begin(k)
                        else:
                            rows, models = done_there
                            self._keep(k, models)
                            ended += self.tasks[k].price
                            yield [(self.tasks[k], rows)]
        finally:
            for ref in self.waiting:
                self.ray.cancel(ref, force=True)
            self.ray.kill(self.board)

    def _begin(self, k: int) -> None:
        self.waiting[self.work.remote(k, self.tasks[k], self.order, self.shards, self.board)] = k

    def _keep(self, k: int, models: Mapping[str, bytes]) -> None:
        """Write models that came from a node which does not see where they are kept."""
        place = self.tasks[k].models
        for name, content in models.items():
            assert place is not None
            files.write_bytes(place / name, content)

    def _again(self, k: int, error: Exception) -> None:
        self.lost[k] += 1
        if self.lost[k] >= self.engine.attempts:
            reason = " ".join(str(error).split())[:200]
            raise LangmixError(
                f"run {self.tasks[k].planned.run!r} lost its worker or node {self.lost[k]} times (last: "
                f"{type(error).__name__}: {reason}); where memory ran out, let a run take more of a node "
                "(--cpus-per-run); finished runs are kept, the same command resumes"
            ) from None
        self._begin(k)

    def _ship(self) -> None:
        """Put the tokens into the object store, once, for workers that do not see the corpus' folder."""
        if self.shards is None:
            corpus = self.corpus
            read = {"train": corpus.train, "validation": corpus.validation, "counted": corpus.counted}
            self.shards = {
                f"{name}.{split}": self.ray.put(np.array(read[split](name)))
                for name in corpus.languages
                for split in corpus.splits
            }
            for name in _TEXTS:
                if (path := corpus.folder / name).exists():
                    self.shards[name] = self.ray.put(path.read_bytes())


class _Watch:
    """Ends a sweep that no node can hold a run of, which Ray would wait for without end."""

    def __init__(self, driver: _Driver) -> None:
        self.driver, self.looked, self.held = driver, 0.0, time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        if now - self.looked < _LOOKED:
            return
        engine, self.looked = self.driver.engine, now
        nodes = [node["Resources"] for node in self.driver.ray.nodes() if node["Alive"]]
        if any(all(node.get(name, 0.0) >= n for name, n in engine.needs.items()) for node in nodes):
            self.held = now
        elif now - self.held >= engine.patience:
            raise LangmixError(
                f"no node of the Ray cluster can hold a run, which takes {_told(engine.needs, engine.needs)} "
                f"(nodes: {'; '.join(_told(node, ('CPU', 'GPU')) for node in nodes) or 'none'}); lower "
                "--cpus-per-run or --gpus-per-run, or add a node (`patience` gives it time to start)"
            )


def _told(resources: Mapping[str, float], names: Iterable[str]) -> str:
    return ", ".join(f"{resources.get(name, 0.0):g} {name}" for name in names)


class _Progress:
    """FLOPs of the runs under way, as the board was last read; a board that is lost is read again later."""

    def __init__(self, driver: _Driver) -> None:
        self.driver, self.asked = driver, 0.0
        self.answer: Any = None
        self.trained: dict[int, float] = {}

    def under_way(self) -> float:
        driver, now = self.driver, time.monotonic()
        if self.answer is None or now - self.asked > 10 * _TOLD:
            self.asked, self.answer = now, driver.board.read.remote()
        elif now - self.asked >= _TOLD and driver.ray.wait([self.answer], timeout=0)[0]:
            with suppress(driver.ray.exceptions.RayError):  # the board's node is gone: it moves to another
                self.trained = driver.ray.get(self.answer)
            self.answer = None
        return sum(self.trained.get(k, 0.0) for k in driver.waiting.values())


class _Board:
    """An actor: workers write on it how far they are."""

    def __init__(self) -> None:
        self.trained: dict[int, float] = {}

    def tell(self, k: int, flops: float) -> None:
        self.trained[k] = flops

    def read(self) -> dict[int, float]:
        return self.trained


@dataclass(frozen=True, kw_only=True)
class _Shipped(Corpus):
    """A corpus whose tokens lie in the object store: a node has each once, and its workers share it."""

    shards: Mapping[str, Any]

    def train(self, language: str) -> NDArray[np.unsignedinteger]:
        tokens: NDArray[np.unsignedinteger] = self._fetch(f"{language}.train")
        return tokens

    def validation(self, language: str) -> NDArray[np.unsignedinteger]:
        tokens: NDArray[np.unsignedinteger] = self._fetch(f"{language}.validation")
        return tokens

    def written(self, folder: Path) -> Corpus:
        """The same in a folder, for processes that have no object store."""
        for name in self.languages:
            for split in self.splits:
                path = shard_path(folder, name, split)
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, self._fetch(f"{name}.{split}"))
        for name in _TEXTS:
            if name in self.shards:
                (folder / name).write_bytes(self._fetch(name))
        write_card(folder, self.card)
        return open_corpus(folder)

    def _fetch(self, shard: str) -> Any:
        import ray

        return ray.get(self.shards[shard])


def _work(
    k: int, task: Task, order: _Order, shards: Mapping[str, Any] | None, board: Any
) -> tuple[Rows, dict[str, bytes]] | None:
    """On a worker: train a task, nothing if its tokens have to be shipped first.

    Returns its rows, and the files of its models where they could not be written from here.
    """
    if order.version != VERSION:
        raise LangmixError(
            f"a node of the Ray cluster has langmix {VERSION}, this machine {order.version}; install the "
            "same version on all nodes"
        )
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch

    torch.set_num_threads(order.threads)
    corpus = _corpus(order, shards)
    if corpus is None:
        return None
    trained, told = 0.0, time.monotonic()

    def advance(flops: float) -> None:
        nonlocal trained, told
        trained += flops
        if (now := time.monotonic()) - told >= _TOLD:
            told = now
            board.tell.remote(k, trained)

    with TemporaryDirectory() as name:
        folder, models = Path(name), Path(name) / "models"
        if isinstance(corpus, _Shipped):  # nor is the study's folder seen from here
            task = replace(task, trunk=None, models=models if task.models else None)
            # Held-out items and the tokenizer are read from files, and so are the tokens of ranks.
            if order.ranks > 1 or corpus.card.parallel or task.models:
                corpus = corpus.written(folder / "corpus")
        (rows,) = train_tasks(
            [task],
            corpus=corpus,
            recipe=order.recipe,
            device=order.device,
            ranks=order.ranks,
            advance=advance,
        )
        written = [path for path in models.rglob("*") if path.is_file()]
        return rows, {str(path.relative_to(models)): path.read_bytes() for path in written}


def _corpus(order: _Order, shards: Mapping[str, Any] | None) -> Corpus | None:
    folder = Path(order.folder)
    try:
        seen = open_corpus(folder)
        if seen.card == order.card:
            return seen
    except InputError:
        pass
    return None if shards is None else _Shipped(folder=folder, card=order.card, shards=shards)
