"""The convex programme: the split of a token budget, its prices, its intervals and its gain."""

from langmix.allocate._add import Addition, Tradeoff, add_language
from langmix.allocate._allocation import allocate
from langmix.allocate._along import AtBudget, prices_along
from langmix.allocate._compute import ComputeOptimal, allocate_compute
from langmix.allocate._file import mixture_json, read_mixture, write_mixture
from langmix.allocate._interior import Losses, Problem
from langmix.allocate._objective import OBJECTIVES
from langmix.allocate._question import Asked
from langmix.allocate._results import Allocation, Comparison, Interval
from langmix.allocate._robust import ROBUST
from langmix.allocate._validation import Tested, Validation, validate

__all__ = [
    "OBJECTIVES",
    "ROBUST",
    "Addition",
    "Allocation",
    "Asked",
    "AtBudget",
    "Comparison",
    "ComputeOptimal",
    "Interval",
    "Losses",
    "Problem",
    "Tested",
    "Tradeoff",
    "Validation",
    "add_language",
    "allocate",
    "allocate_compute",
    "mixture_json",
    "prices_along",
    "read_mixture",
    "validate",
    "write_mixture",
]
