"""Tables of what was measured of models: losses, translation, pass@k."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.markup import escape

from langmix.cli import _print
from langmix.evaluate import Bleu, LanguageLoss, TargetLoss, Translated
from langmix.evaluate.execution import Judged, PassAtK
from langmix.languages import label
from langmix.quantities import count


def losses_table(found: Sequence[LanguageLoss]) -> None:
    """Losses of a checkpoint."""
    table = _print.new_table("loss on held-out text", "language")
    for heading in ("nats per token", "bits per byte"):
        table.add_column(heading, justify="right")
    for one in found:
        bits = "unknown" if math.isnan(one.bits_per_byte) else f"{one.bits_per_byte:.4f}"
        table.add_row(escape(label(one.language)), f"{one.nats_per_token:.4f}", bits)
    _print.console.print(table)


def translation_table(found: Sequence[TargetLoss], scored: Sequence[Translated]) -> None:
    """Losses of every direction, and BLEU where it was measured."""
    scores = {one.target: one.bleu for one in scored}
    table = _print.new_table("loss of the target given its source, nats per token", "direction")
    for heading in ("", "loss (90%)", *(["BLEU (90%)"] if scored else [])):
        table.add_column(heading, justify="right" if heading else "left")
    for one in found:
        row = [one.kind, _print.within(one.nats_per_token, one.low, one.high, digits=3)]
        if scored:
            bleu = scores.get(one.target)
            row.append(_print.within(bleu.score, bleu.low, bleu.high, digits=1) if bleu else "")
        table.add_row(escape(label(one.target)), *row)
    _print.console.print(table)
    items = sorted({one.items for one in found})
    many = str(items[0]) if len(items) == 1 else f"{items[0]} to {items[-1]}"
    tokens = count(sum(one.tokens for one in found))
    _print.console.print(f"  {many} items of each, {tokens} tokens of targets; intervals over items")
    for signature in dict.fromkeys(bleu.signature for bleu in scores.values()):
        _print.console.print(f"  BLEU: {escape(signature)}", soft_wrap=True)


def continuations_table(found: Mapping[str, Bleu]) -> None:
    """BLEU of continuations in every language."""
    table = _print.new_table("BLEU of continuations of held-out text", "language")
    for heading in ("BLEU (90%)", "documents"):
        table.add_column(heading, justify="right")
    for name, one in found.items():
        table.add_row(
            escape(label(name)), _print.within(one.score, one.low, one.high, digits=2), str(one.items)
        )
    _print.console.print(table)
    for one in found.values():
        _print.console.print(f"  BLEU: {escape(one.signature)}", soft_wrap=True)


def statuses(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """How many programs of each language ended in which way."""
    found: dict[str, dict[str, int]] = {}
    for each in judged:
        of = found.setdefault(each.language, {})
        of[each.status.value] = of.get(each.status.value, 0) + 1
    return found


def pass_table(
    found: Mapping[str, Sequence[PassAtK]], judged: Sequence[Judged], versions: Mapping[str, str]
) -> None:
    """pass@k of every language, and how its programs ended."""
    ended = statuses(judged)
    table = _print.new_table("pass@k, % (90% over problems)", "language")
    for one in next(iter(found.values()), ()):
        table.add_column(f"pass@{one.k}", justify="right")
    for heading in ("problems", "samples"):
        table.add_column(heading, justify="right")
    table.add_column("not passed")
    for name, each in found.items():
        cells = [_print.within(100 * one.value, 100 * one.low, 100 * one.high, digits=1) for one in each]
        others = ", ".join(f"{n} {what}" for what, n in ended[name].items() if what != "passed")
        table.add_row(escape(label(name)), *cells, str(each[0].problems), str(each[0].samples), others)
    _print.console.print(table)
    for name, version in versions.items():
        _print.console.print(f"  {label(name)}: {escape(version)}")
