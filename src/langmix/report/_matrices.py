"""Heat maps of what languages do for each other: measured synergy, fitted transfer."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from langmix.languages import kind_of, short_label
from langmix.laws import Laws
from langmix.quantities import count
from langmix.report._drawing import WIDTH, Drawing, panels
from langmix.report._palette import PAPER
from langmix.transfer import Synergy

SIGNS: Final = "Orange helps (above 0), purple harms (below 0)."
_NUMBERED: Final = 12
"""Languages up to which cells hold their numbers; with more the colours have a key."""
_SHORT: Final = 9
_ON_LIGHT: Final = "#000000"
_ON_DARK: Final = "#fefefe"
_HATCH: Final = "#8c8c8c"


def synergy_map(found: Synergy, *, name: str) -> Drawing:
    """Synergy gain and teaching of every pair; cells that noise explains are hatched."""
    count_of = len(found.languages)
    aside = count_of <= _NUMBERED
    across = (1, 2) if aside else (2, 1)
    figure, axes = panels(*across, height=0.28 * count_of + 1.4 if aside else 2 * (0.24 * count_of + 1.2))
    gain = 100 * np.where(np.eye(count_of, dtype=bool), np.nan, found.gain)
    hatched = np.isfinite(gain) & ~found.resolved
    both = np.concatenate([gain, 100 * found.teaching])
    largest = float(np.nanmax(np.abs(both))) if np.isfinite(both).any() else 1.0
    heat(axes[0], gain, found.languages, title="synergy gain, %", hatched=hatched, largest=largest)
    heat(axes[1], 100 * found.teaching, found.languages, title="teaching, %", largest=largest)
    for axis in axes[: 1 if aside else 2]:
        axis.set_ylabel("language that is measured")
    for axis in axes:
        axis.set_xlabel("trained with")
    known = (
        "noise between seeds explains"
        if found.degrees_of_freedom.any()
        else "may be noise, since no run was repeated under another seed"
    )
    return Drawing(
        name=name,
        title=f"Synergy of pairs at {count(found.params)} parameters and {count(found.tokens)} tokens",
        reading=("Left" if aside else "Above")
        + ": by how much the loss of the row's language is lower with half of the tokens from the "
        "column's language than with a second pass over its own"
        + (f"; hatched cells are those that {known}" if hatched.any() else "")
        + f". {'Right' if aside else 'Below'}: against the same own tokens alone. "
        + SIGNS,
        figure=figure,
        data=found.frame(),
    )


def unresolved(found: Synergy) -> tuple[int, int]:
    """Cells of the synergy gain that noise explains, and all that were measured."""
    told = np.isfinite(found.gain) & ~np.eye(len(found.languages), dtype=bool)
    return int((told & ~found.resolved).sum()), int(told.sum())


def transfer_map(laws: Laws) -> Drawing | None:
    """Fitted transfer coefficients; none for a law without transfer."""
    data = laws.transfer()
    if laws.form == "chinchilla" or data.empty:
        return None
    cells = np.full((len(laws.targets), len(laws.languages)), np.nan)
    unknown = np.zeros(cells.shape, dtype=bool)
    for row in data.itertuples():
        place = laws.targets.index(str(row.target)), laws.languages.index(str(row.source))
        cells[place], unknown[place] = float(row.tau), not row.identified  # type: ignore[arg-type]
    width = min(WIDTH, 0.42 * len(laws.languages) + 1.7)
    figure, (axis,) = panels(1, 1, width=max(width, 3.0), height=0.28 * len(laws.targets) + 1.3)
    heat(
        axis,
        cells,
        laws.languages,
        title="transfer tau",
        hatched=unknown,
        rows=laws.targets,
        digits=2,
        signed=False,
    )
    axis.set_ylabel("measured")
    axis.set_xlabel("trained on")
    kind = kind_of(laws.languages)
    return Drawing(
        name="transfer",
        title="Transfer coefficients of the laws",
        reading=f"A token of the column's {kind} is worth this many "
        + (
            "own tokens to the row's language"
            if kind == "language"
            else "of the first one's to the row's target"
        )
        + "; the darker, the more."
        + (" Hatched: the runs say next to nothing, the prior rules." * bool(unknown.any())),
        figure=figure,
        data=data,
    )


def heat(
    axis: Axes,
    cells: NDArray[np.float64],
    columns: tuple[str, ...],
    *,
    title: str,
    hatched: NDArray[np.bool_] | None = None,
    rows: tuple[str, ...] | None = None,
    digits: int = 1,
    signed: bool = True,
    largest: float | None = None,
) -> None:
    """Cells as colours and numbers, NaN left blank; a signed one is orange above 0 and purple below.

    ``largest`` is the value of the strongest colour, by default the largest of the cells. More cells than can
    hold numbers have a key in place of them.
    """
    names = rows or columns
    if largest is None:
        largest = float(np.nanmax(np.abs(cells))) if np.isfinite(cells).any() else 1.0
    # A mesh, not an image: browsers blur a small image that they enlarge.
    shown = axis.pcolormesh(
        np.ma.masked_invalid(cells),
        cmap="PuOr_r" if signed else "Blues",
        vmin=-largest if signed else 0.0,
        vmax=largest,
        edgecolors=PAPER,
        linewidth=1,
    )
    numbered = len(columns) <= _NUMBERED
    if not numbered:
        key = axis.figure.colorbar(shown, ax=axis, shrink=0.75, aspect=25)
        assert key.solids is not None
        key.solids.set_rasterized(False)  # as shapes: the page holds no image
        key.solids.set_edgecolor("face")
        key.outline.set_visible(False)
    axis.invert_yaxis()
    for (i, j), value in np.ndenumerate(cells):
        if not np.isfinite(value):
            continue
        colour = shown.to_rgba(np.array([value]))[0]
        marked = hatched is not None and bool(hatched[i, j])
        if marked:
            axis.add_patch(Rectangle((j, i), 1, 1, fill=False, hatch="/////", ec=_HATCH, lw=0))
        if numbered:
            red, green, blue, _ = colour
            axis.text(
                j + 0.5,
                i + 0.5,
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                fontsize=7.5,
                color=_ON_DARK if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else _ON_LIGHT,
                bbox={"boxstyle": "square,pad=0.1", "fc": colour, "lw": 0} if marked else None,
            )
    slanted: dict[str, Any] = {} if numbered else {"rotation": 90}
    axis.set_xticks(0.5 + np.arange(len(columns)), [_short(name) for name in columns], **slanted)
    if numbered and max(len(_short(name)) for name in columns) > 5:
        axis.tick_params(axis="x", rotation=45)
    axis.set_yticks(0.5 + np.arange(len(names)), [_short(name) for name in names])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(title)


def synergy_values(found: Synergy) -> dict[str, Any]:
    """How many cells are told from noise."""
    noise, measured = unresolved(found)
    return {"params": found.params, "tokens": found.tokens, "noise": noise, "measured": measured}


def _short(name: str) -> str:
    text = short_label(name)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
