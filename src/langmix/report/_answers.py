"""Figures of an allocation: shares with intervals, and prices."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from langmix.allocate import Allocation
from langmix.languages import label
from langmix.quantities import count
from langmix.report._drawing import INK, OKABE_ITO, SOFT, Drawing, panels

_UNITS: Final = {"bits_per_byte": "bits per byte", "nats_per_token": "nats per token"}


def price_unit(allocation: Allocation) -> float:
    """What prices are shown as multiples of: the highest at the uniform mixture."""
    return max(allocation.against["uniform"].prices.values()) or 1.0


def allocation_figure(allocation: Allocation, *, name: str) -> Drawing:
    """Shares with intervals against uniform, and prices at uniform against prices at the allocation."""
    uniform = allocation.against["uniform"]
    names = list(allocation.shares)
    tokens = allocation.token_counts()
    data = pd.DataFrame(
        [
            {
                "language": language,
                "tokens": tokens[language],
                "share": allocation.shares[language],
                "share_low": allocation.intervals[language][0],
                "share_high": allocation.intervals[language][1],
                "share_uniform": uniform.shares[language],
                "price": allocation.prices[language],
                "price_uniform": uniform.prices[language],
            }
            for language in names
        ]
    )
    unit = price_unit(allocation)
    price, at_uniform = data["price"] / unit, data["price_uniform"] / unit
    figure, (left, right) = panels(1, 2, height=0.34 * len(names) + 1.5, sharey=True)
    place = np.arange(len(names))
    low, share, high = (100 * data[c].to_numpy(dtype=float) for c in ("share_low", "share", "share_high"))
    left.barh(place, share, color=OKABE_ITO[5], height=0.62)
    left.hlines(place, low, high, color=INK, lw=1.6)
    left.plot(100 * data["share_uniform"], place, "|", color=OKABE_ITO[1], ms=14, mew=2)
    left.set_title("share of the tokens")
    left.set_xlabel("% of the budget")
    left.set_yticks(place, [label(language) for language in names])
    left.invert_yaxis()
    right.hlines(place, price, at_uniform, color=SOFT, lw=1)
    marks = [
        *right.plot(at_uniform, place, "|", color=OKABE_ITO[1], ms=12, mew=2, label="uniform"),
        *right.plot(price, place, "o", color=OKABE_ITO[0], ms=6, label="allocation"),
    ]
    right.set_title("price: what 1% more budget is worth")
    right.set_xlabel(f"1 = {unit:.2g} {_UNITS.get(allocation.objective, 'of the objective')}")
    right.set_xlim(left=0)
    figure.legend(handles=marks, loc="outside lower center", ncols=2)
    return Drawing(
        name=name,
        title=f"Allocation for {count(allocation.params)} parameters and {count(allocation.tokens)} tokens",
        reading="Bars: recommended shares; black lines: their 90% intervals. Prices are what one more "
        "percent of the budget, given to that language, takes off the objective; they are equal for "
        "languages at no limit, lower at a floor, higher at a cap.",
        figure=figure,
        data=data,
    )
