"""Train and validation, split by group: a package or repository is on one side only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from langmix.corpus._document import Document
from langmix.errors import InputError

LARGEST_PART: Final = 0.25
"""Of a language's text that validation may take from training."""


def held_groups(
    sizes: Mapping[str, int], *, files: int, language: str, validation_bytes: int, seed: int
) -> set[str]:
    """Hold out whole groups of one language, in a seeded order, until they hold ``validation_bytes``.

    Groups that would bring validation above a quarter of the text are passed over; if all would, the
    smallest is held out.

    Args:
        sizes: bytes of each group.
        files: of the language, for the message.
        language: their name, for the message.
        validation_bytes: to hold out.
        seed: of the order.

    Raises:
        InputError: the language has fewer than two groups.
    """
    if len(sizes) < 2:
        raise InputError(
            f"language {language!r}: all {files} files are of "
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
    return held or {min(sizes, key=lambda name: (sizes[name], name))}


def order_key(document: Document, seed: int) -> bytes:
    """What documents are sorted by: a seeded order that mixes the groups."""
    return _order(seed, f"{document.group}/{document.path}")


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogatepass")).digest()
