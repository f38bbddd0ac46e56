"""Shares and prices along the budget: where more tokens would go, and what they would be worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator

from langmix.allocate import Allocation, Asked, AtBudget, prices_along
from langmix.errors import InfeasibleError
from langmix.languages import kind_of
from langmix.laws import Laws
from langmix.quantities import count
from langmix.report._allocation import objective_unit
from langmix.report._drawing import Drawing, named, panels, token_axis
from langmix.report._palette import DASHES, GRID, INK, MARKERS, SERIES, SOFT

_BUDGETS: Final = 15
_DRAWN: Final = 10
_LIMITED: Final = 4
_EQUAL: Final = 0.01


def along_budget(laws: Laws, allocation: Allocation) -> tuple[AtBudget, ...]:
    """The same question from the runs' own budgets to ten times the one that was asked.

    Empty where the question is not known, and without those budgets at which its limits cannot be kept.
    """
    if allocation.asked is None:
        return ()
    least = min(laws.reach.tokens[1], allocation.tokens / 10)
    asked = cast(Asked, dict(allocation.asked))
    found: list[AtBudget] = []
    spread = np.geomspace(least, 10 * allocation.tokens, _BUDGETS)
    budgets = [*spread[~np.isclose(spread, allocation.tokens)], allocation.tokens]
    for tokens in sorted(budgets):
        try:
            found += prices_along(laws, params=allocation.params, budgets=[float(tokens)], **asked)
        except InfeasibleError:
            continue
    return tuple(found)


def prices_figure(along: Sequence[AtBudget], allocation: Allocation, laws: Laws, *, name: str) -> Drawing:
    """Shares, and prices per extra percent of the budget, against the budget."""
    kind, tokens = kind_of(allocation.shares), np.array([at.tokens for at in along])
    data = pd.DataFrame(
        [
            {"tokens": at.tokens, kind: each, "share": at.shares[each], "price": at.prices[each]}
            | {"objective": at.objective}
            for at in along
            for each in at.shares
        ]
    )
    shares = {each: np.array([100 * at.shares[each] for at in along]) for each in allocation.shares}
    prices = {each: np.array([at.prices[each] for at in along]) for each in allocation.shares}
    figure, (left, right) = panels(1, 2, height=3.4 + 0.02 * len(shares))
    drawn = sorted(shares, key=lambda each: -shares[each].max())[:_DRAWN]
    ends = _apart([shares[each][-1] for each in drawn], 0.055 * max(max(s) for s in shares.values()))
    for each, values in shares.items():
        if each not in drawn:
            left.plot(tokens, values, color=SOFT, lw=0.7)
    beside = tokens[-1] * max((tokens[-1] / tokens[0]) ** 0.03, 1.15)  # to the right of the last markers
    for k, (each, end) in enumerate(zip(drawn, ends, strict=True)):
        colour, dash = SERIES[k % len(SERIES)], DASHES[(k // len(SERIES)) % len(DASHES)]
        left.plot(
            tokens, shares[each], ls=dash, color=colour, lw=1.4, marker=MARKERS[k % len(MARKERS)], ms=3.5
        )
        left.annotate(
            named(each),
            (tokens[-1], shares[each][-1]),
            xytext=(beside, end),
            textcoords="data",
            va="center",
            annotation_clip=False,
        )
    left.set_title(f"best share of each {kind}")
    left.set_ylabel("% of the budget")
    left.set_ylim(bottom=0)
    free = _free(along)
    right.plot(tokens, free, color=SERIES[0], lw=1.6, marker="o", ms=3.5, label="at no limit")
    limited = {each: p for each, p in prices.items() if not np.allclose(p, free, rtol=_EQUAL, atol=0.0)}
    for values in list(limited.values())[_LIMITED:]:
        right.plot(tokens, values, color=SOFT, lw=0.7)
    for k, (each, values) in enumerate(list(limited.items())[:_LIMITED]):
        mark, dash = MARKERS[(k + 1) % len(MARKERS)], DASHES[1 + k % (len(DASHES) - 1)]
        colour = SERIES[(k + 1) % len(SERIES)]
        right.plot(tokens, values, ls=dash, color=colour, lw=1.1, marker=mark, ms=3.5, label=named(each))
    if limited:
        right.legend(fontsize=8)
    right.set_title("price: what 1% more budget is worth")
    right.set_ylabel(objective_unit(allocation))
    if min(free) > 0:
        right.set_yscale("log")
        right.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    right.yaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
    right.yaxis.set_minor_formatter(lambda value, _: "")
    for axis in (left, right):
        token_axis(axis)
        axis.set_xlabel("tokens of the budget")
        axis.axvline(allocation.tokens, color=INK, lw=0.9)
        if tokens[-1] > laws.reach.tokens[1]:
            axis.axvspan(laws.reach.tokens[1], tokens[-1], color=GRID, lw=0, zorder=0, alpha=0.5)
    return Drawing(
        name=name,
        title=f"Along the budget, at {count(allocation.params)} parameters",
        reading="The best mixture and its prices at other budgets, by the best laws and without intervals. "
        "The upright line is the budget that was asked about; shaded: more tokens than any run."
        + (
            " Grey lines: the others, named in the CSV."
            if len(shares) > _DRAWN or len(limited) > _LIMITED
            else ""
        )
        + (
            f" One {kind} at a floor has a lower price than the others, at a cap a higher one."
            if limited
            else f" Every {kind} has the same price, since none is at a limit."
        ),
        figure=figure,
        data=data,
    )


def _free(along: Sequence[AtBudget]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The price of what is at no limit, at each budget: the one that most have in common."""
    found = []
    for at in along:
        prices = np.array([at.prices[each] for each in sorted(at.shares, key=lambda each: -at.shares[each])])
        alike = np.isclose(prices[:, None], prices, rtol=_EQUAL, atol=0.0)
        found.append(prices[int(np.argmax(alike.sum(axis=1)))])
    return np.array(found)


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Places for labels as near to the values as a least distance allows."""
    order = np.argsort(values)
    placed = np.array(values, dtype=float)[order]
    for _ in range(200):
        gaps = np.diff(placed)
        close = np.flatnonzero(gaps < least - 1e-9)
        if len(close) == 0:
            break
        for k in close:
            push = (least - (placed[k + 1] - placed[k])) / 2
            placed[k] -= push
            placed[k + 1] += push
    placed += max(0.0, -placed[0])
    found = np.empty(len(placed))
    found[order] = placed
    return [float(each) for each in found]
