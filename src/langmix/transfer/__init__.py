"""Transfer between languages: the synergy of pairs, what it is made of, and what it would be at scale."""

from langmix.transfer._arms import seed_noise
from langmix.transfer._estimate import Estimate
from langmix.transfer._predicted import PredictedSynergy, predict_synergy
from langmix.transfer._synergy import Synergy, synergy
from langmix.transfer._worth import TokenWorth, token_worth

__all__ = [
    "Estimate",
    "PredictedSynergy",
    "Synergy",
    "TokenWorth",
    "predict_synergy",
    "seed_noise",
    "synergy",
    "token_worth",
]
