"""What trained models can do: losses per language."""

from langmix.evaluate._losses import LanguageLoss, losses

__all__ = ["LanguageLoss", "losses"]
