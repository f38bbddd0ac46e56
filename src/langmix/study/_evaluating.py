"""What validation's models can do: each measured once and kept, then compared."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import Progress

from langmix import files
from langmix._version import VERSION
from langmix.corpus import Corpus, open_corpus
from langmix.errors import InputError, MissingExtraError
from langmix.evaluate._bleu import bleu_counts, bleu_signature
from langmix.evaluate._complete import weights_file, write_completions
from langmix.evaluate._continuations import continuations, write_continuations
from langmix.evaluate._losses import document_losses
from langmix.evaluate.execution import (
    Harness,
    Judged,
    Problem,
    SandboxError,
    Status,
    execute,
    read_problems,
    read_samples,
)
from langmix.lab._results import models_path
from langmix.study._config import UNIFORM, StudyConfig
from langmix.study._places import Places
from langmix.study._questions import Problems
from langmix.study._scores import (
    BLEU_GAIN,
    LOSS_GAIN,
    bleu_scores,
    gain_rows,
    loss_score,
    model_rows,
    pass_rows,
    scaled,
    table,
    told,
)
from langmix.study._validating import Arms

_BITS: Final = math.log(2)  # nats

Say = Callable[[str], None]
Models = Mapping[tuple[str, int], Path]
"""Folders by arm and seed."""
Counts = Mapping[str, NDArray[np.float64]]
"""By language, shape (documents, counts)."""


class Evaluating:
    """Measures the models of a study; killed at any moment, it goes on from what was measured.

    Attributes:
        left_out: what could not be measured here, and why.
    """

    def __init__(self, config: StudyConfig, places: Places) -> None:
        assert config.evaluation is not None
        self.config, self.places, self.asked = config, places, config.evaluation
        self.left_out: list[str] = []

    def run(self, arms: Arms, say: Say, progress: Progress) -> pd.DataFrame:
        """Scores of the models, under `COLUMNS`.

        Args:
            arms: whose models were kept.
            say: told what was found, and what is left out.
            progress: to show it on.

        Raises:
            InputError: problems that cannot be read.
        """
        models = {
            key: models_path(self.places.models, run) / str(run.budgets[-1])
            for key, run in arms.items()
            if self.asked.arms is None or key[0] in self.asked.arms
        }
        corpus, problems = open_corpus(self.places.work / "corpus"), self.problems(say)
        rows = self._losses(models, corpus, progress)
        if self.asked.documents:
            try:
                rows += self._bleu(models, corpus, progress)
            except (MissingExtraError, InputError) as error:
                self._leave_out("BLEU", error, say)
        if self.asked.problems and problems:
            try:
                rows += self._pass_at_1(models, self.asked.problems, problems, say, progress)
            except (MissingExtraError, SandboxError) as error:
                self._leave_out("pass@1", error, say)
        found = table(rows)
        for line in told(found):
            say(f"evaluate: {line}")
        return found

    def _losses(self, models: Models, corpus: Corpus, progress: Progress) -> list[dict[str, Any]]:
        counted = self._counted(
            "losses", models, corpus, {}, lambda model: document_losses(model, corpus), progress
        )
        rows = model_rows("nats_per_token", counted, loss_score)
        ratios = corpus.bytes_per_token
        rows += scaled(rows, "bits_per_byte", {name: 1 / _BITS / ratio for name, ratio in ratios.items()})
        # The mean of an objective is of bits per byte, where they are known of all languages.
        known = set(ratios) == set(corpus.languages)
        in_unit = {
            key: {name: each * (1, _BITS * ratios[name] if known else 1) for name, each in of.items()}
            for key, of in counted.items()
        }
        return rows + gain_rows(
            LOSS_GAIN,
            in_unit,
            loss_score,
            lambda uniform, other: 1 - other / uniform,
            baseline=UNIFORM,
            objectives=self._objectives(),
        )

    def _bleu(self, models: Models, corpus: Corpus, progress: Progress) -> list[dict[str, Any]]:
        many = self.asked.documents

        def measure(model: Path) -> Counts:
            written = continuations(model, corpus, documents=many)
            write_continuations(written, self._place(model) / "continuations.jsonl")
            return {
                name: bleu_counts(each.texts, each.references, name).astype(float)
                for name, each in written.items()
            }

        how = {"documents": many, "signature": bleu_signature("python")}
        counted = self._counted("bleu", models, corpus, how, measure, progress)
        return model_rows("bleu", counted, bleu_scores) + gain_rows(
            BLEU_GAIN,
            counted,
            bleu_scores,
            lambda uniform, other: other - uniform,
            baseline=UNIFORM,
            objectives=self._objectives(),
        )

    def _pass_at_1(
        self,
        models: Models,
        asked: Problems,
        problems: list[Problem],
        say: Say,
        progress: Progress,
    ) -> list[dict[str, Any]]:
        chosen = {key: model for key, model in models.items() if asked.seeds is None or key[1] in asked.seeds}
        known = {(problem.language, problem.name): problem for problem in problems}
        languages = list(dict.fromkeys(problem.language for problem in problems))
        with Harness(languages, profile=asked.profile) as harness:
            for name, how in harness.missing.items():
                self._leave_out(f"pass@1 in {name}", how, say)
            mine = [problem for problem in problems if problem.language in harness.tools]
            if not mine:
                return []
            writing = progress.add_task("completions", total=len(chosen) * len(mine))
            judging = progress.add_task("verdicts", total=len(chosen) * len(mine) * asked.samples)
            judged: dict[tuple[str, int], list[Judged]] = {}
            for key, model in chosen.items():
                place = self._place(model)
                write_completions(
                    model,
                    mine,
                    asked.sampling,
                    place / "completions.jsonl",
                    anew=True,
                    advance=lambda done: progress.advance(writing, done),
                )
                samples = [
                    sample
                    for sample in read_samples(place / "completions.jsonl")
                    if known.get(sample.key[:2]) == sample.problem
                ]
                judged[key] = execute(
                    samples,
                    harness,
                    results=place / "verdicts.jsonl",
                    advance=lambda done: progress.advance(judging, done),
                )
        faults = sum(each.status is Status.HARNESS for found in judged.values() for each in found)
        if faults:
            self._leave_out(f"pass@1 of {faults} programs", "the harness failed", say)
        return pass_rows(judged)

    def problems(self, say: Say) -> list[Problem]:
        """Those in languages of the study; none if a file is not there, which is left out.

        Raises:
            InputError: they cannot be read, or none is in a language of the study.
        """
        if self.asked.problems is None:
            return []
        for path in self.asked.problems.paths:
            if not path.exists():
                self._leave_out(
                    "pass@1", f"{path}: there is no such file; expected problems of MultiPL-E", say
                )
                return []
        try:
            found = [
                problem
                for problem in read_problems(self.asked.problems.paths)
                if problem.language in self.config.corpus.targets
            ]
        except InputError as error:
            raise InputError(f"{self.places.config_yaml}: evaluation: problems: {error}") from None
        if not found:
            raise InputError(
                f"{self.places.config_yaml}: evaluation: problems: none is in a language of the corpus "
                f"({', '.join(self.config.corpus.targets)})"
            )
        return found

    def _counted(
        self,
        what: str,
        models: Models,
        corpus: Corpus,
        how: Mapping[str, object],
        measure: Callable[[Path], Counts],
        progress: Progress,
    ) -> dict[tuple[str, int], Counts]:
        """What was counted of each model, measured only where that was not done yet."""
        task, found = progress.add_task(what, total=len(models)), {}
        for key, model in models.items():
            path = self._place(model) / f"{what}.json"
            mark = {
                "version": VERSION,
                "model": files.sha256(weights_file(model)),
                "corpus": files.sha256(corpus.folder / "corpus.json"),
                **how,
            }
            counts = _read(path, mark)
            if counts is None:
                counts = measure(model)
                rows = {name: each.tolist() for name, each in counts.items()}
                files.write_text(path, json.dumps({"mark": mark, "counts": rows}) + "\n")
            found[key] = counts
            progress.advance(task)
        return found

    def _place(self, model: Path) -> Path:
        """Where what was measured of a model lies."""
        return self.places.work / "evaluation" / model.parent.name

    def _objectives(self) -> dict[str, tuple[str, Mapping[str, float]]]:
        """What each arm is recommended for, with the weights of the languages."""
        asked = self.config.validation.objectives if self.config.validation else {}
        alike = dict.fromkeys(self.config.corpus.targets, 1.0)
        return {arm: (name, asked.get(name, alike)) for arm, name in self.config.arms.items()}

    def _leave_out(self, what: str, why: object, say: Say) -> None:
        self.left_out.append(f"{what} is left out: {why}")
        say(f"evaluate: {self.left_out[-1]}")


def _read(path: Path, mark: Mapping[str, object]) -> Counts | None:
    """What was counted before; nothing if it was of something else."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["mark"] == mark:
            return {name: np.array(rows) for name, rows in kept["counts"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
