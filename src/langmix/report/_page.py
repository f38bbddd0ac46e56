"""One self-contained page of sections, and their figures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from langmix import files
from langmix._version import VERSION
from langmix.languages import label
from langmix.quantities import count
from langmix.report._drawing import Drawing
from langmix.report._palette import variables
from langmix.report._sections import Section


def write_page(
    sections: Sequence[Section],
    folder: Path,
    *,
    title: str,
    lede: str,
    warnings: Sequence[str],
) -> Path:
    """Make everything in memory, then write figures and, last, the page.

    Args:
        sections: in order.
        folder: written to: ``index.html`` and ``figures/``.
        title: of the page.
        lede: the sentence below it.
        warnings: of the page as a whole.
    """
    environment = _environment()
    html = environment.get_template("page.html.j2").render(
        title=title,
        lede=lede,
        warnings=warnings,
        sections=[
            (
                section,
                Markup(environment.get_template(f"sections/{section.name}.html.j2").render(section.values)),
            )
            for section in sections
        ],
        style=_style(),
        version=VERSION,
    )
    for drawing in (each for section in sections for each in section.drawings):
        place = folder / "figures" / drawing.name
        files.write_text(place.with_suffix(".svg"), drawing.svg())
        files.write_bytes(place.with_suffix(".png"), drawing.png())
        files.write_text(place.with_suffix(".csv"), drawing.csv())
    page = folder / "index.html"
    files.write_text(page, html)
    return page


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("langmix.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.filters |= {
        "label": label,
        "prose": _prose,
        "count": count,
        "percent": _percent,
        "share": _share,
        "inline": _inline,
    }
    return environment


def _style() -> Markup:
    """The style sheet, with the colours of figures in both themes."""
    sheet = resources.files("langmix.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    return Markup(
        sheet.replace("/* figures, light */", variables(of_dark=False)).replace(
            "/* figures, dark */", variables(of_dark=True)
        )
    )


def _inline(drawing: Drawing) -> Markup:
    return Markup(drawing.inline())  # drawn by matplotlib, texts escaped there


def _percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f}%".replace("-", "\N{MINUS SIGN}")


def _share(value: float) -> str:
    """A share in percent: one digit after the point, and two digits of those that would be lost in it."""
    return _percent(value) if value >= 0.001 or value <= 0 else f"{100 * value:.2g}%"


def _prose(text: str) -> Markup:
    """A sentence as HTML: escaped, `commands` as code, and languages with a percentage by their labels."""
    named = re.sub(r"\b([a-z]+)(?= [\d.e-]+%)", lambda match: label(match[1]), text)
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(named))))
