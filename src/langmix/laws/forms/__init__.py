"""Functional forms of the law of one target, all behind one interface (`Form`)."""

from typing import Final

from langmix.laws.forms._additive import Additive, Joint
from langmix.laws.forms._ces import Ces, Chinchilla, Progress, Transfer
from langmix.laws.forms._exponential import Exponential
from langmix.laws.forms._farseer import Farseer
from langmix.laws.forms._form import (
    NOTHING,
    Curvature,
    Evaluation,
    Form,
    Parameter,
    Points,
    Scope,
    Values,
)
from langmix.laws.forms._share_power import SharePower

FORMS: Final[dict[str, Form]] = {
    form.name: form
    for form in (
        Ces(),
        Progress(),
        Transfer(),
        Chinchilla(),
        Additive(),
        Joint(),
        Exponential(),
        SharePower(),
        Farseer(),
    )
}
"""By name, those that an allocation can minimise first."""

__all__ = ["FORMS", "NOTHING", "Curvature", "Evaluation", "Form", "Parameter", "Points", "Scope", "Values"]
