"""A figure with its data: drawn once, written as SVG, PNG and CSV, and put into the page."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that colour-blind people tell apart (Okabe & Ito 2008)."""

INK: Final = "#222222"
SOFT: Final = "#8a8a8a"

WIDTH: Final = 7.6
"""Inches that fill the width of the page."""

LEGIBLE: Final = 84
"""Pixels per inch below which 9-point letters are hard to read."""

STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",  # text as outlines: the page looks the same without the fonts
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A figure of the page.

    Attributes:
        name: of its files.
        title: what it shows.
        reading: how to read it, one or two sentences.
        figure: drawn.
        data: what was drawn, one row per mark.
    """

    name: str
    title: str
    reading: str
    figure: Figure
    data: pd.DataFrame

    def svg(self) -> str:
        """A whole SVG file; the same input gives the same bytes."""
        with matplotlib.rc_context({**STYLE, "svg.hashsalt": self.name}):
            buffer = io.StringIO()
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return buffer.getvalue()

    def inline(self) -> str:
        """The SVG as an element of a page: named for screen readers, ids that no other figure has."""
        svg = self.svg()
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r'\b(id|xlink:href)="(#?)', rf'\1="\g<2>{self.name}-', svg)
        svg = svg.replace("url(#", f"url(#{self.name}-")
        svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
        label = escape(f"{self.title}. {self.reading}", quote=True)
        part = 100 * min(1.0, self.figure.get_figwidth() / WIDTH)
        # On a narrow screen the card scrolls before its letters become too small to read.
        least = LEGIBLE * self.figure.get_figwidth()
        style = f"max-width: {part:.0f}%; min-width: {least:.0f}px; margin: 0 auto"
        return svg.replace("<svg", f'<svg role="img" aria-label="{label}" style="{style}"', 1)

    def png(self) -> bytes:
        """The figure at twice the resolution of a screen."""
        with matplotlib.rc_context(STYLE):
            buffer = io.BytesIO()
            self.figure.savefig(buffer, format="png", dpi=192, metadata={"Software": None})
        return buffer.getvalue()

    def csv(self) -> str:
        """What was drawn."""
        return self.data.to_csv(index=False, lineterminator="\n")


def panels(
    rows: int, columns: int, *, width: float = WIDTH, height: float, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; sizes in inches. To be called under `STYLE`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [axis for row in axes for axis in row]
