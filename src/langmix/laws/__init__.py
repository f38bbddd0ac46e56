"""Scaling laws: one per target, from run tables, with run-level bootstrap intervals."""

from langmix.laws._choose import fit
from langmix.laws._coefficients import Coefficients
from langmix.laws._file import read_laws, write_laws
from langmix.laws._fit import Status
from langmix.laws._laws import (
    HeldOutError,
    Laws,
    Prediction,
    Provenance,
    TargetSummary,
    check_names,
    check_positive,
    interval,
)
from langmix.laws._reach import Reach
from langmix.laws.forms import FORMS
from langmix.laws.rivals import RIVALS, Training, left_out

__all__ = [
    "FORMS",
    "RIVALS",
    "Coefficients",
    "HeldOutError",
    "Laws",
    "Prediction",
    "Provenance",
    "Reach",
    "Status",
    "TargetSummary",
    "Training",
    "check_names",
    "check_positive",
    "fit",
    "interval",
    "left_out",
    "read_laws",
    "write_laws",
]
