"""Figures of the page for Python: what ``law.plot()``, ``mix.plot()`` and ``synergy.plot()`` return."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from langmix.allocate import Allocation
from langmix.errors import InputError
from langmix.laws import Laws, fitted_elsewhere
from langmix.report._extra import needs_extra
from langmix.runs import RunTable
from langmix.transfer import Synergy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from langmix.report._drawing import Drawing


def allocation(found: Allocation) -> Figure:
    """See `langmix.Allocation.plot`."""
    with needs_extra("a figure"):
        from langmix.report._allocation import allocation_figure
    return _figure(lambda: allocation_figure(found, name="allocation"))


def scaling(laws: Laws, runs: RunTable | None) -> Figure:
    """See `langmix.Laws.plot`."""
    if runs is not None:
        fitted_elsewhere(runs, laws)
    with needs_extra("a figure"):
        from langmix.report._scaling import scaling_curves

    def draw() -> Drawing:
        drawing = scaling_curves(laws, runs)
        if drawing is None:
            raise InputError(
                "plot: no target is a language that was trained alone; expected runs of one language each "
                "(without `runs`, laws of languages)"
            )
        return drawing

    return _figure(draw)


def synergy(found: Synergy) -> Figure:
    """See `langmix.Synergy.plot`."""
    with needs_extra("a figure"):
        from langmix.report._matrices import synergy_map
    return _figure(lambda: synergy_map(found, name="synergy"))


def _figure(draw: Callable[[], Drawing]) -> Figure:
    """Drawn in the page's style, and laid out anew when its size is changed."""
    import matplotlib

    from langmix.report._drawing import STYLE

    with matplotlib.rc_context(STYLE):
        figure = draw().figure
    figure.set_layout_engine("constrained")
    return figure
