"""mixture.json: a versioned file of an allocation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.allocate._allocation import Allocation
from langmix.errors import InputError

SCHEMA_VERSION: Final = 1
_KIND: Final = "langmix mixture"


class _MixtureFile(BaseModel):
    """The content of mixture.json. Fields are added, never renamed, within a schema version."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["langmix mixture"] = _KIND
    schema_version: int = SCHEMA_VERSION
    allocation: Allocation
    token_counts: dict[str, int]


def mixture_json(allocation: Allocation) -> str:
    """The text of ``mixture.json``: the allocation and its whole tokens per language."""
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
        return _MixtureFile.model_validate_json(text).allocation
    except ValidationError as error:
        remedy = "write it again with `langmix allocate`"
        raise InputError(files.validation_message(path, error, remedy=remedy)) from None
