"""Train small language models: the model, its data order, a trainer, and sweeps over a machine or a cluster.

Importing this package does not import torch; training does.
"""

from langmix.lab._engine import Engine
from langmix.lab._local import Local
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import PRESETS, ModelSize
from langmix.lab._sweep import price, sweep

__all__ = ["PRESETS", "Engine", "Local", "ModelSize", "Recipe", "price", "sweep"]
