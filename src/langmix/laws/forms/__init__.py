"""Functional forms of the law of one target, all behind one interface (`Form`)."""

from typing import Final

from langmix.laws.forms._additive import Additive, Joint
from langmix.laws.forms._ces import Ces, Chinchilla, Progress, Transfer
from langmix.laws.forms._exponential import Exponential
from langmix.laws.forms._factor import APART, COMMON, FACTOR
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

FACTORS: Final[dict[str, Form]] = {form.name: form for form in (COMMON, FACTOR, APART)}
"""By name: of runs that differ in how their data are organised; see `fit_organisations`."""


def form_named(name: str) -> Form:
    """One of `FORMS` or `FACTORS`."""
    return FORMS[name] if name in FORMS else FACTORS[name]


__all__ = [
    "APART",
    "COMMON",
    "FACTOR",
    "FACTORS",
    "FORMS",
    "NOTHING",
    "Curvature",
    "Evaluation",
    "Form",
    "Parameter",
    "Points",
    "Scope",
    "Values",
    "form_named",
]
