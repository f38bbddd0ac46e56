"""The parts of the page, in the order in which people decide: the answer first, provenance last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from langmix._version import VERSION
from langmix.allocate import Allocation, AtBudget, Validation
from langmix.design import Plan
from langmix.languages import kind_of
from langmix.laws import Laws
from langmix.report._allocation import allocation_figure, answer_values
from langmix.report._drawing import Drawing
from langmix.report._evaluation import gains_figure, pass_rows
from langmix.report._held_out import error_rows, fitted_predictions, form_rows, predicted_measured
from langmix.report._matrices import synergy_map, synergy_values, transfer_map
from langmix.report._next import plan_values, unknown_rows
from langmix.report._prices import prices_figure
from langmix.report._scaling import exponents, scaling_curves
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of the page.

    Attributes:
        name: of its template in ``templates/sections`` and of its anchor.
        heading: what it is called.
        drawings: its figures, whose files stand beside the page.
        values: what its template shows, these figures too.
    """

    name: str
    heading: str
    drawings: tuple[Drawing, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def answer(allocations: Sequence[Allocation]) -> Section | None:
    """Tokens per language against other mixtures, with intervals, gains and prices."""
    drawings = [allocation_figure(a, name=f"allocation-{k}") for k, a in enumerate(allocations, 1)]
    answers = [
        {**answer_values(a), "figure": drawing} for a, drawing in zip(allocations, drawings, strict=True)
    ]
    return _section("answer", "The answer", drawings, answers=answers) if answers else None


def test(validations: Mapping[str, Validation]) -> Section | None:
    """Answers that were trained, beside uniform."""
    drawings = [
        validation_figure(each, name=f"validation-{k}" if k > 1 else "validation", objective=objective)
        for k, (objective, each) in enumerate(validations.items(), 1)
    ]
    tests = [(*item, drawing) for item, drawing in zip(validations.items(), drawings, strict=True)]
    return _section("test", "Put to the test", drawings, tests=tests) if tests else None


def evaluation(scores: pd.DataFrame | None) -> Section | None:
    """What the trained models can do, beside uniform."""
    if scores is None:
        return None
    drawing = gains_figure(scores)
    return _section(
        "evaluation",
        "What the trained models can do",
        [drawing],
        gains=drawing,
        passes=pass_rows(scores),
    )


def scaling(runs: RunTable, laws: Laws) -> Section:
    """Scaling curves and exponents."""
    curves, fitted = scaling_curves(laws, runs), exponents(laws)
    return _section(
        "scaling",
        "Scaling",
        [curves, fitted],
        curves=curves,
        exponents=fitted,
        rows=laws.exponents().to_dict("records"),
        at_bound={s.target: s.at_bound for s in laws.summaries},
        laws=laws,
    )


def synergy(synergies: Sequence[Synergy], laws: Laws) -> Section | None:
    """What languages do for each other."""
    maps = [synergy_map(found, name=f"synergy-{k}") for k, found in enumerate(synergies, 1)]
    transfer = transfer_map(laws)
    if not maps and transfer is None:
        return None
    found = [
        {**synergy_values(each), "figure": drawing} for each, drawing in zip(synergies, maps, strict=True)
    ]
    return _section(
        "synergy",
        f"What {kind_of(laws.languages)}s do for each other",
        [*maps, transfer],
        synergies=found,
        transfer=transfer,
    )


def prices(
    along: Sequence[Sequence[AtBudget]], allocations: Sequence[Allocation], laws: Laws
) -> Section | None:
    """Shares and prices along the budget."""
    drawings = [
        prices_figure(each, allocation, laws, name=f"prices-{k}")
        for k, (each, allocation) in enumerate(zip(along, allocations, strict=True), 1)
        if len(each) > 1
    ]
    return _section("prices", "Along the budget", drawings, figures=drawings) if drawings else None


def trust(runs: RunTable, laws: Laws, predictions: pd.DataFrame | None, notes: Sequence[str]) -> Section:
    """Predicted against measured losses, on runs that the fit did not see."""
    unseen = predictions is not None and len(predictions) > 0
    shown = predictions if predictions is not None and unseen else fitted_predictions(runs, laws)
    drawing = predicted_measured(shown)
    return _section(
        "trust",
        "How far to trust it",
        [drawing],
        notes=notes,
        figure_of_errors=drawing,
        forms=form_rows(laws.held_out),
        form=laws.form,
        targets=error_rows(shown, laws.targets) if unseen else None,
    )


def translation(found: Translation | None) -> Section | None:
    """Translation by direction and by organisation of the data."""
    if found is None:
        return None
    drawings = [group_bars(found), direction_maps(found), group_curves(found), part_paired(found)]
    return _section(
        "translation",
        "Translation, by how the data are organised",
        drawings,
        figures=[each for each in drawings if each is not None],
        translation=found,
        effects=effect_rows(found),
        forms=form_rows(found.fitted.held_out),
        laws=law_rows(found),
    )


def unknown(runs: RunTable, laws: Laws, planned: Plan | None, allocations: Sequence[Allocation]) -> Section:
    """What the runs cannot tell, and which runs would."""
    return _section(
        "unknown",
        "What the runs cannot tell, and which runs would",
        [],
        rows=unknown_rows(laws),
        plan=plan_values(planned, runs, allocations[0]) if planned is not None else None,
    )


def provenance(runs: RunTable, laws: Laws, allocations: Sequence[Allocation]) -> Section:
    """Where every number comes from."""
    return _section(
        "provenance",
        "Provenance",
        [],
        table=Path(laws.provenance.runs).name,
        origin=laws.provenance,
        trained=len(set(runs.run)),
        laws=laws,
        draws=len(laws.draws),
        allocations=allocations,
        version=VERSION,
    )


def _section(name: str, heading: str, drawings: Sequence[Drawing | None], **values: Any) -> Section:
    drawn = tuple(each for each in drawings if each is not None)
    return Section(name=name, heading=heading, drawings=drawn, values=values)


def present(sections: Sequence[Section | None]) -> Iterator[Section]:
    """Those that there is something to say in."""
    return (each for each in sections if each is not None)
