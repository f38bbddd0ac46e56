"""The convex programme: the split of a token budget, its prices, its intervals and its gain."""

from langmix.allocate._allocation import OBJECTIVES, Allocation, Comparison, Interval, allocate
from langmix.allocate._file import mixture_json, read_mixture, write_mixture
from langmix.allocate._limits import count

__all__ = [
    "OBJECTIVES",
    "Allocation",
    "Comparison",
    "Interval",
    "allocate",
    "count",
    "mixture_json",
    "read_mixture",
    "write_mixture",
]
