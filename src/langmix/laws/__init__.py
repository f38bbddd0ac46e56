"""Scaling laws: one per target, from run tables, with run-level bootstrap intervals."""

from langmix.laws._choose import fit
from langmix.laws._coefficients import Coefficients
from langmix.laws._compare import held_out_predictions
from langmix.laws._file import read_any_laws, read_laws, write_laws
from langmix.laws._fit import Status
from langmix.laws._laws import (
    INTERVAL,
    HeldOutError,
    Laws,
    Prediction,
    Provenance,
    TargetSummary,
    check_names,
    check_positive,
    interval,
)
from langmix.laws._organisations import OrganisationLaws, fit_organisations
from langmix.laws._origin import fitted_elsewhere
from langmix.laws._reach import Reach
from langmix.laws.forms import FORMS
from langmix.laws.proportion import (
    PROPORTION,
    MixturePrediction,
    ProportionLaw,
    fit_proportion,
    refuse_proportion,
)
from langmix.laws.rivals import PREDICTORS, RIVALS, Training, left_out

__all__ = [
    "FORMS",
    "INTERVAL",
    "PREDICTORS",
    "PROPORTION",
    "RIVALS",
    "Coefficients",
    "HeldOutError",
    "Laws",
    "MixturePrediction",
    "OrganisationLaws",
    "Prediction",
    "ProportionLaw",
    "Provenance",
    "Reach",
    "Status",
    "TargetSummary",
    "Training",
    "check_names",
    "check_positive",
    "fit",
    "fit_organisations",
    "fit_proportion",
    "fitted_elsewhere",
    "held_out_predictions",
    "interval",
    "left_out",
    "read_any_laws",
    "read_laws",
    "refuse_proportion",
    "write_laws",
]
