"""mixture.json: a versioned file of an allocation."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from langmix import files
from langmix.allocate._question import Asked
from langmix.allocate._results import Allocation
from langmix.errors import InputError

SCHEMA_VERSION: Final = 1
_KIND: Final = "langmix mixture"
_REMEDY: Final = "write it again with `langmix allocate`"


class _MixtureFile(BaseModel):
    """The content of mixture.json. Fields are added, never renamed, within a schema version."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["langmix mixture"] = _KIND
    schema_version: int = SCHEMA_VERSION
    allocation: Allocation
    token_counts: dict[str, int]


def mixture_json(allocation: Allocation) -> str:
    """The text of ``mixture.json``: the allocation and its whole tokens per language; null is not known."""
    content = _MixtureFile(allocation=allocation, token_counts=allocation.token_counts())
    return content.model_dump_json(indent=1) + "\n"


def write_mixture(allocation: Allocation, path: str | os.PathLike[str]) -> None:
    """Write ``mixture.json``, complete or not at all."""
    files.write_text(Path(path), mixture_json(allocation))


def read_mixture(path: str | os.PathLike[str]) -> Allocation:
    """Read ``mixture.json``.

    Raises:
        InputError: no such file, not a mixture file, damaged, or written by a newer langmix.
    """
    path = Path(path)
    text = files.read_text(path, what="a mixture.json that `langmix allocate` wrote")
    files.check_schema(text, path, kind=_KIND, newest=SCHEMA_VERSION, command="langmix allocate")
    try:
        content = _MixtureFile.model_validate_json(text)
    except ValidationError as error:
        raise InputError(files.validation_message(path, error, remedy=_REMEDY)) from None
    for place, value, expected in _faults(content):
        raise InputError(f"{path}: {place}: {value}; expected {expected}; {_REMEDY}")
    return content.allocation


def _faults(content: _MixtureFile) -> Iterator[tuple[str, str, str]]:
    """Where the numbers contradict each other: place, value, what was expected."""
    allocation = content.allocation
    for what, number in (("params", allocation.params), ("tokens", allocation.tokens)):
        if not (math.isfinite(number) and number > 0):
            yield f"allocation.{what}", f"{number}", "a finite number above 0"
    known = get_type_hints(Asked)
    for name, given in (allocation.asked or {}).items():
        if name not in known:
            yield f"allocation.asked.{name}", f"{given!r}", f"one of {', '.join(known)}"
            continue
        try:
            TypeAdapter(known[name]).validate_python(given)
        except ValidationError as error:
            yield f"allocation.asked.{name}", f"{given!r}", error.errors()[0]["msg"].lower()
    mixtures = {"allocation": allocation.shares} | {
        f"allocation.against.{name}": other.shares for name, other in allocation.against.items()
    }
    names = set(allocation.shares)
    for place, shares in mixtures.items():
        for name, share in shares.items():
            if not 0 <= share <= 1:
                yield f"{place}.shares.{name}", f"{share}", "a share from 0 to 1"
        total = math.fsum(shares.values())
        if not abs(total - 1) <= 1e-6:
            yield f"{place}.shares", f"they sum to {total:.6g}", "1"
    named: dict[str, Mapping[str, object]] = {
        "allocation.intervals": allocation.intervals,
        "allocation.prices": allocation.prices,
        "allocation.bounds": allocation.bounds,
        "token_counts": content.token_counts,
        **{f"{place}.shares": shares for place, shares in mixtures.items()},
        **{f"allocation.against.{name}.prices": other.prices for name, other in allocation.against.items()},
    }
    for place, values in named.items():
        for name in sorted(names ^ set(values)):
            verb = "is missing" if name in names else "is not in allocation.shares"
            yield place, f"{name} {verb}", "the same languages everywhere"
    if content.token_counts != allocation.token_counts():
        yield "token_counts", "they differ from shares times tokens", "whole tokens that sum to the budget"
    if "uniform" not in allocation.against:
        yield "allocation.against", "uniform is missing", "the comparison with the uniform mixture"
