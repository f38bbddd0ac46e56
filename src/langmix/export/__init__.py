"""Mixtures written as trainers read them, each in the unit that the trainer samples in."""

from langmix.export._trainers import TRAINERS, Export, Realised, Trainer, convert, export
from langmix.export._unit import Unit

__all__ = ["TRAINERS", "Export", "Realised", "Trainer", "Unit", "convert", "export"]
