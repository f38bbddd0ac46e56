"""Train small language models: the model, its data order, a trainer, and sweeps over a machine or a cluster.

Importing this package does not import torch; training does.
"""

from langmix.lab._engine import Engine
from langmix.lab._estimate import Estimate, estimate, price, speeds
from langmix.lab._local import Local
from langmix.lab._preflight import MAX_EPOCHS, check_data, check_machine
from langmix.lab._ray import Ray
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import PRESETS, ModelSize
from langmix.lab._sweep import sweep

__all__ = [
    "MAX_EPOCHS",
    "PRESETS",
    "Engine",
    "Estimate",
    "Local",
    "ModelSize",
    "Ray",
    "Recipe",
    "check_data",
    "check_machine",
    "estimate",
    "price",
    "speeds",
    "sweep",
]
