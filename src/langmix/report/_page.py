"""One self-contained page from the run table, its laws and its allocations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from langmix import files
from langmix.allocate import Allocation, Validation
from langmix.languages import label
from langmix.laws import HeldOutError, Laws, fitted_elsewhere
from langmix.quantities import count
from langmix.report._answers import allocation_figure, price_unit
from langmix.report._curves import exponents, predicted_measured, scaling_curves
from langmix.report._drawing import STYLE, Drawing
from langmix.report._evaluation import gains_figure, pass_rows
from langmix.report._matrices import synergy_map, transfer_map
from langmix.report._translation import (
    direction_maps,
    effect_rows,
    group_bars,
    group_curves,
    law_rows,
    part_paired,
)
from langmix.report._validation import validation_figure
from langmix.runs import RunTable
from langmix.transfer import Synergy, Translation


def write_page(
    runs: RunTable,
    laws: Laws,
    allocations: Sequence[Allocation],
    synergies: Sequence[Synergy],
    folder: Path,
    *,
    title: str,
    notes: Sequence[str],
    validations: Mapping[str, Validation],
    translation: Translation | None,
    scores: pd.DataFrame | None,
) -> Path:
    """Draw everything in memory, then write figures and, last, the page."""
    warnings = fitted_elsewhere(runs, laws)
    with matplotlib.rc_context(STYLE):  # texts take their style when they are made
        answers = [allocation_figure(a, name=f"allocation-{k}") for k, a in enumerate(allocations, 1)]
        synergy_maps = [synergy_map(found, name=f"synergy-{k}") for k, found in enumerate(synergies, 1)]
        curves, transfer = scaling_curves(runs, laws), transfer_map(laws)
        fit, residuals = exponents(laws), predicted_measured(runs, laws)
        translated = [] if translation is None else _translated(translation)
        tested = [
            validation_figure(each, name=f"validation-{k}" if k > 1 else "validation", objective=objective)
            for k, (objective, each) in enumerate(validations.items(), 1)
        ]
        evaluated = None if scores is None else gains_figure(scores)
    html = _template().render(
        title=title,
        at_bound={s.target: s.at_bound for s in laws.summaries},
        table=Path(laws.provenance.runs).name,
        notes=notes,
        warnings=warnings,
        answers=[_answer(a, _figure(d)) for a, d in zip(allocations, answers, strict=True)],
        curves=_figure(curves),
        exponents=_figure(fit),
        exponents_rows=laws.exponents().to_dict("records"),
        statuses=[s for s in laws.summaries if s.at_bound or s.unidentified],
        held_out=_held_out(laws.held_out),
        form=laws.form,
        synergies=[_figure(d) for d in synergy_maps],
        transfer=_figure(transfer),
        residuals=_figure(residuals),
        tests=[
            (objective, each, _figure(drawing))
            for (objective, each), drawing in zip(validations.items(), tested, strict=True)
        ],
        evaluated=_figure(evaluated),
        passes=[] if scores is None else pass_rows(scores),
        translation=translation,
        translated=[_figure(d) for d in translated],
        effects=effect_rows(translation) if translation else [],
        translation_held_out=_held_out(translation.fitted.held_out) if translation else None,
        translation_laws=law_rows(translation) if translation else [],
        runs=runs,
        laws=laws,
        trained=len(set(runs.run)),
    )
    for drawing in (
        *answers,
        curves,
        fit,
        *synergy_maps,
        transfer,
        residuals,
        *tested,
        evaluated,
        *translated,
    ):
        if drawing is not None:
            place = folder / "figures" / drawing.name
            files.write_text(place.with_suffix(".svg"), drawing.svg())
            files.write_bytes(place.with_suffix(".png"), drawing.png())
            files.write_text(place.with_suffix(".csv"), drawing.csv())
    page = folder / "index.html"
    files.write_text(page, html)
    return page


def _translated(found: Translation) -> list[Drawing]:
    drawn = (group_bars(found), direction_maps(found), group_curves(found), part_paired(found))
    return [each for each in drawn if each is not None]


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("langmix.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "label": label,
        "prose": _prose,
        "count": count,
        "percent": lambda value, digits=1: f"{100 * value:.{digits}f}%",
    }
    return environment.get_template("page.html.j2")


def _prose(text: str) -> Markup:
    """A sentence as HTML: escaped, `commands` as code, and languages with a percentage by their labels."""
    named = re.sub(r"\b([a-z]+)(?= [\d.e-]+%)", lambda match: label(match[1]), text)
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(named))))


def _figure(drawing: Drawing | None) -> dict[str, Any] | None:
    if drawing is None:
        return None
    return {
        "name": drawing.name,
        "title": drawing.title,
        "reading": drawing.reading,
        "svg": Markup(drawing.inline()),  # drawn by matplotlib, texts escaped there
    }


def _answer(allocation: Allocation, figure: dict[str, Any] | None) -> dict[str, Any]:
    uniform = allocation.against["uniform"]
    unit = price_unit(allocation)
    tokens = allocation.token_counts()
    return {
        "params": allocation.params,
        "tokens": allocation.tokens,
        "objective": allocation.objective.replace("_", " "),
        "what": _what(allocation),
        "gains": allocation.against,
        "warnings": allocation.warnings,
        "figure": figure,
        "rows": [
            {
                "language": name,
                "tokens": tokens[name],
                "share": share,
                "low": allocation.intervals[name][0],
                "high": allocation.intervals[name][1],
                "uniform": round(uniform.shares[name] * allocation.tokens),
                "price": allocation.prices[name] / unit,
                "price_uniform": uniform.prices[name] / unit,
            }
            for name, share in allocation.shares.items()
        ],
    }


def _what(allocation: Allocation) -> str:
    """What counts, where some targets do not."""
    weights = {name: weight for name, weight in allocation.weights.items() if weight > 0}
    if not weights or len(weights) == len(allocation.losses):
        return ""
    if len(weights) > 4:
        return f"for {len(weights)} of {len(allocation.losses)} targets"
    return f"for {', '.join(label(name) for name in weights)}"


def _held_out(errors: Sequence[HeldOutError]) -> dict[str, Any] | None:
    """Forms by splits; nothing where the form was given."""
    if not errors:
        return None
    table = pd.DataFrame([{"form": e.form, "split": e.split, "error": e.error} for e in errors]).pivot_table(
        index="form", columns="split", values="error", sort=False
    )
    return {
        "splits": list(table.columns),
        "rows": [(form, list(row)) for form, row in zip(table.index, table.to_numpy(), strict=True)],
    }
