"""Training of a study's runs: what is left, what it costs, the run table, and the trackers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.progress import Progress

from langmix import files
from langmix.corpus import CorpusConfig, open_corpus, vocab_size
from langmix.design import PlannedRun
from langmix.errors import InputError
from langmix.lab import Engine, Estimate, Local, check_data, check_machine, estimate, speeds, sweep
from langmix.lab._preflight import available_memory, memory
from langmix.lab._results import fingerprint, models_kept, models_path, read_result
from langmix.lab._trackers import Tracker
from langmix.quantities import count, duration
from langmix.runs import RunTable
from langmix.study._config import CONFIG, StudyConfig
from langmix.study._places import Places


class Training:
    """Trains runs on the corpus of a study.

    Attributes:
        trackers: where runs are logged as they end, by place.
    """

    def __init__(self, folder: Path, config: StudyConfig, places: Places) -> None:
        self.folder, self.config, self.places = folder, config, places
        self.trackers: dict[str, Tracker] = {}

    def run(
        self,
        runs: Sequence[PlannedRun],
        table_csv: Path,
        say: Callable[[str], None],
        progress: Progress,
        engine: Engine,
        later: Sequence[PlannedRun] = (),
        keep: bool = False,
    ) -> RunTable:
        """Train runs and write their table, anew whenever one ends; what it costs is told first.

        ``later`` are runs of a later stage, whose data have to be there too; ``keep``: their models.
        """
        corpus, sizes, recipe = (
            open_corpus(self.places.work / "corpus"),
            self.config.models(),
            self.config.recipe,
        )
        try:
            check_data([*runs, *later], corpus, recipe=recipe, max_epochs=self.config.plan.max_epochs)
        except InputError as error:
            raise InputError(f"{self.folder / CONFIG}: {error}") from None
        left = self.left(runs, keep=keep)
        if left:
            # What runs take on other machines and on GPUs cannot be told.
            here = isinstance(engine, Local) and not engine.on_gpu
            workers, pack = (engine.processes, engine.pack or 1) if isinstance(engine, Local) else (1, 1)
            if here:
                check_machine(
                    left,
                    sizes=sizes,
                    corpus=corpus,
                    recipe=recipe,
                    folder=self.places.work,
                    workers=workers,
                    pack=pack,
                    keep=keep,
                )
            cost = self.price(left, workers, measured=here)
            say(
                f"{len(left)} of {len(runs)} runs to train: {count(cost.checkpoints)} checkpoints, "
                f"{count(cost.tokens)} tokens, {cost.flops:.2g} FLOPs"
                + (f", about {duration(cost.seconds)} here" if cost.seconds == cost.seconds else "")
            )

        def finished(table: RunTable) -> None:
            table.write(table_csv)
            self._log(table)

        table = sweep(
            runs,
            sizes=sizes,
            corpus=corpus,
            recipe=recipe,
            folder=self.places.work / "runs",
            models=self.places.models if keep else None,
            engine=engine,
            progress=progress,
            finished=finished,
        )
        finished(table)
        return table

    def _log(self, table: RunTable) -> None:
        """Runs to the trackers that do not have them yet; one whose logging is killed is logged again."""
        path = self.places.work / "logged.json"
        try:
            logged: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            logged = {}
        for place, tracker in self.trackers.items():
            known = logged.setdefault(place, [])
            for name in dict.fromkeys(map(str, table.run)):
                rows = table.select(table.run == name).frame.to_dict("records")
                mark = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()
                if mark not in known:
                    tracker.log(name, rows)  # type: ignore[arg-type]
                    known.append(mark)
                    files.write_text(path, json.dumps(logged) + "\n")

    def left(self, runs: Sequence[PlannedRun], *, keep: bool = False) -> list[PlannedRun]:
        """Those without a result yet; with ``keep``, or without their models."""
        if not self.places.fresh("corpus"):
            return list(runs)
        corpus, sizes = open_corpus(self.places.work / "corpus"), self.config.models()
        recipe, folder = self.config.recipe, self.places.work / "runs"
        marks = {
            run.run: fingerprint(run, size=sizes[run.size], corpus=corpus, recipe=recipe) for run in runs
        }
        return [
            run
            for run in runs
            if read_result(folder, run, mark := marks[run.run]) is None
            or (keep and not models_kept(models_path(self.places.models, run), mark))
        ]

    def price(self, runs: Sequence[PlannedRun], workers: int | None, *, measured: bool = True) -> Estimate:
        """What runs cost on this machine."""
        config = self.config
        sizes, vocab_size = config.models(), self._vocab_size()
        used = [sizes[name] for name in sorted({run.size for run in runs})]
        least = config.recipe.model_copy(update={"batch": 1})
        fits = all(memory(size, vocab_size=vocab_size, recipe=least) < available_memory() for size in used)
        return estimate(
            runs,
            sizes=sizes,
            vocab_size=vocab_size,
            evaluation_tokens=self._evaluation_tokens(),
            recipe=config.recipe,
            speeds=speeds(used, vocab_size=vocab_size, recipe=config.recipe) if measured and fits else None,
            workers=workers or len(os.sched_getaffinity(0)),
        )

    def _evaluation_tokens(self) -> int:
        """That a checkpoint reads; where there are no items yet, as if each pair took half of a sequence."""
        corpus = self.config.corpus
        if isinstance(corpus, CorpusConfig):
            return len(corpus.targets) * self.config.recipe.evaluation_tokens
        if self.places.fresh("corpus"):
            card = open_corpus(self.places.work / "corpus").card.parallel
            assert card is not None
            return card.evaluation_tokens
        return len(corpus.targets) * corpus.hold_out * corpus.sequence // 2

    def _vocab_size(self) -> int:
        """Of the corpus, built or not."""
        if self.places.fresh("corpus"):
            return open_corpus(self.places.work / "corpus").vocab_size
        corpus = self.config.corpus
        tokens = corpus.tokens if isinstance(corpus, CorpusConfig) else None
        return vocab_size(tokens) if tokens else corpus.vocab_size
