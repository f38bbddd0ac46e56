"""The stages of a study, each from files to files, and skipped while what goes into it has not changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.progress import Progress

from langmix import files
from langmix._version import VERSION
from langmix.allocate import Allocation, Validation, allocate, validate, write_mixture
from langmix.corpus import build_corpus, open_corpus, vocab_size
from langmix.design import PlannedRun
from langmix.errors import InputError
from langmix.lab import Engine, Estimate, Local, check_data, check_machine, estimate, speeds, sweep
from langmix.lab._preflight import available_memory, memory
from langmix.lab._results import fingerprint, read_result
from langmix.lab._trackers import Tracker, open_tracker
from langmix.laws import Laws, fit, read_laws, write_laws
from langmix.quantities import count, duration
from langmix.report import build_report
from langmix.runs import RunTable, read_runs
from langmix.study._config import CONFIG, Question, StudyConfig, read_study
from langmix.study._config import Validation as ValidationConfig
from langmix.transfer import synergy

ALIKE: Final = "all languages alike"
"""The objective that every validation has."""

STAGES: Final = ("corpus", "train", "fit", "allocate", "validate", "report")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a study came to.

    Attributes:
        laws: fitted to its runs.
        allocations: one per question, in their order.
        validations: by objective, where the study has runs for them; the first is all languages alike.
        page: the report.
    """

    laws: Laws
    allocations: tuple[Allocation, ...]
    validations: Mapping[str, Validation]
    page: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class StageStatus:
    """Whether a stage's outputs are there and up to date."""

    stage: str
    done: bool
    detail: str


def run_study(
    folder: Path,
    *,
    workers: int | None = None,
    engine: Engine | None = None,
    trackers: Sequence[str] = (),
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run the stages of a study that are not up to date; killed at any moment, it resumes.

    Writes ``runs.csv``, ``laws.json``, ``mixture.json`` and ``report/`` in the folder, and the corpus and
    finished runs in its ``work/``.

    Args:
        folder: with a study.yaml.
        workers: train with the engine `local` of so many processes.
        engine: where runs are trained; default: that of study.yaml, which is `local` if it names none.
        trackers: where runs are logged as they finish, such as ``tensorboard:logs``; see `open_tracker`.
        progress: to show progress on.
        say: told what each stage did.

    Raises:
        LangmixError: bad configuration, a source that cannot be read, lost workers.
    """
    study = Study(folder)
    engine = engine or (Local(workers=workers) if workers else study.config.engine)
    study.trackers = {place: open_tracker(place, group=study.folder.resolve().name) for place in trackers}
    progress = progress or Progress(disable=True)
    with files.alone(folder, doing="`langmix study run`"):
        study.corpus(say, progress)
        study.train(say, progress, engine)
        laws = study.fit(say)
        allocations = study.allocate(laws, say)
        validations = study.validate(laws, say, progress, engine)
        page = study.report(laws, allocations, validations, say)
    return Outcome(laws=laws, allocations=allocations, validations=validations, page=page)


def study_price(
    folder: Path, *, workers: int | None = None, measured: bool = True
) -> tuple[Estimate, Estimate]:
    """What a study's runs cost: all of them, and those that are left.

    Args:
        folder: with a study.yaml.
        workers: training processes; default: one per core.
        measured: time each size for a second; else no time is told.
    """
    study = Study(folder)
    runs = study.config.runs()
    return study.price(runs, workers, measured=measured), study.price(
        study.left(runs), workers, measured=measured
    )


def study_status(folder: Path) -> list[StageStatus]:
    """Which stages are up to date, and how far training is."""
    return Study(folder).status()


class Study:
    """A folder with a study.yaml; the stages read and write in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: StudyConfig = read_study(folder)
        self.trackers: dict[str, Tracker] = {}
        self.work = folder / "work"
        self.runs_csv = folder / "runs.csv"
        self.validation_csv = folder / "validation.csv"
        self.laws_json = folder / "laws.json"
        self.page = folder / "report" / "index.html"

    def corpus(self, say: Callable[[str], None], progress: Progress) -> None:
        """Sources to token shards."""
        if self._fresh("corpus"):
            say("corpus: up to date")
            return
        try:
            built = build_corpus(self.config.corpus, self.work / "corpus", progress=progress)
        except InputError as error:
            raise InputError(f"{self.folder / CONFIG}: corpus: {error}") from None
        tokens = sum(card.train_tokens for card in built.card.languages.values())
        say(f"corpus: {tokens / 1e6:.1f}M training tokens in {len(built.languages)} languages")
        self._mark("corpus")

    def train(self, say: Callable[[str], None], progress: Progress, engine: Engine) -> None:
        """The planned runs to a run table, rewritten whenever a run ends."""
        if self._fresh("train"):
            say("train: up to date")
            return
        self._marker("train").unlink(missing_ok=True)  # the table may be whole before all of it is logged
        table = self._sweep(
            self.config.runs(), self.runs_csv, say, progress, engine, later=self._uniform_validation()
        )
        say(f"train: {len(table)} checkpoints of {len(set(table.run))} runs in {self.runs_csv}")
        self._mark("train")

    def fit(self, say: Callable[[str], None]) -> Laws:
        """The run table to laws."""
        if self._fresh("fit"):
            say("fit: up to date")
            return read_laws(self.laws_json)
        laws = fit(read_runs(self.runs_csv), draws=self.config.draws, seed=self.config.seed)
        write_laws(laws, self.laws_json)
        say(f"fit: {laws.form} law in {self.laws_json}")
        self._mark("fit")
        return laws

    def allocate(self, laws: Laws, say: Callable[[str], None]) -> tuple[Allocation, ...]:
        """Laws to an allocation per question; the first is written as mixture.json."""
        allocations = answer(laws, self.config.questions)
        if not self._fresh("allocate"):
            for path in self.folder.glob("mixture-*.json"):
                if path.stem.removeprefix("mixture-").isdigit() and path not in self._mixtures():
                    path.unlink()  # of a question that is asked no more
            for path, allocation in zip(self._mixtures(), allocations, strict=True):
                write_mixture(allocation, path)
            say(f"allocate: {len(allocations)} allocations, the first in {self.folder / 'mixture.json'}")
            self._mark("allocate")
        else:
            say("allocate: up to date")
        return allocations

    def validate(
        self, laws: Laws, say: Callable[[str], None], progress: Progress, engine: Engine
    ) -> dict[str, Validation]:
        """Runs of recommended mixtures and of uniform at a size beyond the fit; none if not asked for."""
        asked = self.config.validation
        if asked is None:
            return {}
        corpus, size = open_corpus(self.work / "corpus"), self.config.models()[asked.size]
        tokens = self._validation_tokens(asked)
        answers = {
            name: allocate(
                laws,
                params=size.params,
                tokens=tokens,
                weights=weights,
                available={each: card.train_tokens for each, card in corpus.card.languages.items()},
                max_epochs=self.config.plan.max_epochs,
            )
            for name, weights in {ALIKE: None, **asked.objectives}.items()
        }
        fresh = self._fresh("validate")
        if fresh:
            say("validate: up to date")
            table = read_runs(self.validation_csv)
        else:
            mixtures = {"uniform": answers[ALIKE].against["uniform"].shares}
            for name, answer in answers.items():
                what = "recommended" if name == ALIKE else f"recommended-{name}"
                mixtures[what] = _rounded(answer.shares)
            self._marker("validate").unlink(missing_ok=True)
            table = self._sweep(self._validation(asked, mixtures), self.validation_csv, say, progress, engine)
        found = {name: validate(laws, answer, table) for name, answer in answers.items()}
        if not fresh:
            for name, validation in found.items():
                gain = validation.measured_gain
                say(f"validate: {name}: measured gain over uniform {gain.value:.2%}; {validation.verdict}")
            self._mark("validate")
        return found

    def _validation_tokens(self, asked: ValidationConfig) -> int:
        """Of each run: whole steps."""
        return self.config.recipe.steps(asked.tokens) * self.config.recipe.batch_tokens

    def _validation(
        self, asked: ValidationConfig, mixtures: Mapping[str, Mapping[str, float]]
    ) -> list[PlannedRun]:
        """Runs of mixtures by name, each under every seed."""
        return [
            PlannedRun(
                run=f"validation-{name}-{asked.size}-s{seed}",
                arm="validation",
                size=asked.size,
                budgets=(self._validation_tokens(asked),),
                shares=dict(shares),
                seed=seed,
            )
            for seed in asked.seeds
            for name, shares in mixtures.items()
        ]

    def _uniform_validation(self) -> list[PlannedRun]:
        """Validation runs that are known before any law is."""
        languages = self.config.corpus.languages
        uniform = dict.fromkeys(languages, 1 / len(languages))
        asked = self.config.validation
        return self._validation(asked, {"uniform": uniform}) if asked else []

    def _sweep(
        self,
        runs: Sequence[PlannedRun],
        table_csv: Path,
        say: Callable[[str], None],
        progress: Progress,
        engine: Engine,
        later: Sequence[PlannedRun] = (),
    ) -> RunTable:
        """Train runs and write their table, anew whenever one ends; what it costs is told first.

        ``later`` are runs of a later stage, whose data have to be there too.
        """
        corpus, sizes, recipe = open_corpus(self.work / "corpus"), self.config.models(), self.config.recipe
        try:
            check_data([*runs, *later], corpus, recipe=recipe, max_epochs=self.config.plan.max_epochs)
        except InputError as error:
            raise InputError(f"{self.folder / CONFIG}: {error}") from None
        left = self.left(runs)
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
                    folder=self.work,
                    workers=workers,
                    pack=pack,
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
            folder=self.work / "runs",
            engine=engine,
            progress=progress,
            finished=finished,
        )
        finished(table)
        return table

    def _log(self, table: RunTable) -> None:
        """Runs to the trackers that do not have them yet; one whose logging is killed is logged again."""
        path = self.work / "logged.json"
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

    def _mixtures(self) -> list[Path]:
        """A file per question."""
        names = ["mixture.json", *(f"mixture-{k}.json" for k in range(2, len(self.config.questions) + 1))]
        return [self.folder / name for name in names]

    def left(self, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Those without a result yet."""
        if not self._fresh("corpus"):
            return list(runs)
        corpus, sizes = open_corpus(self.work / "corpus"), self.config.models()
        recipe, folder = self.config.recipe, self.work / "runs"
        return [
            run
            for run in runs
            if read_result(folder, run, fingerprint(run, size=sizes[run.size], corpus=corpus, recipe=recipe))
            is None
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
            languages=len(config.corpus.languages),
            recipe=config.recipe,
            speeds=speeds(used, vocab_size=vocab_size, recipe=config.recipe) if measured and fits else None,
            workers=workers or len(os.sched_getaffinity(0)),
        )

    def _vocab_size(self) -> int:
        """Of the corpus, built or not."""
        if self._fresh("corpus"):
            return open_corpus(self.work / "corpus").vocab_size
        tokens = self.config.corpus.tokens
        return vocab_size(tokens) if tokens else self.config.corpus.vocab_size

    def report(
        self,
        laws: Laws,
        allocations: Sequence[Allocation],
        validations: Mapping[str, Validation],
        say: Callable[[str], None],
    ) -> Path:
        """Everything to one page."""
        if self._fresh("report"):
            say("report: up to date")
            return self.page
        runs = read_runs(self.runs_csv)
        page = write_report(
            runs,
            laws,
            allocations,
            self.page.parent,
            title=self.config.title,
            notes=self.config.notes,
            validations=validations,
        )
        say(f"report: {page}")
        self._mark("report")
        return page

    def status(self) -> list[StageStatus]:
        """One entry per stage."""
        found = []
        for stage in STAGES:
            if stage == "validate" and self.config.validation is None:
                continue
            done = self._fresh(stage)
            detail = "up to date" if done else "to do"
            if stage == "train" and not done and self._fresh("corpus"):
                runs = self.config.runs()
                left = self.left(runs)
                cost, rest = (self.price(some, None, measured=False).flops for some in (runs, left))
                detail = f"{len(runs) - len(left)} of {len(runs)} runs, {1 - rest / cost:.0%} of the FLOPs"
            found.append(StageStatus(stage=stage, done=done, detail=detail))
        return found

    def _fresh(self, stage: str) -> bool:
        """Whether the stage ended with the inputs that are there now, and its output is as it was then."""
        try:
            marked = json.loads(self._marker(stage).read_text(encoding="utf-8"))
            return bool(marked == self._state(stage))
        except (OSError, ValueError):
            return False

    def _mark(self, stage: str) -> None:
        files.write_text(self._marker(stage), json.dumps(self._state(stage)) + "\n")

    def _marker(self, stage: str) -> Path:
        return self.work / "stages" / f"{stage}.json"

    def _state(self, stage: str) -> dict[str, str]:
        """Hashes of what goes into a stage and of what came out."""
        config = self.config
        asked = {
            "corpus": config.corpus.model_dump_json(),
            "train": config.model_dump_json(include={"plan", "sizes", "recipe", "seed", "target"}),
            "fit": config.model_dump_json(include={"draws", "seed"}),
            "allocate": config.model_dump_json(include={"questions"}),
            "validate": config.model_dump_json(
                include={"validation": True, "sizes": True, "recipe": True, "plan": {"max_epochs"}}
            ),
            "report": config.model_dump_json(include={"title", "notes", "questions", "validation"}),
        }[stage]
        read = {
            "corpus": [],
            "train": [self.work / "corpus" / "corpus.json"],
            "fit": [self.runs_csv],
            "allocate": [self.laws_json],
            "validate": [self.laws_json, self.work / "corpus" / "corpus.json"],
            "report": [self.runs_csv, self.laws_json, *([self.validation_csv] if config.validation else [])],
        }[stage]
        written = {
            "corpus": [self.work / "corpus" / "corpus.json"],
            "train": [self.runs_csv],
            "fit": [self.laws_json],
            "allocate": self._mixtures(),
            "validate": [self.validation_csv],
            "report": [self.page],
        }[stage]
        return {
            "version": VERSION,
            "asked": hashlib.sha256(asked.encode()).hexdigest(),
            "read": " ".join(files.sha256(path) for path in read),
            "written": " ".join(files.sha256(path) for path in written),
        }


def answer(laws: Laws, questions: Sequence[Question]) -> tuple[Allocation, ...]:
    """An allocation per question."""
    found = []
    for question in questions:
        params, tokens = question.target(laws)
        found.append(allocate(laws, params=params, tokens=tokens, weights=question.weights))
    return tuple(found)


def write_report(
    runs: RunTable,
    laws: Laws,
    allocations: Sequence[Allocation],
    folder: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    validations: Mapping[str, Validation] = MappingProxyType({}),
) -> Path:
    """The page of a run table with its laws and allocations; synergies too where it has pairs."""
    try:
        synergies = synergy(runs)
    except InputError:
        synergies = []  # a table without pairs has laws and an answer all the same
    return build_report(
        runs, laws, allocations, synergies, folder, title=title, notes=notes, validations=validations
    )


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """To four decimals, so that a run is named by shares that read the same everywhere."""
    found = {name: round(share, 4) for name, share in shares.items()}
    largest = max(found, key=lambda name: found[name])
    found[largest] += 1.0 - sum(found.values())
    return found
