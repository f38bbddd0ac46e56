"""Colours that everybody can tell apart, by simulation of colour blindness (Machado et al. 2009)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from langmix.report._palette import GRID, INK, PAPER, SERIES, SOFT, STEPS, dark, themed

colorspacious = pytest.importorskip("colorspacious")

THEMES = {"light": str, "dark": dark}


def rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def seen(colour: str) -> NDArray[np.float64]:
    """As it looks without and with each kind of colour blindness, in a space of equal differences."""
    views = [rgb(colour)]
    for kind in ("deuteranomaly", "protanomaly", "tritanomaly"):
        space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
        views.append(np.clip(colorspacious.cspace_convert(rgb(colour), space, "sRGB1"), 0, 1))
    return np.array([colorspacious.cspace_convert(view, "sRGB1", "CAM02-UCS") for view in views])


def contrast(one: str, other: str) -> float:
    """Of WCAG 2."""

    def luminance(colour: str) -> float:
        c = rgb(colour)
        return float(
            np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_everybody_tells_the_colours_apart(theme: str) -> None:
    """No two of a figure are nearer than the nearest two of Okabe and Ito, 11 (steps: neighbours, 7)."""
    shown = THEMES[theme]
    for colours, least in ((SERIES, 11.0), (STEPS, 7.0)):
        for one, other in combinations(colours, 2):
            apart = np.linalg.norm(seen(shown(one)) - seen(shown(other)), axis=1)
            assert apart.min() >= least, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_letters_stand_out(theme: str) -> None:
    shown = THEMES[theme]
    for colour in (*SERIES, *STEPS, SOFT):
        assert contrast(shown(colour), shown(PAPER)) >= 3, colour  # WCAG 2.2, 1.4.11
    assert contrast(shown(INK), shown(PAPER)) >= 7


def test_steps_go_from_dark_to_light() -> None:
    for shown in THEMES.values():
        lightness = [
            colorspacious.cspace_convert(rgb(shown(step)), "sRGB1", "CAM02-UCS")[0] for step in STEPS
        ]
        assert lightness == sorted(lightness)


def test_only_colours_of_the_palette_become_variables() -> None:
    assert themed(f"fill: {INK}; stroke: {GRID}") == "fill: var(--fig-ink); stroke: var(--fig-grid)"
    assert themed("#123456 #2222221") == "#123456 #2222221"
