"""What verbs print: tables that fit 80 columns, warnings, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from langmix.allocate import Addition, Allocation, ComputeOptimal, Interval
from langmix.corpus import Corpus
from langmix.errors import LangmixError
from langmix.export import TRAINERS, Export
from langmix.languages import kind_of, label, short_label
from langmix.laws import HeldOutError, Laws, ProportionLaw, Status
from langmix.quantities import count
from langmix.transfer import OrganisationEffect, PredictedSynergy, Synergy, TokenWorth, Translation

console = Console(highlight=False)
stderr = Console(highlight=False, stderr=True, soft_wrap=True)

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


def as_json(content: Any) -> None:
    """Print JSON; numbers that JSON does not have (NaN, infinity) become null."""
    print(json.dumps(_plain(content), indent=1))


def say(text: str) -> None:
    """A plain line."""
    console.print(escape(text), soft_wrap=True)


@contextmanager
def progress(*, hidden: bool) -> Iterator[Progress]:
    """Bars with time spent and time left, on stderr, so that stdout holds results alone.

    An error takes them away: it is then the one message on stderr.
    """
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=hidden,
    )
    with bars:
        try:
            yield bars
        except LangmixError:
            bars.live.transient = True
            bars.live.stop()
            bars.disable = True  # or its own stop would add an empty line
            raise


def saved(what: str, path: object) -> None:
    """Say where a file went."""
    console.print(f"{what}: [bold]{escape(str(path))}[/]", soft_wrap=True)


def warnings(sentences: tuple[str, ...], *, console: Console = console) -> None:
    """Print warnings so that they are not overlooked."""
    for sentence in sentences:
        console.print(f"[yellow]warning:[/] {escape(sentence)}")


def laws_tables(laws: Laws) -> None:
    """The exponents of every language, the status of the fits, and the rivals on held-out runs."""
    exponents = laws.exponents()
    drawn = bool(exponents["E_low"].notna().any())
    table = new_table(laws.formula + (", 90% intervals" if drawn else ""), "target")
    headings = {"alpha": "alpha (N)", "beta": "beta (D)", "E": "E"}
    shown = {name: heading for name, heading in headings.items() if name in exponents}
    for heading in shown.values():
        table.add_column(heading, justify="right")
    table.add_column("noise", justify="right")
    table.add_column("fit")
    for row, summary in zip(exponents.to_dict("records"), laws.summaries, strict=True):
        table.add_row(
            escape(label(summary.target)),
            *(within(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in shown),
            f"{100 * summary.noise:.1f}%",
            _STATUS[summary.status],
        )
    console.print(table)
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
            console.print(f"  {escape(label(summary.target))}: {escape('; '.join(parts))}")
    if laws.held_out:
        _held_out_table(laws.held_out, laws.form)


def _held_out_table(errors: Sequence[HeldOutError], taken: str) -> None:
    table = new_table("error on held-out runs (mean absolute, relative)", "law")
    splits = list(dict.fromkeys(e.split for e in errors))
    for split in splits:
        table.add_column(split, justify="right")
    for form in dict.fromkeys(e.form for e in errors):
        of = {e.split: e.error for e in errors if e.form == form}
        table.add_row(form + (" (taken)" if form == taken else ""), *(f"{100 * of[s]:.2f}%" for s in splits))
    console.print(table)


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
    table = new_table(title, "organisation")
    for heading in ("params", "tokens", *found.fitted.groups):
        table.add_column(heading, justify="right")
    for each in found.most_tokens:
        cells = [_effect(each, each.targets.index(group)) for group in found.fitted.groups]
        table.add_row(escape(each.organisation), count(each.params), count(each.tokens), *cells)
    console.print(table)
    console.print("  alone: without a source; seen: directions paired in training; unseen: others;")
    repeated = any(np.isfinite(each.low).any() for each in found.effects)
    console.print(
        "  in parentheses: not told from the noise between seeds, over all targets"
        if repeated
        else "  without intervals: no run was repeated under another seed, so the noise is unknown"
    )
    laws = found.fitted
    table = new_table(laws.laws.formula + ", 90% intervals", "directions")
    for heading in ("alpha (N)", "beta (D)", "E"):
        table.add_column(heading, justify="right")
    rows = laws.coefficients()
    for row in rows[rows["target"].isin(list(laws.groups))].to_dict("records"):
        numbers = (within(row[n], row[f"{n}_low"], row[f"{n}_high"]) for n in ("alpha", "beta", "E"))
        table.add_row(escape(f"{row['target']}, {row['organisation']}"), *numbers)
    console.print(table)
    for summary in laws.laws.summaries:
        if summary.target in laws.groups and (summary.fixed or summary.at_bound):
            told = [f"the runs cannot tell {', '.join(summary.fixed)}"] if summary.fixed else []
            told += [f"at a bound: {', '.join(summary.at_bound)}"] if summary.at_bound else []
            say(f"  {summary.target}: {'; '.join(told)}")
    if laws.held_out:
        _held_out_table(laws.held_out, laws.laws.form)
    if not laws.told:
        warnings((UNTOLD,))


def proportion_tables(law: ProportionLaw) -> None:
    """The exponents of every language, the numbers that they share, and what the runs could not tell."""
    table = new_table(f"{law.formula}, 90% intervals", "language")
    names = ("alpha_N", "alpha_D", "L_inf")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("fit")
    for row, summary in zip(law.exponents().to_dict("records"), law.summaries, strict=True):
        table.add_row(
            escape(label(row["language"])),
            *(within(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in names),
            _STATUS[summary.status],
        )
    console.print(table)
    for row in law.shared().to_dict("records"):
        say(f"  {row['name']} {within(row['value'], row['low'], row['high'])}")
    say(
        f"  {_STATUS[law.status]}; {law.rows} checkpoints, typical error {100 * law.noise:.1f}%; "
        f"synergy: {law.synergy}"
    )
    warnings(law.notes)


def allocation_table(allocation: Allocation) -> None:
    """Tokens per language with intervals, the gain against uniform, prices, warnings."""
    title = (
        f"{count(allocation.params)} parameters, {count(allocation.tokens)} tokens "
        f"({allocation.objective.replace('_', ' ')}"
        f"{f', {allocation.robust} over the bootstrap laws' if allocation.robust else ''})"
    )
    table = new_table(title, kind_of(allocation.shares))
    for heading in ("tokens", "share", "90% interval", "price", "at uniform"):
        table.add_column(heading, justify="right")
    uniform = allocation.against["uniform"]
    unit = allocation.price_unit
    for name, tokens in allocation.token_counts().items():
        low, high = allocation.intervals[name]
        table.add_row(
            escape(label(name)),
            count(tokens),
            f"{100 * allocation.shares[name]:.1f}%",
            "unknown" if math.isnan(low) else f"{100 * low:.1f} - {100 * high:.1f}%",
            f"{allocation.prices[name] / unit:.2f}",
            f"{uniform.prices[name] / unit:.2f}",
        )
    console.print(table)
    console.print(f"  price: fall of the objective per extra token; 1 = {unit:.2g} per 1% of the budget")
    for name, other in allocation.against.items():
        gain = other.gain
        console.print(
            f"  gain over {escape(name)}: {verdict(gain.value, gain.low, gain.high, other.probability)}"
        )
    warnings(allocation.warnings)


def export_table(made: Export) -> None:
    """On stderr, since stdout may be the file: weight, tokens, samples and epochs of every language."""
    table = new_table(f"{made.trainer}: weights count {made.unit}", "language")
    for heading in ("weight", "tokens", "of all", "samples", "epochs"):
        table.add_column(heading, justify="right")
    total = sum(one.tokens for one in made.languages)
    for one in made.languages:
        table.add_row(
            escape(label(one.language)),
            f"{one.weight:.6f}" if one.weight else "left out",
            count(one.tokens),
            f"{100 * one.tokens / total:.2f}%",
            "" if one.samples is None else count(one.samples),
            "" if one.epochs is None else f"{one.epochs:.2f}",
        )
    Console(stderr=True, highlight=False).print(table)


def trainers_table() -> None:
    """Every trainer, what one draw of it takes, and what is written."""
    table = new_table("langmix export MIXTURE TRAINER", "trainer")
    table.add_column("weights count")
    table.add_column("writes")
    for name, trainer in TRAINERS.items():
        table.add_row(name, " or ".join(trainer.units), escape(trainer.description))
    console.print(table)


def compute_table(found: ComputeOptimal) -> None:
    """The best parameters and tokens for a budget of compute, with intervals and warnings."""
    served = f", {count(found.inference_tokens)} tokens served" if found.inference_tokens else ""
    table = new_table(f"best for {found.flops:.3g} FLOPs{served}", "")
    for heading in ("best", "90% interval"):
        table.add_column(heading, justify="right")
    for name, one in (
        ("parameters", found.params),
        ("training tokens", found.tokens),
        ("tokens per parameter", found.tokens_per_parameter),
    ):
        known = "unknown" if math.isnan(one.low) else f"{count(one.low)} - {count(one.high)}"
        table.add_row(name, count(one.value), known)
    console.print(table)
    warnings(found.warnings)


def addition_table(found: Addition) -> None:
    """Shares before and after, what the language gains and the others lose, and the price in disturbance."""
    allocation = found.allocation
    title = (
        f"{label(found.language)} added: {count(found.remaining)} tokens after {count(found.trained)}, "
        f"{100 * found.disturbance:.3g}% of them moved"
    )
    table = new_table(title, "language")
    for heading in ("share before", "remaining", "tokens", "of all", "loss, against going on"):
        table.add_column(heading, justify="right")
    before = allocation.against["current"].shares
    for name, tokens in allocation.token_counts().items():
        change = found.changes.get(name)
        table.add_row(
            escape(label(name)),
            f"{100 * before[name]:.1f}%",
            f"{100 * allocation.shares[name]:.1f}%",
            count(tokens),
            f"{100 * found.total_shares[name]:.1f}%",
            f"{found.loss.value:.4g} nats" if change is None and name == found.language else _change(change),
        )
    console.print(table)
    reached = "" if math.isnan(found.reached) else f", reached with probability {found.reached:.2f}"
    console.print(
        f"  loss of {escape(label(found.language))} at the end: {_of(found.loss)} nats per token{reached}"
    )
    curve = new_table("what more disturbance would gain, under the same limits", "moved")
    for heading in (f"share of {label(found.language)}", "its loss", "90% interval", "worst other"):
        curve.add_column(escape(heading), justify="right")
    for point in found.curve:
        curve.add_row(
            f"{100 * point.disturbance:.1f}%",
            f"{100 * point.share:.1f}%",
            f"{point.loss.value:.4g}",
            "unknown" if math.isnan(point.loss.low) else f"{point.loss.low:.4g} - {point.loss.high:.4g}",
            "" if math.isnan(point.worst_change) else f"{100 * point.worst_change:+.2f}%",
        )
    console.print(curve)
    warnings(allocation.warnings)


def _of(one: Interval) -> str:
    return f"{one.value:.4g}" + ("" if math.isnan(one.low) else f" ({one.low:.4g} to {one.high:.4g})")


def _change(change: Interval | None) -> str:
    return "" if change is None else f"{100 * change.value:+.2f}%"


def verdict(gain: float, low: float, high: float, probability: float) -> str:
    """The gain in words: how much, how sure, and whether it is distinguishable from nothing."""
    if math.isnan(gain):
        return "unknown: it leaves out every target that counts"
    if math.isnan(low):
        return f"{100 * gain:.2f}%, how sure is unknown"
    text = (
        f"{100 * gain:.2f}% ({100 * low:.2f} to {100 * high:.2f}%), better with probability {probability:.2f}"
    )
    return text if low > 0 else f"{text}: within noise" if high >= 0 else f"{text}: it costs that much"


def synergy_table(found: Synergy) -> None:
    """The synergy matrix, in percent; unresolved cells in parentheses."""
    title = f"synergy gain in %, {count(found.params)} parameters, {count(found.tokens)} tokens"
    table = new_table(title, "target")
    for name in found.languages:
        table.add_column(escape(short_label(name)), justify="right", overflow="fold")
    for i, name in enumerate(found.languages):
        cells = []
        for j in range(len(found.languages)):
            gain = 100 * found.gain[i, j]
            text = "" if math.isnan(gain) else f"{gain:.1f}"
            cells.append(text if i == j or not text or found.resolved[i, j] else f"({text})")
        table.add_row(escape(label(name)), *cells)
    console.print(table)
    if found.degrees_of_freedom.any():
        console.print("  in parentheses: not distinguishable from seed noise (false discovery rate 10%)")
    else:
        console.print("  in parentheses: no run was repeated under another seed, so the noise is unknown")


def worth_table(found: TokenWorth) -> None:
    """TokenWorth of other languages' tokens and of a second pass (the diagonal)."""
    half = count(found.tokens / 2)
    title = (
        f"what {half} tokens are worth on top of {half} of the target, in fresh tokens of it, "
        f"{count(found.params)} parameters"
    )
    table = new_table(title, "target")
    for name in found.languages:
        table.add_column(escape(short_label(name)), justify="right", overflow="fold")
    for i, name in enumerate(found.languages):
        cells, spread = [], []
        for j in range(len(found.languages)):
            of, at = (found.second_pass, (i,)) if i == j else (found.auxiliary, (i, j))
            known = not math.isnan(of.value[at])
            cells.append(f"{of.value[at]:.2f}" if known else "")
            low, high = of.low[at], of.high[at]
            told = known and not math.isnan(low)
            spread.append("" if not told else f"{low:.1f}-{high:.1f}" if low > 0 else f"<{high:.1f}")
        table.add_row(escape(short_label(name)), *cells)
        table.add_row("", *spread)
    console.print(table)
    console.print("  diagonal: a second pass over the target itself; below: 90% intervals")


def predicted_synergy_table(found: PredictedSynergy) -> None:
    """Gains at a target scale, and from how many passes on the other language is the better choice."""
    title = (
        f"predicted synergy gain in %, {count(found.params)} parameters, {count(found.tokens)} tokens, "
        f"{found.passes:g} passes"
    )
    table = new_table(title, "target")
    for name in found.languages:
        table.add_column(escape(short_label(name)), justify="right", overflow="fold")
    for i, name in enumerate(found.languages):
        gains, turns = [], []
        for j in range(len(found.languages)):
            low, high = found.gain.low[i, j], found.gain.high[i, j]
            text = f"{100 * found.gain.value[i, j]:.2f}"
            gains.append(f"({text})" if low <= 0 <= high and i != j else text)
            turn = found.turn.value[i, j]
            turns.append("" if i == j else "never" if math.isinf(turn) else f"{turn:.3g}x")
        table.add_row(escape(short_label(name)), *gains)
        table.add_row("", *turns)
    console.print(table)
    console.print("  in parentheses: the 90% interval holds 0; below: the passes over the target's")
    console.print("  tokens from which on the other language gains (never: not within 64)")


def corpus_table(built: Corpus) -> None:
    """Tokens of every language, the files left out by reason, and what is held out."""
    table = new_table(f"{built.vocab_size} tokens in the vocabulary", "language")
    for heading in ("training", "validation", "bytes/token", "files"):
        table.add_column(heading, justify="right")
    table.add_column("left out")
    for name, card in built.card.languages.items():
        left_out = (f"{n} {reason}" for reason, n in card.files.items() if reason != "kept")
        table.add_row(
            escape(label(name)),
            count(card.train_tokens),
            count(card.validation_tokens),
            "unknown" if card.bytes_per_token is None else f"{card.bytes_per_token:.2f}",
            str(card.files.get("kept", 0)),
            ", ".join(left_out),
        )
    console.print(table)


def new_table(title: str, first: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", padding=(0, 1))
    table.add_column(first, overflow="fold")
    return table


def within(value: float, low: float, high: float, *, digits: int = 2) -> str:
    """A number with its interval, where there is one; nothing for a number that the runs cannot tell."""
    if math.isnan(value):
        return ""
    if math.isnan(low):
        return f"{value:.{digits}f}"
    dash = "-" if low >= 0 else " to "
    return f"{value:.{digits}f} ({low:.{digits}f}{dash}{high:.{digits}f})"


def _plain(content: Any) -> Any:
    if isinstance(content, pd.DataFrame):
        return [_plain(row) for row in content.to_dict(orient="records")]
    if isinstance(content, dict):
        return {str(k): _plain(v) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(v) for v in content]
    if hasattr(content, "tolist"):
        return _plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
