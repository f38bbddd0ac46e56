"""The page: figures made from the run table and its laws, and one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from langmix.allocate import Allocation, Validation
from langmix.errors import MissingExtraError
from langmix.laws import Laws, fitted_elsewhere, refuse_proportion
from langmix.runs import RunTable
from langmix.transfer import Synergy, Translation


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

    Returns:
        The path of the page.

    Raises:
        InputError: the laws were fitted to other languages or targets than the run table has.
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    refuse_proportion(laws)
    try:
        from langmix.report._page import write_page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("matplotlib", "jinja2", "markupsafe"):
            raise
        raise MissingExtraError(extra="report", module=str(error.name), purpose="the report") from None
    return write_page(
        runs,
        laws,
        allocations,
        synergies,
        folder,
        title=title,
        notes=notes,
        validations=validations,
        translation=translation,
        scores=scores,
    )


__all__ = ["build_report", "fitted_elsewhere"]
