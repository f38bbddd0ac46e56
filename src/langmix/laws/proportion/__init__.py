"""The proportion law of arXiv 2512.13472: one number per mixture, for predictions and not for allocations."""

from langmix.laws.proportion._equation import Equation
from langmix.laws.proportion._fit import fit_proportion
from langmix.laws.proportion._law import PROPORTION, MixturePrediction, ProportionLaw, refuse_proportion

__all__ = [
    "PROPORTION",
    "Equation",
    "MixturePrediction",
    "ProportionLaw",
    "fit_proportion",
    "refuse_proportion",
]
