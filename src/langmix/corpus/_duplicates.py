"""Exact and near duplicates, found before the split so that none crosses it.

Near duplicates are files whose sets of 5-word shingles have a Jaccard similarity of 0.7 or more, as in the
deduplication of The Stack (arXiv 2211.15533); MinHash signatures and their LSH index come from `rensa`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from langmix.corpus._document import Document
from langmix.errors import MissingExtraError

SIMILARITY: Final = 0.7
SHINGLE: Final = 5

_PERMUTATIONS: Final = 128
_BANDS: Final = 32  # of 4 rows: a pair at similarity 0.7 is missed once in 6,000 times
_WORD: Final = re.compile(r"\w+")


def minhash() -> Any:
    """The module `rensa`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import rensa
    except ModuleNotFoundError:
        raise MissingExtraError(extra="lab", module="rensa", purpose="finding near-duplicates") from None
    return rensa


class NearDuplicates:
    """Texts seen so far, by number, and which of them a text nearly is."""

    def __init__(self) -> None:
        self._rensa = minhash()
        self._index = self._rensa.RMinHashLSH(threshold=SIMILARITY, num_perm=_PERMUTATIONS, num_bands=_BANDS)
        self._kept: list[Any] = []

    def of(self, text: str, *, add: bool | None = None) -> list[int]:
        """Numbers of the texts that it nearly is, ascending.

        ``add`` remembers it under the next number: always (True), or where it is nearly none (None); not at
        all (False).
        """
        signature = self._rensa.RMinHash(num_perm=_PERMUTATIONS, seed=0)
        signature.update(_shingles(_WORD.findall(text)))
        near = [
            k for k in sorted(self._index.query(signature)) if self._kept[k].jaccard(signature) >= SIMILARITY
        ]
        if add or (add is None and not near):
            self._index.insert(len(self._kept), signature)
            self._kept.append(signature)
        return near


def mark_duplicates(documents: Iterable[Document]) -> Iterator[tuple[Document, str | None]]:
    """Each document with ``exact duplicate``, ``near duplicate`` or nothing; the first of a kind stays."""
    known = NearDuplicates()
    seen: set[bytes] = set()
    for document in documents:
        words = _WORD.findall(document.text)
        digest = hashlib.sha256(" ".join(words).encode()).digest()
        if digest in seen:
            yield document, "exact duplicate"
            continue
        seen.add(digest)
        yield document, "near duplicate" if known.of(document.text) else None


def _shingles(words: list[str]) -> list[str]:
    if len(words) <= SHINGLE:
        return [" ".join(words)]
    return list({" ".join(words[k : k + SHINGLE]) for k in range(len(words) - SHINGLE + 1)})
