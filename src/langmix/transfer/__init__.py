"""Transfer between languages: the synergy matrix of pairs, its noise, its parts; and fits that use it."""

from langmix.transfer._fit import fit, measured_gains
from langmix.transfer._synergy import Synergy, seed_noise, synergy

__all__ = ["Synergy", "fit", "measured_gains", "seed_noise", "synergy"]
