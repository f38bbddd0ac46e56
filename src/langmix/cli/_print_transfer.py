"""Tables of what languages are worth to one another, target by other language."""

from __future__ import annotations

import math

from rich.markup import escape

from langmix.cli import _print
from langmix.languages import label, short_label
from langmix.quantities import count
from langmix.transfer import PredictedSynergy, Synergy, TokenWorth


def synergy_table(found: Synergy) -> None:
    """The synergy matrix, in percent; unresolved cells in parentheses."""
    title = f"synergy gain in %, {count(found.params)} parameters, {count(found.tokens)} tokens"
    table = _print.new_table(title, "target")
    for name in found.languages:
        table.add_column(escape(short_label(name)), justify="right", overflow="fold")
    for i, name in enumerate(found.languages):
        cells = []
        for j in range(len(found.languages)):
            gain = 100 * found.gain[i, j]
            text = "" if math.isnan(gain) else f"{gain:.1f}"
            cells.append(text if i == j or not text or found.resolved[i, j] else f"({text})")
        table.add_row(escape(label(name)), *cells)
    _print.console.print(table)
    if found.degrees_of_freedom.any():
        _print.console.print(
            "  in parentheses: not distinguishable from seed noise (false discovery rate 10%)"
        )
    else:
        _print.console.print(
            "  in parentheses: no run was repeated under another seed, so the noise is unknown"
        )


def worth_table(found: TokenWorth) -> None:
    """TokenWorth of other languages' tokens and of a second pass (the diagonal)."""
    half = count(found.tokens / 2)
    title = (
        f"what {half} tokens are worth on top of {half} of the target, in fresh tokens of it, "
        f"{count(found.params)} parameters"
    )
    table = _print.new_table(title, "target")
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
    _print.console.print(table)
    _print.console.print("  diagonal: a second pass over the target itself; below: 90% intervals")


def predicted_synergy_table(found: PredictedSynergy) -> None:
    """Gains at a target scale, and from how many passes on the other language is the better choice."""
    title = (
        f"predicted synergy gain in %, {count(found.params)} parameters, {count(found.tokens)} tokens, "
        f"{found.passes:g} passes"
    )
    table = _print.new_table(title, "target")
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
    _print.console.print(table)
    _print.console.print("  in parentheses: the 90% interval holds 0; below: the passes over the target's")
    _print.console.print("  tokens from which on the other language gains (never: not within 64)")
