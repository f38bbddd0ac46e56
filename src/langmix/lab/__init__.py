"""Train small language models: the model, its data order, a trainer, and a sweep over the cores of a machine.

Importing this package does not import torch; training does.
"""

from langmix.lab._estimate import Estimate, estimate, price, speeds
from langmix.lab._preflight import MAX_EPOCHS, check_data, check_machine
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import PRESETS, ModelSize
from langmix.lab._sweep import sweep

__all__ = [
    "MAX_EPOCHS",
    "PRESETS",
    "Estimate",
    "ModelSize",
    "Recipe",
    "check_data",
    "check_machine",
    "estimate",
    "price",
    "speeds",
    "sweep",
]
