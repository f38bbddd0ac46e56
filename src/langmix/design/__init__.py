"""Which runs to train: the arms of a study and their price, and which runs to buy next."""

from langmix.design._arms import grid, mixtures, pairs, repeats, simulate_epochs
from langmix.design._file import plan_json, read_plan, study_yaml, write_plan
from langmix.design._plan import Plan, Step, plan
from langmix.design._planned import COOLDOWN, PlannedRun, separate_tokens
from langmix.design._prior import PRIORS, LogNormal, Prior

__all__ = [
    "COOLDOWN",
    "PRIORS",
    "LogNormal",
    "Plan",
    "PlannedRun",
    "Prior",
    "Step",
    "grid",
    "mixtures",
    "pairs",
    "plan",
    "plan_json",
    "read_plan",
    "repeats",
    "separate_tokens",
    "simulate_epochs",
    "study_yaml",
    "write_plan",
]
