"""A document: one file of code with where it came from."""

from __future__ import annotations

from typing import NamedTuple


class Document(NamedTuple):
    """One file of code.

    Attributes:
        language: as in the run table.
        group: package or repository; a group is never split between train and validation.
        path: inside the group, for messages and filters.
        text: its content.
    """

    language: str
    group: str
    path: str
    text: str
