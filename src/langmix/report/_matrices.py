"""Heat maps of what languages do for each other: measured synergy, fitted transfer."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from langmix.languages import label, short_label
from langmix.laws import Laws
from langmix.quantities import count
from langmix.report._drawing import Drawing, panels
from langmix.transfer import Synergy

SIGNS: Final = "Orange helps (above 0), purple harms (below 0)."


def synergy_map(found: Synergy, *, name: str) -> Drawing:
    """Synergy gain and teaching of every pair; cells that noise explains are hatched."""
    figure, axes = panels(1, 2, height=3.5)
    gain = 100 * np.where(np.eye(len(found.languages), dtype=bool), np.nan, found.gain)
    hatched = np.isfinite(gain) & ~found.resolved
    heat(axes[0], gain, found.languages, title="synergy gain, %", hatched=hatched)
    heat(axes[1], 100 * found.teaching, found.languages, title="teaching, %")
    axes[0].set_ylabel("language that is measured")
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
        reading="Left: by how much the loss of the row's language is lower with half of the tokens from the "
        "column's language than with a second pass over its own"
        + (f"; hatched cells are those that {known}" if hatched.any() else "")
        + ". Right: against the same own tokens alone. "
        + SIGNS,
        figure=figure,
        data=found.frame(),
    )


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
    figure, (axis,) = panels(1, 1, width=4.6, height=3.9)
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
    axis.set_ylabel("language that is measured")
    axis.set_xlabel("trained on")
    return Drawing(
        name="transfer",
        title="Transfer coefficients of the laws",
        reading="A token of the column's language is worth this many own tokens to the row's language; the "
        "darker, the more."
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
) -> None:
    """Cells as colours and numbers, NaN left blank; a signed one is orange above 0 and purple below."""
    largest = float(np.nanmax(np.abs(cells))) if np.isfinite(cells).any() else 1.0
    # A mesh, not an image: browsers blur a small image that they enlarge.
    shown = axis.pcolormesh(
        np.ma.masked_invalid(cells),
        cmap="PuOr_r" if signed else "Blues",
        vmin=-largest if signed else 0.0,
        vmax=largest,
        edgecolors="white",
        linewidth=1,
    )
    key = axis.figure.colorbar(shown, ax=axis, shrink=0.75, aspect=25)
    assert key.solids is not None
    key.solids.set_rasterized(False)  # as shapes: the page holds no image
    key.solids.set_edgecolor("face")
    key.outline.set_visible(False)
    axis.invert_yaxis()
    axis.set_aspect("equal")
    for (i, j), value in np.ndenumerate(cells):
        if not np.isfinite(value):
            continue
        red, green, blue, _ = shown.to_rgba(np.array([value]))[0]
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        axis.text(
            j + 0.5,
            i + 0.5,
            f"{value:.{digits}f}",
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if dark else "black",
        )
        if hatched is not None and hatched[i, j]:
            axis.add_patch(Rectangle((j, i), 1, 1, fill=False, hatch="////", ec="#999999", lw=0))
    axis.set_xticks(0.5 + np.arange(len(columns)), [short_label(name) for name in columns])
    names = rows or columns
    axis.set_yticks(0.5 + np.arange(len(names)), [short_label(name) for name in names])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(title)


def synergy_frame(found: Synergy) -> pd.DataFrame:
    """The cells in long form, labels for people."""
    frame = found.frame()
    return frame.assign(target=frame["target"].map(label))
