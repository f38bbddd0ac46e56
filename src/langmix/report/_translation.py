"""Figures of translation: what each organisation of the data does to its directions."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

import numpy as np
import pandas as pd

from langmix.laws import interval
from langmix.quantities import count
from langmix.report._drawing import Drawing, panels, token_axis
from langmix.report._matrices import heat
from langmix.report._palette import DASHES, INK, MARKERS, PAPER, SERIES, SOFT
from langmix.runs import MIXED, ORGANISATION, with_groups
from langmix.transfer import Translation

_POINTS: Final = 40
NAMES: Final = {
    "alone": "no source",
    "seen": "directions paired in training",
    "unseen": "directions never paired",
}


def group_bars(found: Translation) -> Drawing:
    """Loss of every group of directions under every organisation, and its change."""
    effects, groups = found.largest, list(found.fitted.groups)
    first = effects[0]
    rows: list[dict[str, Any]] = []
    for group in groups:
        i = first.targets.index(group)
        rows.append({"group": group, "organisation": first.baseline, "loss": first.baseline_loss[i]})
        for each in effects:
            change = {"change": each.change[i], "low": each.low[i], "high": each.high[i]}
            resolved = bool(each.resolved[i])
            rows.append(
                {"group": group, "organisation": each.organisation, "loss": each.loss[i], **change}
                | {"resolved": resolved}
            )
    data = pd.DataFrame(rows)
    organisations = [first.baseline, *(each.organisation for each in effects)]
    figure, (left, right) = panels(1, 2, height=0.8 * len(groups) + 1.4, sharey=True)
    place, width = np.arange(len(groups)), 0.8 / len(organisations)
    for k, organisation in enumerate(organisations):
        mine = data[data["organisation"] == organisation]
        at = place + (k - (len(organisations) - 1) / 2) * width
        colour = _colour(k)
        left.barh(at, mine["loss"], height=0.9 * width, color=colour, label=organisation)
        if organisation == first.baseline:
            continue
        right.hlines(at, 100 * mine["low"], 100 * mine["high"], color=colour, lw=2)
        hollow = ~mine["resolved"].astype(bool) & mine["low"].notna()
        for x, y, empty in zip(100 * mine["change"], at, hollow, strict=True):
            right.plot(x, y, "o", ms=6, color=colour, mfc=PAPER if empty else colour)
    left.set_title("loss")
    left.set_xlabel("nats per token of the target")
    left.set_yticks(place, [NAMES[group] for group in groups])
    left.invert_yaxis()
    right.axvline(0, color=SOFT, lw=0.8)
    right.set_title(f"change against {first.baseline}")
    right.set_xlabel("% (left of 0: better)")
    figure.legend(loc="outside lower center", ncols=len(organisations))
    return Drawing(
        name="translation-groups",
        title=f"Loss of the target at {count(first.params)} parameters and {count(first.tokens)} tokens",
        reading="Means over runs. Right: "
        + (
            "with 90% intervals from the noise between seeds; hollow points are changes that it explains."
            if repeated(found)
            else "without intervals, since no run was repeated under another seed."
        ),
        figure=figure,
        data=data,
    )


def direction_maps(found: Translation) -> Drawing:
    """Change of every direction's loss under every organisation, source by target."""
    effects = found.largest
    languages = tuple(dict.fromkeys(part for t in effects[0].targets if ">" in t for part in t.split(">")))
    figure, axes = panels(1, len(effects), height=3.4)
    for axis, each in zip(axes, effects, strict=True):
        cells = np.full((len(languages), len(languages)), np.nan)
        hatched = np.zeros(cells.shape, dtype=bool)
        for target, change, told in zip(each.targets, each.change, each.resolved, strict=True):
            if ">" in target:
                source, into = (languages.index(name) for name in target.split(">"))
                cells[source, into] = 100 * change
                hatched[source, into] = np.isfinite(change) and not told
        heat(axis, cells, languages, title=f"{each.organisation}, %", hatched=hatched)
        for target in found.seen:
            source, into = (languages.index(name) for name in target.split(">"))
            axis.plot(into + 0.85, source + 0.15, "s", ms=3, color=INK)
        axis.set_xlabel("into")
    axes[0].set_ylabel("from")
    baseline = effects[0].baseline
    return Drawing(
        name="translation-directions",
        title=f"Change of the loss of every direction against {baseline}",
        reading="Purple: a lower loss than with the baseline, orange: a higher one; hatched cells "
        + (
            "are those that noise between seeds explains"
            if repeated(found)
            else "may be noise, which is unknown"
        )
        + ". A square marks directions that pairs were trained on.",
        figure=figure,
        data=pd.concat([each.frame() for each in found.effects], ignore_index=True),
    )


def group_curves(found: Translation) -> Drawing:
    """Loss of every group against tokens, under every organisation and at every size, with the laws."""
    laws, groups = found.fitted.laws, list(found.fitted.groups)
    runs = with_groups(found.runs, found.fitted.groups)
    named = runs.frame[ORGANISATION].to_numpy(dtype=str)
    sizes = np.unique(runs.params[named != MIXED])
    rows: list[dict[str, Any]] = []
    figure, axes = panels(1, len(groups), height=3.3)
    grid = np.geomspace(runs.tokens.min() * 0.9, runs.tokens.max() * 1.5, _POINTS)
    for axis, group in zip(axes, groups, strict=True):
        i = laws.targets.index(group)
        for k, organisation in enumerate(found.fitted.organisations):
            shares = laws.share_vector({organisation: 1.0})
            for marker, size in zip(cycle(MARKERS), sizes, strict=False):
                here = (named == organisation) & (runs.params == size)
                tokens, losses = runs.tokens[here], runs.losses[here, runs.targets.index(group)]
                axis.plot(tokens, losses, marker, ms=3, color=_colour(k), alpha=0.7, mew=0)
                loss = np.array([laws.best.loss(float(size), t, shares)[i] for t in grid])
                drawn = np.array([laws.draws.loss(float(size), t, shares)[:, i] for t in grid]).T
                low, high = interval(drawn, loss)
                axis.plot(grid, loss, ls=_dash(k), color=_colour(k), lw=1)
                axis.fill_between(grid, low, high, color=_colour(k), alpha=0.15, lw=0)
                common = {"group": group, "organisation": organisation, "params": size}
                rows += [
                    {**common, "tokens": t, "kind": "measured", "loss": y, "low": y, "high": y}
                    for t, y in zip(tokens, losses, strict=True)
                ]
                rows += [
                    {**common, "tokens": t, "kind": "law", "loss": y, "low": a, "high": b}
                    for t, y, a, b in zip(grid, loss, low, high, strict=True)
                ]
        token_axis(axis)
        axis.set_title(NAMES[group])
        axis.set_xlabel("training tokens")
    axes[0].set_ylabel("nats per token of the target")
    handles = [
        axes[0].plot([], [], ls=_dash(k), color=_colour(k), label=name)[0]
        for k, name in enumerate(found.fitted.organisations)
    ]
    handles += [
        axes[0].plot([], [], marker, color=INK, ms=4, label=f"{count(float(size))} parameters")[0]
        for marker, size in zip(cycle(MARKERS), sizes, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return Drawing(
        name="translation-curves",
        title="Loss of the target against training tokens",
        reading="Points are checkpoints, lines the laws, bands their 90% intervals.",
        figure=figure,
        data=pd.DataFrame(rows),
    )


def part_paired(found: Translation) -> Drawing | None:
    """Loss of every group against the part of the tokens that is paired; none without runs that mix."""
    runs = with_groups(found.runs, found.fitted.groups)
    named = runs.frame[ORGANISATION].to_numpy(dtype=str)
    baseline = found.effects[0].baseline
    mixed = named == MIXED
    if not mixed.any() or baseline not in runs.languages:
        return None
    params = runs.params[mixed].max()
    tokens = runs.tokens[mixed & (runs.params == params)].max()
    here = (runs.params == params) & (runs.tokens == tokens)
    groups, rest = list(found.fitted.groups), runs.shares[:, runs.languages.index(baseline)]
    rows: list[dict[str, Any]] = []
    figure, axes = panels(1, len(groups), height=2.9)
    for axis, group in zip(axes, groups, strict=True):
        loss = runs.losses[:, runs.targets.index(group)]
        for k, organisation in enumerate(name for name in runs.languages if name != baseline):
            part = runs.shares[:, runs.languages.index(organisation)]
            two = here & (part + rest > 0.999)
            order = np.argsort(part[two], kind="stable")
            x, y = part[two][order], loss[two][order]
            mean = pd.Series(y).groupby(np.round(x, 4)).mean()
            axis.plot(100 * x, y, MARKERS[k], ms=3.5, color=_colour(k + 1), alpha=0.7, mew=0)
            axis.plot(100 * mean.index, mean, ls=_dash(k), color=_colour(k + 1), lw=1, label=organisation)
            rows += [
                {"group": group, "organisation": organisation, "part": a, "loss": b}
                for a, b in zip(x, y, strict=True)
            ]
        axis.set_title(NAMES[group])
        axis.set_xlabel(f"% of the tokens, the rest {baseline}")
        axis.grid(True)
    axes[0].set_ylabel("nats per token of the target")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(
        name="translation-part-paired",
        title=f"How much of the tokens is paired, at {count(float(params))} parameters and "
        f"{count(float(tokens))} tokens",
        reading="Points are runs, lines their means. A run that has some pairs reads the held-out items as "
        "these are organised; without any, as texts one after the other.",
        figure=figure,
        data=pd.DataFrame(rows),
    )


def repeated(found: Translation) -> bool:
    """Whether some run was repeated under another seed, so that the noise is known."""
    return any(bool(np.isfinite(each.low).any()) for each in found.effects)


def _colour(k: int) -> str:
    return SERIES[k % len(SERIES)]


def _dash(k: int) -> Any:
    return DASHES[k % len(DASHES)]


def effect_rows(found: Translation) -> list[dict[str, Any]]:
    """Rows of the table of effects: every group, organisation and size, at the most tokens."""
    rows = []
    for each in found.most_tokens:
        for group in found.fitted.groups:
            i = each.targets.index(group)
            rows.append(
                {
                    "group": NAMES[group],
                    "organisation": each.organisation,
                    "params": each.params,
                    "tokens": each.tokens,
                    "loss": each.loss[i],
                    "baseline_loss": each.baseline_loss[i],
                    "change": each.change[i],
                    "low": each.low[i],
                    "high": each.high[i],
                    "resolved": bool(each.resolved[i]),
                }
            )
    return rows


def law_rows(found: Translation) -> list[dict[str, Any]]:
    """Rows of the table of laws: every group and organisation."""
    table = found.fitted.coefficients()
    rows = table[table["target"].isin(list(found.fitted.groups))].to_dict("records")
    return [{str(k): v for k, v in row.items()} | {"group": NAMES[str(row["target"])]} for row in rows]
