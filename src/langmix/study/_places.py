"""Where the stages of a study read and write, and whether what a stage wrote is up to date."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from langmix import files
from langmix._version import VERSION
from langmix.corpus.pairing import ParallelConfig
from langmix.study._config import CONFIG, StudyConfig

STAGES: Final = ("corpus", "train", "fit", "allocate", "validate", "evaluate", "report")


class Places:
    """The files of a study, with a marker per stage: hashes of what went into it and of what came out."""

    def __init__(self, folder: Path, config: StudyConfig) -> None:
        self.config = config
        self.config_yaml = folder / CONFIG
        self.work = folder / "work"
        self.runs_csv = folder / "runs.csv"
        self.validation_csv = folder / "validation.csv"
        self.evaluation_csv = folder / "evaluation.csv"
        self.models = self.work / "models"
        self.laws_json = folder / "laws.json"
        self.page = folder / "report" / "index.html"
        further = range(2, len(config.questions) + 1)
        self.mixtures = [folder / name for name in ("mixture.json", *(f"mixture-{k}.json" for k in further))]

    @property
    def problems(self) -> list[Path]:
        """Files of the problems that models complete, there or not."""
        asked = self.config.evaluation.problems if self.config.evaluation else None
        return [
            file
            for path in (asked.paths if asked else ())
            for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])
        ]

    def begin(self, stage: str) -> None:
        """Forget that a stage was done: what it writes may look whole before it is."""
        self._marker(stage).unlink(missing_ok=True)

    def fresh(self, stage: str) -> bool:
        """Whether the stage ended with the inputs that are there now, and its output is as it was then."""
        try:
            marked = json.loads(self._marker(stage).read_text(encoding="utf-8"))
            return bool(marked == self._state(stage))
        except (OSError, ValueError):
            return False

    def mark(self, stage: str) -> None:
        """Note that a stage is done."""
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
            "evaluate": config.model_dump_json(
                include={"evaluation": True, "validation": {"objectives"}},
                exclude={"evaluation": {"problems": {"paths"}}},
            ),
            "report": config.model_dump_json(include={"title", "notes", "questions", "validation"}),
        }[stage]
        tested = [self.validation_csv] if config.validation else []
        if config.evaluation:
            tested.append(self.evaluation_csv)
        read = {
            "corpus": config.corpus.paths if isinstance(config.corpus, ParallelConfig) else [],
            "train": [self.work / "corpus" / "corpus.json"],
            "fit": [self.runs_csv],
            "allocate": [self.laws_json],
            "validate": [self.laws_json, self.work / "corpus" / "corpus.json"],
            "evaluate": [self.validation_csv, self.work / "corpus" / "corpus.json", *self.problems],
            "report": [self.runs_csv, self.laws_json, *tested],
        }[stage]
        written = {
            "corpus": [self.work / "corpus" / "corpus.json"],
            "train": [self.runs_csv],
            "fit": [self.laws_json],
            "allocate": self.mixtures,
            "validate": [self.validation_csv],
            "evaluate": [self.evaluation_csv],
            "report": [self.page],
        }[stage]
        return {
            "version": VERSION,
            "asked": hashlib.sha256(asked.encode()).hexdigest(),
            "read": " ".join(files.sha256(path) for path in read),
            "written": " ".join(files.sha256(path) for path in written),
        }
