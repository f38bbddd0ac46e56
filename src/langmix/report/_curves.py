"""Scaling curves, exponents, and predicted against measured losses."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from langmix.languages import label
from langmix.laws import Laws, interval
from langmix.quantities import count
from langmix.report._drawing import INK, OKABE_ITO, SOFT, Drawing, panels
from langmix.runs import FRESH, RunTable

_POINTS: Final = 40
_COLUMNS: Final = 3
_CURVES: Final = 5


def scaling_curves(runs: RunTable, laws: Laws) -> Drawing | None:
    """Loss of every language against its tokens, trained alone; none if no run is of one language."""
    shown = [t for t in laws.targets if t in runs.languages and bool(runs.is_alone(t, FRESH).any())]
    if not shown:
        return None
    sizes = np.unique(np.concatenate([runs.params[runs.is_alone(t, FRESH)] for t in shown]))
    drawn = (
        sizes if len(sizes) <= _CURVES else sizes[np.linspace(0, len(sizes) - 1, _CURVES).round().astype(int)]
    )
    colours = {size: _colour(k, len(sizes)) for k, size in enumerate(sizes)}
    rows: list[dict[str, Any]] = []
    figure, axes = panels(
        math.ceil(len(shown) / _COLUMNS), _COLUMNS, height=2.2 * math.ceil(len(shown) / _COLUMNS) + 0.4
    )
    for axis, target in zip(axes, shown, strict=False):
        mine = runs.is_alone(target, FRESH)
        for size in sizes:
            points = mine & (runs.params == size)
            tokens, losses = runs.tokens[points], runs.losses[points, runs.targets.index(target)]
            axis.plot(tokens, losses, "o", ms=3.5, color=colours[size], alpha=0.85)
            rows += [_row(target, size, t, "measured", y, y, y) for t, y in zip(tokens, losses, strict=True)]
            if size in drawn:
                curve = _curve(laws, target, size, runs.tokens[mine])
                axis.plot(curve["tokens"], curve["loss"], color=colours[size], lw=1.2)
                axis.fill_between(
                    curve["tokens"], curve["low"], curve["high"], color=colours[size], alpha=0.18, lw=0
                )
                rows += curve.assign(target=target, params=size, kind="law").to_dict("records")  # type: ignore[arg-type]
        axis.set_xscale("log")
        axis.set_title(label(target))
        _token_ticks(axis)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis in axes[: len(shown) : _COLUMNS]:
        axis.set_ylabel("nats per token")
    for axis in axes[max(0, len(shown) - _COLUMNS) : len(shown)]:  # the lowest of each column
        axis.set_xlabel("training tokens")
    legend = [(f"{count(float(size))} parameters", colours[size]) for size in sizes]
    handles = [
        axes[0].plot([], [], "o-", color=colour, ms=4, lw=1.2, label=text)[0] for text, colour in legend[:8]
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return Drawing(
        name="scaling-curves",
        title="Loss of each language trained alone, against its tokens",
        reading="Points are checkpoints of runs, lines the fitted law at that many parameters, bands its 90% "
        "interval.",
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
        axis.plot(value[~bound], place[~bound], "o", color=OKABE_ITO[0], ms=6)
        for x, y in zip(value[bound], place[bound], strict=True):
            axis.plot(x, y, "o", color=OKABE_ITO[0], ms=6, mfc="white", clip_on=False)
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
        axis.grid(axis="x", color="#eeeeee")
        axis.set_axisbelow(True)
    any_bound = bool(data[["alpha_at_bound", "beta_at_bound"]].any(axis=None))
    axes[0].set_yticks(place, [label(t) for t in data["target"]])
    axes[0].invert_yaxis()
    return Drawing(
        name="exponents",
        title="Scaling exponents of each language",
        reading="A larger exponent means that the loss falls faster; the grey line is the 90% interval."
        + (" A hollow point lies at a bound of the search: the runs do not tell its value." * any_bound),
        figure=figure,
        data=data,
    )


def predicted_measured(runs: RunTable, laws: Laws) -> Drawing:
    """Every measured loss that a law was fitted to, against what the law says."""
    rows: list[dict[str, Any]] = []
    order = [runs.languages.index(name) for name in laws.languages]
    shares, unique = runs.shares[:, order], runs.unique[:, order]
    for k in range(len(runs)):
        predicted = laws.best.loss(runs.params[k], runs.tokens[k], shares[k], unique[k])
        for i, target in enumerate(laws.targets):
            own = runs.shares[k][runs.languages.index(target)] if target in runs.languages else 1.0
            measured = runs.losses[k][runs.targets.index(target)]
            if own > 0 and math.isfinite(measured):
                rows.append(
                    {
                        "run": runs.run[k],
                        "target": target,
                        "kind": "mixture" if own < 1 else "alone",
                        "measured": measured,
                        "predicted": float(predicted[i]),
                    }
                )
    data = pd.DataFrame(rows)
    figure, (axis,) = panels(1, 1, width=4.6, height=3.8)
    ends = [data[["measured", "predicted"]].min().min(), data[["measured", "predicted"]].max().max()]
    axis.plot(ends, ends, color=SOFT, lw=1)
    for kind, colour, marker in (("alone", OKABE_ITO[0], "o"), ("mixture", OKABE_ITO[1], "^")):
        part = data[data["kind"] == kind]
        if len(part):
            axis.plot(
                part["predicted"],
                part["measured"],
                marker,
                ms=3.5,
                alpha=0.7,
                color=colour,
                label=kind,
                mew=0,
            )
    axis.set_xlabel("law, nats per token")
    axis.set_ylabel("measured, nats per token")
    axis.legend()
    return Drawing(
        name="predicted-measured",
        title="What the laws say against what was measured, on the runs that they were fitted to",
        reading="Each point is a checkpoint and a language in it; on the line the law is right. Errors on "
        "runs that a fit did not see are in the table.",
        figure=figure,
        data=data,
    )


def _curve(laws: Laws, target: str, params: float, tokens: np.ndarray[Any, Any]) -> pd.DataFrame:
    i = laws.targets.index(target)
    own = laws.share_vector({target: 1.0})
    supply = laws.supply_vector(None)
    grid = np.geomspace(tokens.min() * 0.8, tokens.max() * 1.5, _POINTS)
    loss = np.array([laws.best.loss(params, t, own, supply)[i] for t in grid])
    draws = np.array([laws.draws.loss(params, t, own, supply)[:, i] for t in grid]).T
    low, high = interval(draws, loss)
    return pd.DataFrame({"tokens": grid, "loss": loss, "low": low, "high": high})


def _row(
    target: str, params: float, tokens: float, kind: str, loss: float, low: float, high: float
) -> dict[str, Any]:
    return {
        "target": target,
        "params": params,
        "tokens": tokens,
        "kind": kind,
        "loss": loss,
        "low": low,
        "high": high,
    }


def _token_ticks(axis: Axes) -> None:
    axis.xaxis.set_major_formatter(lambda value, _: count(value))
    axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.grid(color="#eeeeee")
    axis.set_axisbelow(True)
    axis.tick_params(colors=INK)


def _colour(k: int, n: int) -> Any:
    return colormaps["viridis"](0.1 + 0.75 * (k / max(1, n - 1)))
