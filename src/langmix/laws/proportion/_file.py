"""The file of a fitted proportion law: laws.json of a kind of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.errors import InputError
from langmix.laws._fit import Status
from langmix.laws._laws import Provenance, TargetSummary
from langmix.laws._reach import Reach
from langmix.laws.proportion._equation import Equation
from langmix.laws.proportion._law import ProportionLaw

Floats = NDArray[np.float64]

KIND: Final = "langmix proportion law"
SCHEMA_VERSION: Final = 1

_PER_LANGUAGE: Final = ("alpha_N", "alpha_D", "L_inf")
_SHARED: Final = ("A", "B", "gamma")


class _ProportionFile(BaseModel):
    """The content of the file. Fields are added, never renamed, within a schema version."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["langmix proportion law"] = KIND
    schema_version: int = SCHEMA_VERSION
    languages: tuple[str, ...]
    reference_params: float
    reference_tokens: float
    tau: list[list[float]]
    best: dict[str, Any]
    draws: dict[str, Any]
    summaries: tuple[TargetSummary, ...]
    status: Status
    at_bound: tuple[str, ...]
    synergy: Literal["measured", "given", "none"]
    unmeasured: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    rows: int
    noise: float
    reach: Reach
    provenance: Provenance


def write_proportion(law: ProportionLaw, path: str | os.PathLike[str]) -> None:
    """Write the law, complete or not at all."""
    numbers = (*_PER_LANGUAGE, *_SHARED)
    content = _ProportionFile(
        languages=law.languages,
        reference_params=law.best.reference_params,
        reference_tokens=law.best.reference_tokens,
        tau=law.best.tau.tolist(),
        best={name: getattr(law.best, name).tolist() for name in numbers},
        draws={name: getattr(law.draws, name).tolist() for name in numbers},
        summaries=law.summaries,
        status=law.status,
        at_bound=law.at_bound,
        synergy=law.synergy,
        unmeasured=law.unmeasured,
        notes=law.notes,
        rows=law.rows,
        noise=law.noise,
        reach=law.reach,
        provenance=law.provenance,
    )
    files.write_text(Path(path), content.model_dump_json(indent=1) + "\n")


def parse_proportion(text: str, path: Path) -> ProportionLaw:
    """The law of a file's text; ``path`` is for messages.

    Raises:
        InputError: not such a file, damaged, or written by a newer langmix.
    """
    files.check_schema(
        text, path, kind=KIND, newest=SCHEMA_VERSION, command="langmix fit RUNS --law proportion"
    )
    try:
        content = _ProportionFile.model_validate_json(text)
        best, draws = _equation(content, content.best), _equation(content, content.draws, draws=True)
    except (ValidationError, KeyError, ValueError) as error:
        remedy = "write it again with `langmix fit RUNS --law proportion`"
        raise InputError(files.validation_message(path, error, remedy=remedy)) from None
    return ProportionLaw(
        languages=content.languages,
        best=best,
        draws=draws,
        summaries=content.summaries,
        status=content.status,
        at_bound=content.at_bound,
        synergy=content.synergy,
        unmeasured=content.unmeasured,
        notes=content.notes,
        rows=content.rows,
        noise=content.noise,
        reach=content.reach,
        provenance=content.provenance,
    )


def _equation(content: _ProportionFile, numbers: dict[str, Any], *, draws: bool = False) -> Equation:
    """Checked: every number there, of its shape, finite, and none below 0 that cannot be."""
    count = len(content.languages)
    lead = (len(numbers.get("A", ())),) if draws else ()
    found = {
        name: _array(name, numbers, (*lead, count) if name in _PER_LANGUAGE else lead)
        for name in (*_PER_LANGUAGE, *_SHARED)
    }
    return Equation(
        **found,
        tau=_array("tau", {"tau": content.tau}, (count, count)),
        reference_params=content.reference_params,
        reference_tokens=content.reference_tokens,
    )


def _array(name: str, numbers: dict[str, Any], shape: tuple[int, ...]) -> Floats:
    if name not in numbers:
        raise ValueError(f"{name} is missing, which the proportion law has")
    array = np.array(numbers[name], dtype=float)
    if array.size == 0 and 0 in shape:  # no draws: an empty list has lost its shape
        return np.empty(shape)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}; expected {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a number that is not finite; expected finite numbers")
    if name not in ("gamma", "tau") and (array < 0).any():
        raise ValueError(f"{name} is {array.min():g}; expected numbers >= 0")
    return array
