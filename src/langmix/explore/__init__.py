"""The explorer: a page on fitted laws, served on this machine, whose answer follows its sliders."""

from __future__ import annotations

from langmix.explore._answer import Answer, Curves, Infeasible, answer, curves
from langmix.explore._scenario import ExportScenario, Scenario

__all__ = [
    "Answer",
    "Curves",
    "ExportScenario",
    "Infeasible",
    "Scenario",
    "answer",
    "curves",
]
