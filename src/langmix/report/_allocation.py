"""The answer: shares with intervals beside other mixtures, prices, and what is gained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from langmix.allocate import Allocation
from langmix.languages import kind_of, label
from langmix.quantities import count
from langmix.report._drawing import Drawing, named, panels
from langmix.report._palette import BAR, INK, SERIES, SOFT

_UNITS: Final = {"bits_per_byte": "bits per byte", "nats_per_token": "nats per token"}
_MARKS: Final = "|xD^v"
_NAMED: Final = 6
_OTHERS: Final = 4


def price_unit(allocation: Allocation) -> float:
    """What prices are shown as multiples of: the highest at the uniform mixture."""
    return max(allocation.against["uniform"].prices.values()) or 1.0


def objective_unit(allocation: Allocation) -> str:
    """What the objective is measured in."""
    return _UNITS.get(allocation.objective.removesuffix(", weighted"), "of the objective")


def allocation_figure(allocation: Allocation, *, name: str) -> Drawing:
    """Shares with intervals beside other mixtures, and prices beside those at uniform."""
    data = _data(allocation)
    others = list(allocation.against)[:_OTHERS]
    unit = price_unit(allocation)
    figure, (left, right) = panels(1, 2, height=0.34 * len(data) + 1.6, sharey=True)
    place = np.arange(len(data))
    low, share, high = (100 * data[c].to_numpy(dtype=float) for c in ("share_low", "share", "share_high"))
    left.barh(place, share, color=BAR, height=0.66)
    left.hlines(place, low, high, color=INK, lw=1.4)
    left.plot(share, place, "o", color=SERIES[0], ms=5.5, label="recommended, with 90% interval")
    for other, mark, colour in zip(others, _MARKS, SERIES[1:], strict=False):
        size = 14 if mark == "|" else 5
        shares = 100 * data[f"share_{other}"]
        left.plot(shares, place, mark, color=colour, ms=size, mew=2 if mark in "|x" else 0, label=other)
    most = 100 * float(np.nanmax(data.filter(like="share").to_numpy(dtype=float)))
    for y, tokens in zip(place, data["tokens"], strict=True):
        left.text(1.3 * most, float(y), count(tokens), ha="right", va="center")
    left.set_title("share of the tokens")
    left.set_title("tokens", loc="right", fontweight="normal")
    left.set_xlabel("% of the budget")
    left.set_xlim(0, 1.3 * most)
    left.set_yticks(place, [named(language) for language in data.iloc[:, 0]])
    left.set_ylim(len(data) - 0.4, -0.6)
    price, at_uniform = data["price"] / unit, data["price_uniform"] / unit
    right.hlines(place, price, at_uniform, color=SOFT, lw=1)
    right.plot(at_uniform, place, "|", color=SERIES[1], ms=14, mew=2)
    right.plot(price, place, "o", color=SERIES[0], ms=5.5)
    right.set_title("price: what 1% more budget is worth")
    right.set_xlabel(f"1 = {unit:.2g} {objective_unit(allocation)}")
    right.set_xlim(left=0)
    figure.legend(handles=left.get_legend_handles_labels()[0], loc="outside lower center", ncols=3)
    return Drawing(
        name=name,
        title=f"Allocation for {count(allocation.params)} parameters and {count(allocation.tokens)} tokens",
        reading="Left: recommended shares (dots) with their 90% intervals (lines) and tokens, beside "
        f"{_listed(others)}. Right: prices at the recommended mixture (dots) and at uniform (upright "
        "strokes): what one more percent of the budget, given to that "
        f"{kind_of(allocation.shares)}, takes off the objective; they are equal where no limit holds, lower "
        "at a floor, higher at a cap.",
        figure=figure,
        data=data,
    )


def answer_values(allocation: Allocation) -> dict[str, Any]:
    """What the page says of an allocation beside its figure."""
    unit, uniform, tokens = (
        price_unit(allocation),
        allocation.against["uniform"],
        allocation.token_counts(),
    )
    return {
        "params": allocation.params,
        "tokens": allocation.tokens,
        "objective": _objective(allocation),
        "kind": kind_of(allocation.shares),
        "what": _what(allocation),
        "mixture": _mixture(allocation),
        "against": allocation.against,
        "same": [
            name for name, other in allocation.against.items() if _same(other.shares, allocation.shares)
        ],
        "warnings": allocation.warnings,
        "rows": [
            {
                "name": name,
                "tokens": tokens[name],
                "share": share,
                "low": allocation.intervals[name][0],
                "high": allocation.intervals[name][1],
                "others": [
                    round(other.shares[name] * allocation.tokens) for other in allocation.against.values()
                ],
                "price": allocation.prices[name] / unit,
                "price_uniform": uniform.prices[name] / unit,
            }
            for name, share in allocation.shares.items()
        ],
    }


def _data(allocation: Allocation) -> pd.DataFrame:
    tokens, against = allocation.token_counts(), allocation.against
    return pd.DataFrame(
        [
            {
                kind_of(allocation.shares): name,
                "tokens": tokens[name],
                "share": share,
                "share_low": allocation.intervals[name][0],
                "share_high": allocation.intervals[name][1],
                **{f"share_{other}": found.shares[name] for other, found in against.items()},
                "price": allocation.prices[name],
                **{f"price_{other}": found.prices[name] for other, found in against.items()},
            }
            for name, share in allocation.shares.items()
        ]
    )


def _objective(allocation: Allocation) -> str:
    text = allocation.objective.replace("_", " ")
    return f"{text}, {allocation.robust} over the bootstrap laws" if allocation.robust else text


def _mixture(allocation: Allocation) -> str:
    """The mixture in words, the largest shares first."""
    shares = sorted(allocation.shares.items(), key=lambda item: -item[1])
    said = [f"{label(name)} {100 * share:.1f}%" for name, share in shares[: _NAMED + 1]]
    if len(shares) > len(said):
        rest = shares[_NAMED:]
        said = [*said[:_NAMED], f"{100 * sum(s for _, s in rest):.1f}% for {len(rest)} others"]
    return _listed(said)


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(share - other[name]) < 1e-6 for name, share in one.items())


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _what(allocation: Allocation) -> str:
    """What counts, where some targets do not."""
    weights = {name: weight for name, weight in allocation.weights.items() if weight > 0}
    if not weights or len(weights) == len(allocation.losses):
        return ""
    if len(weights) > 4:
        return f"for {len(weights)} of {len(allocation.losses)} targets"
    return f"for {', '.join(label(name) for name in weights)}"
