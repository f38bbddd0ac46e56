"""Train small language models: the model, its data order, a trainer, and a sweep over the cores of a machine.

Importing this package does not import torch; training does.
"""

from langmix.lab._recipe import Recipe
from langmix.lab._sizes import PRESETS, ModelSize
from langmix.lab._sweep import price, sweep

__all__ = ["PRESETS", "ModelSize", "Recipe", "price", "sweep"]
