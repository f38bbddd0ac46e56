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
from matplotlib.ticker import LogLocator

from langmix.languages import label
from langmix.quantities import count
from langmix.report._palette import GRID, INK, SOFT, themed

WIDTH: Final = 7.6
"""Inches that fill the width of the page."""

LEGIBLE: Final = 84
"""Pixels per inch below which 9-point letters are hard to read."""

LONGEST: Final = 22
"""Letters of a name that a figure shows."""

_SHORT: Final = 30

MOST_ROWS: Final = 60
"""Rows of data that the page shows as a table; more are in the CSV alone."""

STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "text.parse_math": False,  # names are text, with dollars too
    "font.size": 9,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "hatch.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",  # text as outlines: a file looks the same without the fonts
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

    def __post_init__(self) -> None:
        self.figure.draw_without_rendering()  # lay it out once, and not again for every file
        self.figure.set_layout_engine("none")

    def svg(self, *, fonttype: str = "path") -> str:
        """A whole SVG file; the same input gives the same bytes."""
        with matplotlib.rc_context({**STYLE, "svg.hashsalt": self.name, "svg.fonttype": fonttype}):
            buffer = io.StringIO()
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return buffer.getvalue()

    def inline(self) -> str:
        """The SVG as an element of a page.

        It has a name for screen readers, ids that no other figure has, the page's own font (text stays text,
        at half of the bytes), and colours that follow the theme.
        """
        svg = self.svg(fonttype="none")
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->", "", svg, flags=re.DOTALL)
        svg = re.sub(r'\b(id|xlink:href)="(#?)', rf'\1="\g<2>{self.name}-', svg)
        svg = svg.replace("url(#", f"url(#{self.name}-")
        svg = re.sub(r"(font: (?:bold )?[\d.]+px) [^;\"]*", r"\1 var(--sans)", svg)
        svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
        svg = re.sub(r"\n\s*", "\n", svg)
        part = 100 * min(1.0, self.figure.get_figwidth() / WIDTH)
        # On a narrow screen the card scrolls before its letters become too small to read.
        least = LEGIBLE * self.figure.get_figwidth()
        style = f"max-width: {part:.0f}%; min-width: {least:.0f}px"
        name = escape(self.title, quote=True)
        opening = (
            f'<svg role="img" aria-label="{name}" aria-describedby="reading-{self.name}" style="{style}"'
        )
        return themed(svg.replace("<svg", opening, 1))

    def png(self) -> bytes:
        """The figure at twice the resolution of a screen."""
        with matplotlib.rc_context(STYLE):
            buffer = io.BytesIO()
            self.figure.savefig(buffer, format="png", dpi=192, metadata={"Software": None})
        return buffer.getvalue()

    def csv(self) -> str:
        """What was drawn."""
        return self.data.to_csv(index=False, lineterminator="\n")

    def table(self) -> tuple[list[str], list[list[str]]] | None:
        """Headings and cells of the data for people; None where they are too many to read."""
        if len(self.data) > MOST_ROWS:
            return None
        rows = [[_cell(value) for value in row] for row in self.data.itertuples(index=False)]
        return [str(name).replace("_", " ") for name in self.data.columns], rows


def panels(
    rows: int, columns: int, *, width: float = WIDTH, height: float, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; sizes in inches. To be called under `STYLE`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [axis for row in axes for axis in row]


def named(name: str) -> str:
    """The label of a language or direction, cut where it is too long for a figure."""
    text = label(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def token_axis(axis: Axes, *, dense: bool = False) -> None:
    """A logarithmic axis of tokens below, with a grid; ``dense``: three ticks per decade of a short one."""
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    if dense and high < _SHORT * low:
        axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(lambda value, _: count(value))
    axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.grid(True)


def _cell(value: object) -> str:
    if isinstance(value, str):
        return label(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    number = float(value)  # type: ignore[arg-type]
    if number != number:
        return ""
    return count(number) if abs(number) >= 1e4 else f"{number:.4g}"
