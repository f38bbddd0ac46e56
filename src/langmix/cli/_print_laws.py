"""Tables of laws, those of every organisation of the data and the proportion law among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from rich.markup import escape

from langmix.cli import _print
from langmix.languages import label
from langmix.laws import HeldOutError, Laws, ProportionLaw, Status
from langmix.quantities import count
from langmix.transfer import OrganisationEffect, Translation

UNTOLD: Final = (
    "one law for all organisations predicts held-out runs no worse: these runs cannot tell the laws of "
    "organisations apart"
)

_STATUS: Final = {
    Status.CONVERGED: "ok",
    Status.BOUND_HIT: "at bound",
    Status.ILL_CONDITIONED: "prior",
    Status.NOT_CONVERGED: "not converged",
}


def laws_tables(laws: Laws) -> None:
    """The exponents of every language, the status of the fits, and the rivals on held-out runs."""
    exponents = laws.exponents()
    drawn = bool(exponents["E_low"].notna().any())
    table = _print.new_table(laws.formula + (", 90% intervals" if drawn else ""), "target")
    headings = {"alpha": "alpha (N)", "beta": "beta (D)", "E": "E"}
    shown = {name: heading for name, heading in headings.items() if name in exponents}
    for heading in shown.values():
        table.add_column(heading, justify="right")
    table.add_column("noise", justify="right")
    table.add_column("fit")
    for row, summary in zip(exponents.to_dict("records"), laws.summaries, strict=True):
        table.add_row(
            escape(label(summary.target)),
            *(_print.within(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in shown),
            f"{100 * summary.noise:.1f}%",
            _STATUS[summary.status],
        )
    _print.console.print(table)
    for summary in laws.summaries:
        if summary.at_bound or summary.unidentified or summary.fixed or summary.runs == 1:
            parts: list[str] = []
            if summary.runs == 1:
                parts.append("a single run, so the intervals hold the scatter of its checkpoints alone")
            if summary.fixed:
                parts.append(f"the runs cannot tell {', '.join(summary.fixed)}")
            if summary.at_bound:
                parts.append(f"at a bound: {', '.join(summary.at_bound)}")
            if summary.unidentified:
                parts.append(f"set by the prior, not by the runs: {', '.join(summary.unidentified)}")
            _print.console.print(f"  {escape(label(summary.target))}: {escape('; '.join(parts))}")
    if laws.held_out:
        _held_out_table(laws.held_out, laws.form)


def _held_out_table(errors: Sequence[HeldOutError], taken: str) -> None:
    table = _print.new_table("error on held-out runs (mean absolute, relative)", "law")
    splits = list(dict.fromkeys(e.split for e in errors))
    for split in splits:
        table.add_column(split, justify="right")
    for form in dict.fromkeys(e.form for e in errors):
        of = {e.split: e.error for e in errors if e.form == form}
        table.add_row(form + (" (taken)" if form == taken else ""), *(f"{100 * of[s]:.2f}%" for s in splits))
    _print.console.print(table)


def _effect(effect: OrganisationEffect, i: int) -> str:
    if math.isnan(effect.change[i]):
        return ""
    text = f"{100 * effect.change[i]:.1f}"
    if math.isnan(effect.low[i]):
        return text
    text += f" ±{50 * (effect.high[i] - effect.low[i]):.1f}"
    return text if effect.resolved[i] else f"({text})"


def translation_tables(found: Translation) -> None:
    """Effects on every group of directions, the laws of each organisation, and their rivals."""
    title = f"loss of the target against {found.effects[0].baseline}, % (± to 90%; negative: better)"
    table = _print.new_table(title, "organisation")
    for heading in ("params", "tokens", *found.fitted.groups):
        table.add_column(heading, justify="right")
    for each in found.most_tokens:
        cells = [_effect(each, each.targets.index(group)) for group in found.fitted.groups]
        table.add_row(escape(each.organisation), count(each.params), count(each.tokens), *cells)
    _print.console.print(table)
    _print.console.print("  alone: without a source; seen: directions paired in training; unseen: others;")
    repeated = any(np.isfinite(each.low).any() for each in found.effects)
    _print.console.print(
        "  in parentheses: not told from the noise between seeds, over all targets"
        if repeated
        else "  without intervals: no run was repeated under another seed, so the noise is unknown"
    )
    laws = found.fitted
    table = _print.new_table(laws.laws.formula + ", 90% intervals", "directions")
    for heading in ("alpha (N)", "beta (D)", "E"):
        table.add_column(heading, justify="right")
    rows = laws.coefficients()
    for row in rows[rows["target"].isin(list(laws.groups))].to_dict("records"):
        numbers = (_print.within(row[n], row[f"{n}_low"], row[f"{n}_high"]) for n in ("alpha", "beta", "E"))
        table.add_row(escape(f"{row['target']}, {row['organisation']}"), *numbers)
    _print.console.print(table)
    for summary in laws.laws.summaries:
        if summary.target in laws.groups and (summary.fixed or summary.at_bound):
            told = [f"the runs cannot tell {', '.join(summary.fixed)}"] if summary.fixed else []
            told += [f"at a bound: {', '.join(summary.at_bound)}"] if summary.at_bound else []
            _print.say(f"  {summary.target}: {'; '.join(told)}")
    if laws.held_out:
        _held_out_table(laws.held_out, laws.laws.form)
    if not laws.told:
        _print.warnings((UNTOLD,))


def proportion_tables(law: ProportionLaw) -> None:
    """The exponents of every language, the numbers that they share, and what the runs could not tell."""
    table = _print.new_table(f"{law.formula}, 90% intervals", "language")
    names = ("alpha_N", "alpha_D", "L_inf")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("fit")
    for row, summary in zip(law.exponents().to_dict("records"), law.summaries, strict=True):
        table.add_row(
            escape(label(row["language"])),
            *(_print.within(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in names),
            _STATUS[summary.status],
        )
    _print.console.print(table)
    for row in law.shared().to_dict("records"):
        _print.say(f"  {row['name']} {_print.within(row['value'], row['low'], row['high'])}")
    _print.say(
        f"  {_STATUS[law.status]}; {law.rows} checkpoints, typical error {100 * law.noise:.1f}%; "
        f"synergy: {law.synergy}"
    )
    _print.warnings(law.notes)
