"""The page: figures made from the run table and its laws, and one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from langmix.allocate import Allocation, AtBudget, Validation
from langmix.design import Plan
from langmix.errors import InputError
from langmix.languages import kind_of
from langmix.laws import Laws, fitted_elsewhere, refuse_proportion
from langmix.quantities import count
from langmix.report._extra import needs_extra
from langmix.report._next import next_runs
from langmix.runs import RunTable
from langmix.transfer import Synergy, Translation

if TYPE_CHECKING:
    import pandas as pd


def build_report(
    runs: RunTable,
    laws: Laws,
    allocations: Sequence[Allocation],
    synergies: Sequence[Synergy],
    folder: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    validations: Mapping[str, Validation] = MappingProxyType({}),
    translation: Translation | None = None,
    scores: pd.DataFrame | None = None,
    along: Sequence[Sequence[AtBudget]] | None = None,
    held_out: pd.DataFrame | None = None,
    next_runs: Plan | None = None,
) -> Path:
    """Write ``index.html`` and ``figures/`` (SVG, PNG, CSV) in a folder.

    Args:
        runs: what the laws were fitted to; of another table with its columns, the page warns.
        laws: fitted.
        allocations: answers, the most important first.
        synergies: of the pairs that were trained, one per scale; may be empty.
        folder: written to.
        title: of the page.
        notes: caveats that the page carries.
        validations: of answers by further runs, if there are any, by objective.
        translation: what organisations of the data do to translation, if the runs tell.
        scores: what models of these runs can do, as in ``evaluation.csv`` of a study.
        along: of each allocation, the answer at other budgets; by default solved for.
        held_out: what `langmix.laws.held_out_predictions` gives; without it the page shows the runs that were
            fitted, and says so.
        next_runs: a plan of runs that would tell more about the first answer.

    Returns:
        The path of the page.

    Raises:
        InputError: the laws were fitted to other languages or targets than the run table has, or an answer
            is of other languages.
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    refuse_proportion(laws)
    warnings = (*fitted_elsewhere(runs, laws), *_solved_elsewhere(allocations, laws))
    with needs_extra("the report"):
        import matplotlib

        from langmix.report import _sections as part
        from langmix.report._drawing import STYLE
        from langmix.report._page import write_page
        from langmix.report._prices import along_budget
    if along is None:
        along = [along_budget(laws, each) for each in allocations]
    with matplotlib.rc_context(STYLE):  # texts take their style when they are made
        sections = part.present(
            [
                part.answer(allocations),
                part.test(validations),
                part.evaluation(scores),
                part.scaling(runs, laws),
                part.synergy(synergies, laws),
                part.prices(along, allocations, laws),
                part.trust(runs, laws, held_out, notes),
                part.translation(translation),
                part.unknown(runs, laws, next_runs, allocations),
                part.provenance(runs, laws, allocations),
            ]
        )
        return write_page(list(sections), folder, title=title, lede=_lede(runs, laws), warnings=warnings)


def _solved_elsewhere(allocations: Sequence[Allocation], laws: Laws) -> Iterator[str]:
    """A warning per answer of other laws; those of other languages cannot be shown together."""
    for k, each in enumerate(allocations, 1):
        if set(each.shares) != set(laws.languages):
            raise InputError(
                f"answer {k}: is a mixture of {', '.join(each.shares)}; the laws are of "
                f"{', '.join(laws.languages)}; solve for it again with `langmix allocate` and these laws"
            )
        if each.runs_sha256 != laws.provenance.runs_sha256:
            yield (
                f"answer {k} was solved for with laws of another run table; it may disagree with what is "
                "shown of these; solve for it again with `langmix allocate`"
            )


def _lede(runs: RunTable, laws: Laws) -> str:
    (small, large), (few, many) = laws.reach.params, laws.reach.tokens
    return (
        f"How many tokens of each {kind_of(laws.languages)} to train on, from {len(set(runs.run))} measured "
        f"runs ({len(runs)} checkpoints, {count(small)} to {count(large)} parameters, "
        f"{count(few)} to {count(many)} tokens)."
    )


__all__ = ["build_report", "fitted_elsewhere", "next_runs"]
