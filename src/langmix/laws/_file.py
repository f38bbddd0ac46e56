"""laws.json: a versioned file of fitted laws."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from langmix import files
from langmix.errors import InputError
from langmix.laws._coefficients import Coefficients
from langmix.laws._laws import HeldOutError, Laws, Provenance, TargetSummary
from langmix.laws._reach import Reach
from langmix.laws.forms import FORMS, Scope
from langmix.laws.proportion import ProportionLaw
from langmix.laws.proportion._file import KIND, parse_proportion, write_proportion

SCHEMA_VERSION: Final = 2


class _LawsFile(BaseModel):
    """The content of laws.json. Fields are added, never renamed, within a schema version."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["langmix laws"] = "langmix laws"
    schema_version: int = SCHEMA_VERSION
    form: str
    languages: tuple[str, ...]
    targets: tuple[str, ...]
    own: list[int]
    reference_params: float
    reference_tokens: float
    best: dict[str, Any]
    draws: dict[str, Any]
    summaries: tuple[TargetSummary, ...]
    reach: Reach
    held_out: tuple[HeldOutError, ...]
    bytes_per_token: dict[str, float]
    provenance: Provenance


def write_laws(laws: Laws | ProportionLaw, path: str | os.PathLike[str]) -> None:
    """Write ``laws.json``, complete or not at all; the proportion law as a kind of its own."""
    if isinstance(laws, ProportionLaw):
        write_proportion(laws, path)
        return
    if laws.form not in FORMS:
        raise InputError(
            f"laws of the form {laws.form!r} are of organisations, and no laws.json holds them; "
            "`langmix translation RUNS --json` prints them"
        )
    content = _LawsFile(
        form=laws.form,
        languages=laws.languages,
        targets=laws.targets,
        own=laws.best.own.tolist(),
        reference_params=laws.best.reference_params,
        reference_tokens=laws.best.reference_tokens,
        best={name: value.tolist() for name, value in laws.best.values.items()},
        draws={name: _rounded(value) for name, value in laws.draws.values.items()},
        summaries=laws.summaries,
        reach=laws.reach,
        held_out=laws.held_out,
        bytes_per_token=dict(laws.bytes_per_token),
        provenance=laws.provenance,
    )
    files.write_text(Path(path), content.model_dump_json(indent=1) + "\n")


def read_laws(path: str | os.PathLike[str]) -> Laws:
    """Read ``laws.json``.

    Raises:
        InputError: no such file, not a laws file, damaged, or written by a newer langmix; or the proportion
            law, which has no losses of languages (`read_any_laws` reads it).
    """
    laws = read_any_laws(path)
    if isinstance(laws, ProportionLaw):
        raise InputError(f"{path}: {laws.refusal()}")
    return laws


def read_any_laws(path: str | os.PathLike[str]) -> Laws | ProportionLaw:
    """Read ``laws.json`` of either kind.

    Raises:
        InputError: no such file, not a laws file, damaged, or written by a newer langmix.
    """
    path = Path(path)
    text = files.read_text(path, what="a laws.json that `langmix fit` wrote")
    if files.kind_of(text) == KIND:
        return parse_proportion(text, path)
    files.check_schema(text, path, kind="langmix laws", newest=SCHEMA_VERSION, command="langmix fit")
    try:
        content = TypeAdapter(_LawsFile).validate_json(text)
        best = _coefficients(content, content.best, draws=False)
        draws = _coefficients(content, content.draws, draws=True)
        if [each.target for each in content.summaries] != list(content.targets):
            raise ValueError("summaries are not those of the targets, in their order")
    except (ValidationError, KeyError, ValueError) as error:
        raise InputError(
            files.validation_message(path, error, remedy="write it again with `langmix fit`")
        ) from None
    return Laws(
        form=content.form,
        languages=content.languages,
        targets=content.targets,
        best=best,
        draws=draws,
        summaries=content.summaries,
        reach=content.reach,
        held_out=content.held_out,
        bytes_per_token=content.bytes_per_token,
        provenance=content.provenance,
    )


def _coefficients(content: _LawsFile, arrays: dict[str, Any], *, draws: bool) -> Coefficients:
    """Checked: a known form, every parameter with its shape, finite, and own indices in range."""
    if content.form not in FORMS:
        raise ValueError(f"form is {content.form!r}; expected one of {', '.join(FORMS)}")
    targets, languages = len(content.targets), len(content.languages)
    scope = Scope(smallest=1.0, one_size=False, one_budget=False, sources=languages)
    values = {}
    for parameter in FORMS[content.form].parameters(scope):
        name = parameter.name
        if name not in arrays:
            raise ValueError(f"{name} is missing, which the law {content.form!r} has")
        values[name] = array = np.array(arrays[name], dtype=float)
        expected = (targets, languages) if parameter.per_source else (targets,)
        if draws and array.size == 0:  # no draws: an empty list has lost its shape
            values[name] = np.empty((0, *expected))
        elif array.shape[-len(expected) :] != expected or array.ndim != len(expected) + draws:
            raise ValueError(f"{name} has {array.size} numbers; expected {targets} targets of them")
        elif not np.isfinite(array).all():
            raise ValueError(f"{name} has a number that is not finite; expected finite numbers")
        elif not parameter.signed and (array < 0).any():
            raise ValueError(f"{name} is {array.min():g}; expected numbers >= 0")
    own = np.array(content.own, dtype=np.intp)
    if own.shape != (targets,) or not np.all((own >= 0) & (own < languages)):
        raise ValueError(f"own is {content.own}; expected {targets} indices below {languages}")
    return Coefficients(
        form=content.form,
        values=values,
        own=own,
        reference_params=content.reference_params,
        reference_tokens=content.reference_tokens,
    )


def _rounded(array: np.ndarray[Any, np.dtype[np.float64]]) -> list[Any]:
    """Six significant digits: far below the spread of the draws, a third of the file."""
    rounded: list[Any] = np.vectorize(lambda x: float(f"{x:.6g}"), otypes=[float])(array).tolist()
    return rounded
