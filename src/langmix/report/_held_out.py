"""What the law predicts against what was measured, on runs that the fit did not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from langmix.laws import HeldOutError, Laws
from langmix.report._drawing import Drawing, panels
from langmix.report._palette import INK, SERIES, SOFT
from langmix.runs import RunTable

_MOST: Final = 600
"""Points of a panel; of more an even selection is drawn."""

SPLITS: Final = {
    "new runs": "other runs than the fit",
    "larger N": "larger models than the fit",
    "larger D": "more tokens than the fit",
}
"""What each split holds out."""

FITTED: Final = "fitted"


def fitted_predictions(runs: RunTable, laws: Laws) -> pd.DataFrame:
    """The same columns as `langmix.laws.held_out_predictions`, of the runs that the laws were fitted to."""
    rows: list[dict[str, Any]] = []
    order = [runs.languages.index(name) for name in laws.languages]
    shares, unique = runs.shares[:, order], runs.unique[:, order]
    for k in range(len(runs)):
        predicted = laws.best.loss(runs.params[k], runs.tokens[k], shares[k], unique[k])
        for i, target in enumerate(laws.targets):
            share = runs.shares[k][runs.languages.index(target)] if target in runs.languages else math.nan
            measured = runs.losses[k][runs.targets.index(target)]
            if not share <= 0 and math.isfinite(measured):
                rows.append(
                    {
                        "split": FITTED,
                        "run": runs.run[k],
                        "params": runs.params[k],
                        "tokens": runs.tokens[k],
                        "target": target,
                        "share": share,
                        "measured": measured,
                        "predicted": float(predicted[i]),
                    }
                )
    return pd.DataFrame(rows)


def predicted_measured(predictions: pd.DataFrame) -> Drawing:
    """Every predicted loss against the measured one, a panel per split."""
    data = predictions.assign(error=predictions["predicted"] / predictions["measured"] - 1)
    splits = list(dict.fromkeys(data["split"]))
    ends = [
        float(data[["measured", "predicted"]].min().min()),
        float(data[["measured", "predicted"]].max().max()),
    ]
    figure, axes = panels(
        1, len(splits), width=4.2 if len(splits) == 1 else 7.6, height=3.5 if len(splits) < 3 else 3.1
    )
    thinned = False
    for axis, split in zip(axes, splits, strict=True):
        part = data[data["split"] == split]
        axis.plot(ends, ends, color=SOFT, lw=1)
        share = part["share"]
        for label, mine, colour, marker in (
            ("other targets", part[share.isna()], SERIES[2], "s"),
            ("mixtures", part[share < 1], SERIES[1], "^"),
            ("one language", part[share >= 1], SERIES[0], "o"),
        ):
            few = mine.iloc[np.unique(np.linspace(0, len(mine) - 1, min(len(mine), _MOST)).astype(int))]
            thinned |= len(few) < len(mine)
            if len(few):
                axis.plot(
                    few["predicted"],
                    few["measured"],
                    marker,
                    ms=3.5,
                    alpha=0.7,
                    color=colour,
                    label=label,
                    mew=0,
                )
        axis.set_title(SPLITS.get(split, "the runs of the fit"))
        axis.text(
            0.04,
            0.96,
            f"mean error {100 * part['error'].abs().mean():.2f}%\n{part['run'].nunique()} runs",
            transform=axis.transAxes,
            va="top",
            color=INK,
        )
        axis.set_xlabel("predicted, nats per token")
        axis.set_aspect("equal")
    axes[0].set_ylabel("measured, nats per token")
    handles = {
        text: handle for axis in axes for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    unseen = splits != [FITTED]
    return Drawing(
        name="predicted-measured",
        title="Predicted against measured loss, on runs that the fit did not see"
        if unseen
        else "Law against measured loss, on the runs that it was fitted to",
        reading="Each point is a checkpoint and a target; on the line the law is right, above it the loss "
        "was higher than predicted. "
        + (
            "For each panel the law was fitted again without the runs that it shows."
            if unseen
            else "These runs were fitted, so this says nothing of new ones: none were held out."
        )
        + (" Of many points an even selection is drawn; the CSV has all." if thinned else ""),
        figure=figure,
        data=data,
    )


def error_rows(predictions: pd.DataFrame, targets: Sequence[str]) -> dict[str, Any]:
    """Mean absolute relative error of every target on every split; NaN where nothing was held out."""
    error = (predictions["predicted"] / predictions["measured"] - 1).abs()
    table = predictions.assign(error=error).pivot_table(
        index="target", columns="split", values="error", sort=False
    )
    table = table.reindex([target for target in targets if target in table.index])
    return {
        "splits": list(table.columns),
        "rows": [(name, list(row)) for name, row in zip(table.index, table.to_numpy(), strict=True)],
    }


def form_rows(errors: Sequence[HeldOutError]) -> dict[str, Any] | None:
    """Forms by splits; nothing where the form was given."""
    if not errors:
        return None
    table = pd.DataFrame([{"form": e.form, "split": e.split, "error": e.error} for e in errors]).pivot_table(
        index="form", columns="split", values="error", sort=False
    )
    return {
        "splits": list(table.columns),
        "rows": [(form, list(row)) for form, row in zip(table.index, table.to_numpy(), strict=True)],
    }
