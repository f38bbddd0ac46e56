"""A study: the whole pipeline as resumable stages, from code to a page."""

from langmix.study._config import StudyConfig, read_study
from langmix.study._new import PRESETS, new_study
from langmix.study._questions import QUESTIONS, Question
from langmix.study._stages import (
    Outcome,
    StageStatus,
    answer,
    run_study,
    study_price,
    study_status,
    write_report,
)

__all__ = [
    "PRESETS",
    "QUESTIONS",
    "Outcome",
    "Question",
    "StageStatus",
    "StudyConfig",
    "answer",
    "new_study",
    "read_study",
    "run_study",
    "study_price",
    "study_status",
    "write_report",
]
