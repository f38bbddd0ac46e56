"""What the report needs beside the core, and the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langmix.errors import MissingExtraError


@contextmanager
def needs_extra(purpose: str) -> Iterator[None]:
    """Imports of the extra `report`.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("matplotlib", "jinja2", "markupsafe"):
            raise
        raise MissingExtraError(extra="report", module=str(error.name), purpose=purpose) from None
