"""A form of law, one per target and each fitted alone, as a rival."""

from __future__ import annotations

from dataclasses import dataclass

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
        """Forms can always compete."""
        return ""

    def fit(self, training: Training) -> FormFit:
        """Fit it, or take the fit that another rival asked for."""
        return training.fitted(self.form.name)
