"""The figure of an allocation put to the test: predicted and measured loss per language."""

from __future__ import annotations

import numpy as np
import pandas as pd

from langmix.allocate import Validation
from langmix.report._drawing import Drawing, named, panels
from langmix.report._palette import INK, SERIES, SOFT


def validation_figure(validation: Validation, *, name: str, objective: str) -> Drawing:
    """Change of every language's loss from uniform to recommended, and the error of its prediction."""
    mixtures = (("uniform", validation.uniform), ("recommended", validation.recommended))
    data = pd.DataFrame(
        [
            {
                "mixture": mixture_name,
                "language": target,
                "share": mixture.shares.get(target, 0.0),
                "predicted": mixture.predicted.loss[target],
                "predicted_low": mixture.predicted.low[target],
                "predicted_high": mixture.predicted.high[target],
                "measured": mean.value,
                "measured_low": mean.low,
                "measured_high": mean.high,
            }
            for mixture_name, mixture in mixtures
            for target, mean in mixture.measured.items()
        ]
    )
    uniform, recommended = (data[data.mixture == each].set_index("language") for each, _ in mixtures)
    names = list(uniform.index)
    place = np.arange(len(names))
    figure, (left, right) = panels(1, 2, height=0.34 * len(names) + 1.6, sharey=True)
    for offset, mark, colour, column in (
        (-0.12, "o", SERIES[0], "predicted"),
        (0.12, "D", SERIES[1], "measured"),
    ):
        change = 100 * (recommended[column] / uniform[column] - 1)
        left.plot(change, place + offset, mark, ms=5, color=colour, label=column)
    left.axvline(0, color=SOFT, lw=0.8)
    left.set_title("loss: recommended against uniform")
    left.set_xlabel("% (left of 0: recommended is better)")
    left.set_yticks(place, [named(each) for each in names])
    left.invert_yaxis()
    for offset, mark, colour, table, mixture_name in (
        (-0.12, "s", SOFT, uniform, "uniform"),
        (0.12, "o", INK, recommended, "recommended"),
    ):
        error = 100 * (table["predicted"] / table["measured"] - 1)
        low, high = (100 * (table[f"predicted_{end}"] / table["measured"] - 1) for end in ("low", "high"))
        right.hlines(place + offset, low, high, color=colour, lw=1.4)
        right.plot(error, place + offset, mark, ms=4, color=colour, label=mixture_name)
    right.axvline(0, color=SOFT, lw=0.8)
    right.set_title("predicted against measured loss")
    right.set_xlabel("error of the prediction, % (90% intervals)")
    figure.legend(loc="outside lower center", ncols=4)
    return Drawing(
        name=name,
        title=f"The answer put to the test: {objective}",
        reading="Left: how much each language's loss changes when the recommended mixture replaces uniform. "
        "Right: how far the laws miss the mean measured loss.",
        figure=figure,
        data=data,
    )
