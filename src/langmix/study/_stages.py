"""The stages of a study, each from files to files, and skipped while what goes into it has not changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pandas as pd
from rich.progress import Progress

from langmix import files
from langmix.allocate import Allocation, Validation, allocate, validate, write_mixture
from langmix.corpus import Corpus, CorpusConfig, build_corpus, open_corpus
from langmix.corpus.pairing import ParallelConfig, build_parallel_corpus
from langmix.errors import InputError
from langmix.lab import Engine, Estimate, Local
from langmix.lab._trackers import open_tracker
from langmix.laws import Laws, fit, held_out_predictions, read_laws, write_laws
from langmix.report import build_report, next_runs
from langmix.runs import RunTable, read_runs
from langmix.study._config import CONFIG, StudyConfig, read_study
from langmix.study._evaluating import Evaluating
from langmix.study._places import STAGES, Places
from langmix.study._questions import Question
from langmix.study._scores import read_scores, write_scores
from langmix.study._training import Training
from langmix.study._validating import Arms, answers, runs_of, uniform_runs
from langmix.transfer import synergy, translation

_ASKED: Final = {"validate": "validation", "evaluate": "evaluation"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a study came to.

    Attributes:
        laws: fitted to its runs.
        allocations: one per question, in their order.
        validations: by objective, where the study has runs for them; the first is all languages alike.
        scores: what the models of these runs can do, see `COLUMNS`, where the study asks.
        page: the report.
    """

    laws: Laws
    allocations: tuple[Allocation, ...]
    validations: Mapping[str, Validation]
    scores: pd.DataFrame | None
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
    group = folder.resolve().name
    study.training.trackers = {place: open_tracker(place, group=group) for place in trackers}
    progress = progress or Progress(disable=True)
    with files.alone(folder, doing="`langmix study run`"):
        study.check()
        study.corpus(say, progress)
        study.train(say, progress, engine)
        laws = study.fit(say)
        allocations = study.allocate(laws, say)
        validations, arms = study.validate(laws, say, progress, engine)
        scores = study.evaluate(arms, say, progress)
        page = study.report(laws, allocations, validations, scores, say)
    return Outcome(laws=laws, allocations=allocations, validations=validations, scores=scores, page=page)


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
    return study.training.price(runs, workers, measured=measured), study.training.price(
        study.training.left(runs), workers, measured=measured
    )


def study_status(folder: Path) -> list[StageStatus]:
    """Which stages are up to date, and how far training is."""
    return Study(folder).status()


class Study:
    """A folder with a study.yaml; the stages read and write in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: StudyConfig = read_study(folder)
        self.places = Places(folder, self.config)
        self.training = Training(folder, self.config, self.places)

    def check(self) -> None:
        """Refuse, before anything trains, problems that cannot be read."""
        if self.config.evaluation is not None and not self.places.fresh("evaluate"):
            Evaluating(self.config, self.places).problems(lambda text: None)

    def corpus(self, say: Callable[[str], None], progress: Progress) -> None:
        """Sources to token shards."""
        if self.places.fresh("corpus"):
            say("corpus: up to date")
            return
        try:
            built = build(self.config.corpus, self.places.work / "corpus", progress)
        except InputError as error:
            raise InputError(f"{self.folder / CONFIG}: corpus: {error}") from None
        tokens = sum(card.train_tokens for card in built.card.languages.values())
        what = "organisations of the same texts" if built.card.parallel else "languages"
        say(f"corpus: {tokens / 1e6:.1f}M training tokens in {len(built.languages)} {what}")
        self.places.mark("corpus")

    def train(self, say: Callable[[str], None], progress: Progress, engine: Engine) -> None:
        """The planned runs to a run table, rewritten whenever a run ends."""
        if self.places.fresh("train"):
            say("train: up to date")
            return
        self.places.begin("train")  # the table may be whole before all of it is logged
        table = self.training.run(
            self.config.runs(), self.places.runs_csv, say, progress, engine, later=uniform_runs(self.config)
        )
        say(f"train: {len(table)} checkpoints of {len(set(table.run))} runs in {self.places.runs_csv}")
        self.places.mark("train")

    def fit(self, say: Callable[[str], None]) -> Laws:
        """The run table to laws."""
        if self.places.fresh("fit"):
            say("fit: up to date")
            return read_laws(self.places.laws_json)
        laws = fit(read_runs(self.places.runs_csv), draws=self.config.draws, seed=self.config.seed)
        write_laws(laws, self.places.laws_json)
        say(f"fit: {laws.form} law in {self.places.laws_json}")
        self.places.mark("fit")
        return laws

    def allocate(self, laws: Laws, say: Callable[[str], None]) -> tuple[Allocation, ...]:
        """Laws to an allocation per question; the first is written as mixture.json."""
        allocations = answer(laws, self.config.questions)
        if not self.places.fresh("allocate"):
            for path in self.folder.glob("mixture-*.json"):
                if path.stem.removeprefix("mixture-").isdigit() and path not in self.places.mixtures:
                    path.unlink()  # of a question that is asked no more
            for path, allocation in zip(self.places.mixtures, allocations, strict=True):
                write_mixture(allocation, path)
            say(f"allocate: {len(allocations)} allocations, the first in {self.folder / 'mixture.json'}")
            self.places.mark("allocate")
        else:
            say("allocate: up to date")
        return allocations

    def validate(
        self, laws: Laws, say: Callable[[str], None], progress: Progress, engine: Engine
    ) -> tuple[Mapping[str, Validation], Arms]:
        """Runs of recommended mixtures and of uniform at a size beyond the fit, by objective and by arm.

        None if not asked for. Their models are kept while there is something to evaluate of them.
        """
        asked = self.config.validation
        if asked is None:
            return {}, {}
        answered = answers(self.config, asked, laws, open_corpus(self.places.work / "corpus"))
        arms = runs_of(self.config, asked, answered)
        fresh = self.places.fresh("validate")
        evaluated = fresh and self.places.fresh("evaluate")
        keep = self.config.evaluation is not None and not evaluated
        if fresh and not (keep and self.training.left(list(arms.values()), keep=True)):
            say("validate: up to date")
            table = read_runs(self.places.validation_csv)
        else:
            self.places.begin("validate")
            table = self.training.run(
                list(arms.values()), self.places.validation_csv, say, progress, engine, keep=keep
            )
            fresh = False
        found = {name: validate(laws, answer, table) for name, answer in answered.items()}
        if not fresh:
            for name, validation in found.items():
                gain = validation.measured_gain
                say(f"validate: {name}: measured gain over uniform {gain.value:.2%}; {validation.verdict}")
            self.places.mark("validate")
        return found, arms

    def evaluate(self, arms: Arms, say: Callable[[str], None], progress: Progress) -> pd.DataFrame | None:
        """What the models of validation can do; nothing if not asked for."""
        if self.config.evaluation is None:
            return None
        if self.places.fresh("evaluate"):
            say("evaluate: up to date")
            return read_scores(self.places.evaluation_csv)
        evaluating = Evaluating(self.config, self.places)
        scores = evaluating.run(arms, say, progress)
        write_scores(scores, self.places.evaluation_csv)
        if not evaluating.left_out:  # else it is tried again the next time
            self.places.mark("evaluate")
        return scores

    def report(
        self,
        laws: Laws,
        allocations: Sequence[Allocation],
        validations: Mapping[str, Validation],
        scores: pd.DataFrame | None,
        say: Callable[[str], None],
    ) -> Path:
        """Everything to one page."""
        if self.places.fresh("report"):
            say("report: up to date")
            return self.places.page
        runs = read_runs(self.places.runs_csv)
        page = write_report(
            runs,
            laws,
            allocations,
            self.places.page.parent,
            title=self.config.title,
            notes=self.config.notes,
            validations=validations,
            scores=scores,
            seen=self._seen(),
        )
        say(f"report: {page}")
        self.places.mark("report")
        return page

    def _seen(self) -> tuple[str, ...] | None:
        """Directions that paired runs are trained on, of a study of organisations."""
        config = self.config.corpus
        if not isinstance(config, ParallelConfig) or len(config.organisations) == 1:
            return None
        return tuple(map(str, config.directions()[0]))

    def status(self) -> list[StageStatus]:
        """One entry per stage."""
        found = []
        for stage in STAGES:
            if stage in ("validate", "evaluate") and getattr(self.config, _ASKED[stage]) is None:
                continue
            done = self.places.fresh(stage)
            detail = "up to date" if done else "to do"
            if stage == "train" and not done and self.places.fresh("corpus"):
                runs = self.config.runs()
                left = self.training.left(runs)
                cost, rest = (self.training.price(some, None, measured=False).flops for some in (runs, left))
                detail = f"{len(runs) - len(left)} of {len(runs)} runs, {1 - rest / cost:.0%} of the FLOPs"
            found.append(StageStatus(stage=stage, done=done, detail=detail))
        return found


def build(config: CorpusConfig | ParallelConfig, folder: Path, progress: Progress) -> Corpus:
    """A corpus of text in languages, or of parallel texts."""
    if isinstance(config, ParallelConfig):
        return build_parallel_corpus(config, folder, progress=progress)
    return build_corpus(config, folder, progress=progress)


def answer(
    laws: Laws,
    questions: Sequence[Question],
    *,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[Allocation, ...]:
    """An allocation per question, compared with further mixtures too."""
    found = []
    for question in questions:
        params, tokens = question.target(laws)
        found.append(
            allocate(laws, params=params, tokens=tokens, weights=question.weights, mixtures=mixtures)
        )
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
    scores: pd.DataFrame | None = None,
    seen: Sequence[str] | None = None,
) -> Path:
    """The page of a run table with its laws and allocations; synergies too where it has pairs.

    ``seen`` are directions that paired runs were trained on, of a table that has them as targets.
    """
    try:
        synergies = synergy(runs)
    except InputError:
        synergies = []  # a table without pairs has laws and an answer all the same
    compared = None
    if seen is not None:
        try:
            compared = translation(runs, seen=seen)
        except InputError as error:
            notes = [*notes, f"Organisations of the data could not be compared: {error}."]
    planned = None
    try:
        planned = next_runs(runs, laws, allocations[0]) if allocations else None
    except InputError as error:
        notes = [*notes, f"Which runs to buy next is not known: {error}."]
    return build_report(
        runs,
        laws,
        allocations,
        synergies,
        folder,
        title=title,
        notes=notes,
        validations=validations,
        scores=scores,
        translation=compared,
        held_out=held_out_predictions(runs, laws),
        next_runs=planned,
    )
