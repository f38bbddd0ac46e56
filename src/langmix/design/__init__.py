"""Which runs to train: the arms of a study and their price."""

from langmix.design._arms import grid, mixtures, pairs, repeats
from langmix.design._planned import COOLDOWN, PlannedRun, separate_tokens

__all__ = ["COOLDOWN", "PlannedRun", "grid", "mixtures", "pairs", "repeats", "separate_tokens"]
