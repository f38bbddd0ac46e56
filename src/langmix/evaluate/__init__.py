"""What trained models can do: losses per language, and translation."""

from langmix.evaluate._bleu import Bleu, bleu, lex
from langmix.evaluate._losses import LanguageLoss, losses
from langmix.evaluate._translation import TargetLoss, Translated, translation_losses, translations

__all__ = [
    "Bleu",
    "LanguageLoss",
    "TargetLoss",
    "Translated",
    "bleu",
    "lex",
    "losses",
    "translation_losses",
    "translations",
]
