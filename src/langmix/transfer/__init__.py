"""Transfer between languages: the synergy matrix of pairs, its noise floor, and what it is made of."""

from langmix.transfer._synergy import Synergy, seed_noise, synergy

__all__ = ["Synergy", "seed_noise", "synergy"]
