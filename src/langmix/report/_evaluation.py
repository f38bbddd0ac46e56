"""What the models of a validation can do, on the page: gains in loss and BLEU over uniform, and pass@1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from langmix.report._drawing import Drawing, named, panels
from langmix.report._palette import MARKERS, PAPER, SERIES, SOFT

_GAINS = {"loss gain": ("loss", "% lower", 100.0), "bleu gain": ("BLEU of continuations", "points", 1.0)}


def gains_figure(scores: pd.DataFrame) -> Drawing | None:
    """Gains of every arm in every language, with intervals; nothing where no arm is compared."""
    gains = scores[scores.measure.isin(_GAINS)]
    if gains.empty:
        return None
    measures = [name for name in _GAINS if (gains.measure == name).any()]
    arms = list(dict.fromkeys(gains.arm))
    names = list(dict.fromkeys(gains.language))
    figure, axes = panels(1, len(measures), height=0.36 * len(names) + 1.6, sharey=True)
    for axis, measure in zip(axes, measures, strict=True):
        title, unit, factor = _GAINS[measure]
        for k, arm in enumerate(arms):
            own = gains[(gains.measure == measure) & (gains.arm == arm)]
            place = np.array([names.index(name) for name in own.language]) + 0.22 * (k - (len(arms) - 1) / 2)
            value, low, high = (
                factor * own[column].to_numpy(dtype=float) for column in ("value", "low", "high")
            )
            told = (low > 0) | (high < 0)
            colour = SERIES[k % len(SERIES)]
            look: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "color": colour, "ms": 4.5}
            axis.hlines(place, low, high, color=colour, lw=1.4)
            axis.plot(value[told], place[told], ls="", label=arm, **look)
            axis.plot(value[~told], place[~told], ls="", mfc=PAPER, **look)
        axis.axvline(0, color=SOFT, lw=0.8)
        axis.set_title(title)
        axis.set_xlabel(f"{unit} (right of 0: better than {gains.against.iloc[0]})")
        axis.set_yticks(range(len(names)), [named(name.removeprefix("objective: ")) for name in names])
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(arms)))
    return Drawing(
        name="evaluation",
        title=f"Trained models against {gains.against.iloc[0]} on held-out text",
        reading="With 90% intervals over seeds and documents; hollow points can't be told from 0. Of many "
        "points one in ten would seem so by chance.",
        figure=figure,
        data=gains.drop(columns="seed"),
    )


def pass_rows(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """pass@1 of every arm and language, and how the programs that did not pass ended."""
    rows = []
    for _, one in scores[scores.measure == "pass@1"].iterrows():
        ended = scores[
            scores.measure.str.startswith("ended: ")
            & (scores.arm == one.arm)
            & (scores.language == one.language)
        ]
        parts = [
            f"{int(each.value):,} {each.measure.removeprefix('ended: ')}"
            for _, each in ended.iterrows()
            if each.measure != "ended: passed"
        ]
        rows.append(
            {
                "arm": one.arm,
                "language": one.language,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "problems": one["count"],
                "ended": ", ".join(parts),
            }
        )
    return rows
