"""Train and validation, split by group: a package or repository is on one side only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.corpus._document import Document
from langmix.errors import InputError

LARGEST_PART: Final = 0.25
"""Of a language's text that validation may take from training."""

Ints = NDArray[np.int64]


def held_groups(
    sizes: Mapping[str, int],
    *,
    files: int,
    language: str,
    validation_bytes: int,
    fewest: int,
    seed: int,
) -> set[str]:
    """Hold out whole groups of one language: ``fewest`` at least, and until they hold ``validation_bytes``.

    No group counts for more than its part of ``validation_bytes``. Groups that leave room for the others come
    first, in a seeded order, then larger ones by size. One that would bring validation above a quarter of the
    text is passed over; if all would, the smallest is held out.

    Args:
        sizes: bytes of each group.
        files: of the language, for the message.
        language: their name, for the message.
        validation_bytes: to hold out.
        fewest: groups, where the language has them: one package would measure that package.
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
    small = LARGEST_PART * total / fewest
    held: set[str] = set()
    lost, counted = 0, 0.0
    for group in sorted(sizes, key=lambda name: (max(sizes[name], small), _order(seed, name))):
        if len(held) >= fewest and counted >= validation_bytes:
            break
        if lost + sizes[group] <= LARGEST_PART * total:
            held.add(group)
            lost += sizes[group]
            counted += min(sizes[group], validation_bytes / fewest)
    return held or {min(sizes, key=lambda name: (sizes[name], name))}


def in_turn(documents: Ints, groups: Ints, sizes: Ints) -> Ints:
    """Documents so ordered that every prefix holds as much of each group, to within a file, until it ends.

    Args:
        documents: indices, shape (n,), in the order that those of a group keep.
        groups: of all documents.
        sizes: bytes of all documents.
    """
    before = np.zeros(len(documents), dtype=np.int64)
    for group in np.unique(groups[documents]):
        mine = groups[documents] == group
        before[mine] = np.cumsum(sizes[documents[mine]]) - sizes[documents[mine]]
    ordered: Ints = documents[np.argsort(before, kind="stable")]
    return ordered


def order_key(document: Document, seed: int) -> bytes:
    """What documents are sorted by: a seeded order that mixes the groups."""
    return _order(seed, f"{document.group}/{document.path}")


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogatepass")).digest()
