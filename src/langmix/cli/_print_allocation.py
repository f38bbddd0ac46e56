"""Tables of mixtures: allocated, under a budget of compute, with a language added, as trainers read them."""

from __future__ import annotations

import math

from rich.console import Console
from rich.markup import escape

from langmix.allocate import Addition, Allocation, ComputeOptimal, Interval
from langmix.cli import _print
from langmix.export import TRAINERS, Export
from langmix.languages import kind_of, label
from langmix.quantities import count


def allocation_table(allocation: Allocation) -> None:
    """Tokens per language with intervals, the gain against uniform, prices, _print.warnings."""
    title = (
        f"{count(allocation.params)} parameters, {count(allocation.tokens)} tokens "
        f"({allocation.objective.replace('_', ' ')}"
        f"{f', {allocation.robust} over the bootstrap laws' if allocation.robust else ''})"
    )
    table = _print.new_table(title, kind_of(allocation.shares))
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
    _print.console.print(table)
    _print.console.print(
        f"  price: fall of the objective per extra token; 1 = {unit:.2g} per 1% of the budget"
    )
    for name, other in allocation.against.items():
        gain = other.gain
        _print.console.print(
            f"  gain over {escape(name)}: {verdict(gain.value, gain.low, gain.high, other.probability)}"
        )
    _print.warnings(allocation.warnings)


def export_table(made: Export) -> None:
    """On stderr, since stdout may be the file: weight, tokens, samples and epochs of every language."""
    table = _print.new_table(f"{made.trainer}: weights count {made.unit}", "language")
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
    table = _print.new_table("langmix export MIXTURE TRAINER", "trainer")
    table.add_column("weights count")
    table.add_column("writes")
    for name, trainer in TRAINERS.items():
        table.add_row(name, " or ".join(trainer.units), escape(trainer.description))
    _print.console.print(table)


def compute_table(found: ComputeOptimal) -> None:
    """The best parameters and tokens for a budget of compute, with intervals and _print.warnings."""
    served = f", {count(found.inference_tokens)} tokens served" if found.inference_tokens else ""
    table = _print.new_table(f"best for {found.flops:.3g} FLOPs{served}", "")
    for heading in ("best", "90% interval"):
        table.add_column(heading, justify="right")
    for name, one in (
        ("parameters", found.params),
        ("training tokens", found.tokens),
        ("tokens per parameter", found.tokens_per_parameter),
    ):
        known = "unknown" if math.isnan(one.low) else f"{count(one.low)} - {count(one.high)}"
        table.add_row(name, count(one.value), known)
    _print.console.print(table)
    _print.warnings(found.warnings)


def addition_table(found: Addition) -> None:
    """Shares before and after, what the language gains and the others lose, and the price in disturbance."""
    allocation = found.allocation
    title = (
        f"{label(found.language)} added: {count(found.remaining)} tokens after {count(found.trained)}, "
        f"{100 * found.disturbance:.3g}% of them moved"
    )
    table = _print.new_table(title, "language")
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
    _print.console.print(table)
    reached = "" if math.isnan(found.reached) else f", reached with probability {found.reached:.2f}"
    _print.console.print(
        f"  loss of {escape(label(found.language))} at the end: {_of(found.loss)} nats per token{reached}"
    )
    curve = _print.new_table("what more disturbance would gain, under the same limits", "moved")
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
    _print.console.print(curve)
    _print.warnings(allocation.warnings)


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
