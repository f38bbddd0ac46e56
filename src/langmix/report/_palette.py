"""The colours of figures: drawn in those of a light page, and handed to the page as variables of its theme.

Series are told apart by people with every kind of colour blindness, on light and on dark (tests/report/
test_palette.py simulates them), and never by colour alone: markers, dashes or labels say the same.
"""

from __future__ import annotations

import re
from typing import Final

INK: Final = "#222222"
SOFT: Final = "#767676"
GRID: Final = "#e8e8e8"
PAPER: Final = "#ffffff"
BAR: Final = "#cfe3f2"

SERIES: Final = ("#0072b2", "#d55e00", "#881155", "#009e73", "#554411")
"""Things without an order. The first two and the fourth are of Okabe & Ito 2008."""

STEPS: Final = ("#46085c", "#443983", "#33628d", "#25858e", "#1fa187")
"""Things in an order, from little to much: the part of viridis that is dark enough to be seen on white."""

MARKERS: Final = "os^Dv"
"""As many as there are colours."""

DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

_DARK: Final = {
    INK: "#e6e9ed",
    SOFT: "#98a2ad",
    GRID: "#2c333b",
    PAPER: "#161a1f",
    BAR: "#24475f",
    **dict(zip(SERIES, ("#56b4e9", "#ff8c42", "#f0b8da", "#1e9e77", "#fff0b0"), strict=True)),
    **dict(zip(STEPS, ("#287d8e", "#1fa088", "#48c16e", "#9dd93b", "#fde725"), strict=True)),
}

_VARIABLES: Final = {
    INK: "ink",
    SOFT: "soft",
    GRID: "grid",
    PAPER: "paper",
    BAR: "bar",
    **{colour: f"series{k}" for k, colour in enumerate(SERIES)},
    **{colour: f"step{k}" for k, colour in enumerate(STEPS)},
}


def dark(colour: str) -> str:
    """What a colour becomes on a dark page."""
    return _DARK[colour]


def variables(*, of_dark: bool) -> str:
    """Declarations of the colours for a style sheet: ``--fig-ink: #222222; ...``."""
    return " ".join(
        f"--fig-{name}: {_DARK[colour] if of_dark else colour};" for colour, name in _VARIABLES.items()
    )


def themed(svg: str) -> str:
    """An SVG with variables in place of the colours, so that it follows the theme of the page around it."""
    return re.sub(
        r"#[0-9a-f]{6}\b",
        lambda found: f"var(--fig-{_VARIABLES[found[0]]})" if found[0] in _VARIABLES else found[0],
        svg,
    )
