"""Train and validation, split by group: a package or repository is on one side only."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from langmix.corpus._document import Document
from langmix.errors import InputError

LARGEST_PART: Final = 0.25
"""Of a language's text that validation may take from training."""


def split(
    documents: Sequence[Document], *, language: str, validation_bytes: int, seed: int
) -> tuple[list[Document], list[Document]]:
    """Hold out whole groups of one language, in a seeded order, until they hold ``validation_bytes``.

    Groups that would bring validation above a quarter of the text are passed over; if all would, the
    smallest is held out.

    Returns:
        Training and validation documents, each in a seeded order that mixes the groups.

    Raises:
        InputError: the language has fewer than two groups.
    """
    sizes: dict[str, int] = defaultdict(int)
    for document in documents:
        sizes[document.group] += len(document.text.encode())
    if len(sizes) < 2:
        raise InputError(
            f"language {language!r}: all {len(documents)} files are of "
            f"{'one package, ' + repr(next(iter(sizes))) if sizes else 'no package'}; expected at least two, "
            "one of them to hold out for validation; add a source of this language or leave the language out"
        )
    total = sum(sizes.values())
    held: set[str] = set()
    taken = 0
    for group in sorted(sizes, key=lambda name: _order(seed, name)):
        if taken < validation_bytes and taken + sizes[group] <= LARGEST_PART * total:
            held.add(group)
            taken += sizes[group]
    if not held:
        held.add(min(sizes, key=lambda name: (sizes[name], name)))
    ordered = sorted(documents, key=lambda document: _order(seed, f"{document.group}/{document.path}"))
    return (
        [document for document in ordered if document.group not in held],
        [document for document in ordered if document.group in held],
    )


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
