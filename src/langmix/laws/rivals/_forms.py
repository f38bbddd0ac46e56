"""A form of law, one per target and each fitted alone, as a rival."""

from __future__ import annotations

from dataclasses import dataclass

from langmix.laws._units import alike
from langmix.laws.forms import Form
from langmix.laws.rivals._training import FormFit, Training
from langmix.runs import RunTable


@dataclass(frozen=True, slots=True)
class FormRival:
    """One of `FORMS`."""

    form: Form

    @property
    def name(self) -> str:
        """The form's."""
        return self.form.name

    @property
    def description(self) -> str:
        """The form's."""
        return self.form.description

    def missing(self, runs: RunTable) -> str:
        """A form that the runs cannot tell from a simpler one."""
        if self.form.needs_budgets and alike(runs.tokens):
            return f"{self.name}: all runs have the same number of tokens, so that it is ces"
        return ""

    def fit(self, training: Training) -> FormFit:
        """Fit it, or take the fit that another rival asked for."""
        return training.fitted(self.form.name)
