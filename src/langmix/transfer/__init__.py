"""What data teach beyond their own language: synergy of pairs, organisation; and fits that use it."""

from langmix.transfer._arms import seed_noise
from langmix.transfer._estimate import Estimate
from langmix.transfer._fit import fit, measured_gains
from langmix.transfer._organisation import OrganisationEffect, organisation_effects
from langmix.transfer._predicted import PredictedSynergy, predict_synergy
from langmix.transfer._synergy import Synergy, synergy
from langmix.transfer._translation import Translation, translation
from langmix.transfer._worth import TokenWorth, token_worth

__all__ = [
    "Estimate",
    "OrganisationEffect",
    "PredictedSynergy",
    "Synergy",
    "TokenWorth",
    "Translation",
    "fit",
    "measured_gains",
    "organisation_effects",
    "predict_synergy",
    "seed_noise",
    "synergy",
    "token_worth",
    "translation",
]
