"""The convex programme: the split of a token budget, its prices, its intervals and its gain."""

from langmix.allocate._allocation import allocate
from langmix.allocate._count import count
from langmix.allocate._file import mixture_json, read_mixture, write_mixture
from langmix.allocate._objective import OBJECTIVES
from langmix.allocate._results import Allocation, Comparison, Interval
from langmix.allocate._robust import ROBUST

__all__ = [
    "OBJECTIVES",
    "ROBUST",
    "Allocation",
    "Comparison",
    "Interval",
    "allocate",
    "count",
    "mixture_json",
    "read_mixture",
    "write_mixture",
]
