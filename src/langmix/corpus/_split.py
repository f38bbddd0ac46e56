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

FEWEST_GROUPS: Final = 3
"""That validation rests on where the language has them: one package would measure that package."""


def split(
    documents: Sequence[Document], *, language: str, validation_bytes: int, seed: int
) -> tuple[list[Document], list[Document]]:
    """Hold out whole groups of one language: three at least, and until they hold ``validation_bytes``.

    No group counts for more than a third of ``validation_bytes``. Groups of up to a twelfth of the text come
    first, in a seeded order, then larger ones by size. One that would bring validation above a quarter of the
    text is passed over; if all would, the smallest is held out.

    Returns:
        Training documents in a seeded order that mixes the groups, and validation documents in one in which
        every prefix holds as much of each group, to within a file, until that group ends.

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
    small = LARGEST_PART * total / FEWEST_GROUPS
    held: set[str] = set()
    lost, counted = 0, 0.0
    for group in sorted(sizes, key=lambda name: (max(sizes[name], small), _order(seed, name))):
        if len(held) >= FEWEST_GROUPS and counted >= validation_bytes:
            break
        if lost + sizes[group] <= LARGEST_PART * total:
            held.add(group)
            lost += sizes[group]
            counted += min(sizes[group], validation_bytes / FEWEST_GROUPS)
    if not held:
        held.add(min(sizes, key=lambda name: (sizes[name], name)))
    ordered = sorted(documents, key=lambda document: _order(seed, f"{document.group}/{document.path}"))
    return (
        [document for document in ordered if document.group not in held],
        _in_turn([document for document in ordered if document.group in held]),
    )


def _in_turn(documents: Sequence[Document]) -> list[Document]:
    """Sorted by the bytes of its own group that come before a document."""
    before: dict[str, int] = defaultdict(int)
    keyed = []
    for document in documents:
        keyed.append((before[document.group], document))
        before[document.group] += len(document.text.encode())
    return [document for _, document in sorted(keyed, key=lambda pair: pair[0])]


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
