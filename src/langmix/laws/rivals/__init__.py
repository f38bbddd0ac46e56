"""What the comparison on held-out runs holds: forms of law, and rivals that only predict."""

from typing import Final

from langmix.laws.forms import FORMS
from langmix.laws.rivals._coupled import Coupled
from langmix.laws.rivals._forms import FormRival
from langmix.laws.rivals._rival import Predictor, Rival
from langmix.laws.rivals._stack import Stack
from langmix.laws.rivals._training import Training
from langmix.laws.rivals._trees import Trees
from langmix.runs import RunTable

PREDICTORS: Final[dict[str, Rival]] = {rival.name: rival for rival in (Coupled(), Trees(), Stack())}
"""By name, those that predict inside the comparison and are neither saved nor minimised."""

RIVALS: Final[dict[str, Rival]] = {**{name: FormRival(form) for name, form in FORMS.items()}, **PREDICTORS}
"""All, by name."""


def left_out(runs: RunTable) -> tuple[str, ...]:
    """Why rivals cannot compete on these runs, a sentence each; it names the command where one would help."""
    return tuple(reason for rival in RIVALS.values() if (reason := rival.missing(runs)))


__all__ = ["PREDICTORS", "RIVALS", "FormRival", "Predictor", "Rival", "Training", "left_out"]
