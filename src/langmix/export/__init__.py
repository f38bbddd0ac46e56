"""Mixtures written as other trainers read them."""

from langmix.export._formats import TRAINERS, export

__all__ = ["TRAINERS", "export"]
