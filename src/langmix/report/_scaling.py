"""Scaling curves of each language, and their exponents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from langmix.laws import Laws, interval
from langmix.quantities import count
from langmix.report._drawing import Drawing, named, panels, token_axis
from langmix.report._palette import MARKERS, PAPER, SERIES, SOFT, STEPS
from langmix.runs import FRESH, RunTable

_POINTS: Final = 40
_CURVES: Final = len(STEPS)
_UNTOLD: Final = 3


def scaling_curves(laws: Laws, runs: RunTable | None = None) -> Drawing | None:
    """Loss of every language against its tokens, trained alone.

    Args:
        laws: fitted.
        runs: that they were fitted to, shown as points; without them there are curves alone.

    Returns:
        None where no target is a language, or the runs have none of one language.
    """
    shown = [t for t in laws.targets if t in laws.languages]
    if runs is not None:
        shown = [t for t in shown if bool(runs.is_alone(t, FRESH).any())]
        trained = [runs.params[runs.is_alone(t, FRESH)] for t in shown]
        sizes = np.unique(np.concatenate(trained)) if shown else np.empty(0)
    else:
        sizes = np.unique(np.geomspace(*laws.reach.params, _UNTOLD))
    if not shown:
        return None
    drawn = _spread(sizes)
    columns = 3 if len(shown) <= 9 else 4 if len(shown) <= 16 else 5
    columns = min(columns, len(shown))
    lines = math.ceil(len(shown) / columns)
    figure, axes = panels(lines, columns, height=(2.15 if columns < 5 else 1.75) * lines + 0.6)
    rows: list[dict[str, Any]] = []
    for axis, target in zip(axes, shown, strict=False):
        budgets = np.array(laws.reach.tokens)
        if runs is not None:
            mine = runs.is_alone(target, FRESH)
            budgets = runs.tokens[mine]
            for size in sizes:
                rows += _points(axis, runs, mine & (runs.params == size), target, _style(drawn, float(size)))
        for size in drawn:
            rows += _curve(axis, laws, target, size, budgets, _style(drawn, size)["color"])
        axis.set_title(named(target))
        token_axis(axis, dense=columns <= 3)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis in axes[: len(shown) : columns]:
        axis.set_ylabel("nats per token")
    for axis in axes[max(0, len(shown) - columns) : len(shown)]:  # the lowest of each column
        axis.set_xlabel("training tokens")
    dots = runs is not None
    handles = [
        axes[0].plot(
            [], [], "-", lw=1.2, ms=4, label=f"{count(size)} parameters", **_style(drawn, size, dots=dots)
        )[0]
        for size in drawn
    ]
    if dots and len(sizes) > len(drawn):
        handles += axes[0].plot([], [], "o", ms=4, color=SOFT, mfc=PAPER, label="other sizes")
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return Drawing(
        name="scaling-curves",
        title="Loss of each language trained alone, against its tokens",
        reading=("Points are checkpoints of runs, lines" if dots else "Lines are")
        + " the fitted law at that many parameters, bands its 90% interval.",
        figure=figure,
        data=pd.DataFrame(rows)[["target", "params", "tokens", "kind", "loss", "low", "high"]],
    )


def exponents(laws: Laws) -> Drawing:
    """Exponents of every target with intervals."""
    data = laws.exponents()
    bounds = {summary.target: summary.at_bound for summary in laws.summaries}
    for name in ("alpha", "beta"):
        data[f"{name}_at_bound"] = [name in bounds[target] for target in data["target"]]
    figure, axes = panels(1, 2, height=0.32 * len(data) + 0.9, sharey=True)
    place = np.arange(len(data))
    for axis, name, what in zip(axes, ("alpha", "beta"), ("parameters", "tokens"), strict=True):
        value, low, high = (data[c].to_numpy(dtype=float) for c in (name, f"{name}_low", f"{name}_high"))
        axis.hlines(place, low, high, color=SOFT, lw=2)
        bound = data[f"{name}_at_bound"].to_numpy(dtype=bool)
        axis.plot(value[~bound], place[~bound], "o", color=SERIES[0], ms=6)
        for x, y in zip(value[bound], place[bound], strict=True):
            axis.plot(x, y, "o", color=SERIES[0], ms=6, mfc=PAPER, clip_on=False)
            left = x > high.max() / 2  # where there is room
            axis.annotate(
                "bound",
                (x, y),
                xytext=(-6 if left else 6, 4),
                ha="right" if left else "left",
                textcoords="offset points",
                fontsize=8,
            )
        axis.set_title(f"{name}: exponent of {what}")
        axis.set_xlim(left=0)
        axis.grid(axis="x")
    any_bound = bool(data[["alpha_at_bound", "beta_at_bound"]].any(axis=None))
    axes[0].set_yticks(place, [named(t) for t in data["target"]])
    axes[0].set_ylim(len(data) - 0.4, -0.6)
    return Drawing(
        name="exponents",
        title="Scaling exponents of each target",
        reading="A larger exponent means that the loss falls faster; the grey line is the 90% interval."
        + (" A hollow point lies at a bound of the search: the runs do not tell its value." * any_bound),
        figure=figure,
        data=data,
    )


def _points(
    axis: Axes, runs: RunTable, rows: np.ndarray[Any, Any], target: str, style: dict[str, Any]
) -> list[dict[str, Any]]:
    tokens, losses = runs.tokens[rows], runs.losses[rows, runs.targets.index(target)]
    axis.plot(tokens, losses, ls="none", ms=3.5, **style)
    common = {"target": target, "kind": "measured"}
    return [
        {**common, "params": p, "tokens": t, "loss": y, "low": y, "high": y}
        for p, t, y in zip(runs.params[rows], tokens, losses, strict=True)
    ]


def _curve(
    axis: Axes, laws: Laws, target: str, params: float, tokens: np.ndarray[Any, Any], colour: str
) -> list[dict[str, Any]]:
    i = laws.targets.index(target)
    own = laws.share_vector({target: 1.0})
    supply = laws.supply_vector(None)
    grid = np.geomspace(tokens.min() * 0.8, tokens.max() * 1.5, _POINTS)
    loss = np.array([laws.best.loss(params, t, own, supply)[i] for t in grid])
    draws = np.array([laws.draws.loss(params, t, own, supply)[:, i] for t in grid]).T
    low, high = interval(draws, loss)
    axis.plot(grid, loss, color=colour, lw=1.2)
    axis.fill_between(grid, low, high, color=colour, alpha=0.18, lw=0)
    data = pd.DataFrame({"tokens": grid, "loss": loss, "low": low, "high": high})
    return data.assign(target=target, params=params, kind="law").to_dict("records")  # type: ignore[return-value]


def _spread(sizes: np.ndarray[Any, Any]) -> list[float]:
    """Sizes that have a curve, evenly over all: as many as there are colours."""
    if len(sizes) > _CURVES:
        sizes = sizes[np.linspace(0, len(sizes) - 1, _CURVES).round().astype(int)]
    return [float(size) for size in sizes]


def _style(drawn: Sequence[float], size: float, *, dots: bool = True) -> dict[str, Any]:
    """Colour and marker of a size; hollow and grey where it has no curve."""
    if size not in drawn:
        return {"marker": "o", "color": SOFT, "mfc": PAPER}
    k = drawn.index(size)
    step = STEPS[round(k * (_CURVES - 1) / max(1, len(drawn) - 1))]
    return {"marker": MARKERS[k] if dots else "", "color": step}
