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


def mark_duplicates(documents: Iterable[Document]) -> Iterator[tuple[Document, str | None]]:
    """Each document with ``exact duplicate``, ``near duplicate`` or nothing; the first of a kind stays."""
    rensa = minhash()
    index = rensa.RMinHashLSH(threshold=SIMILARITY, num_perm=_PERMUTATIONS, num_bands=_BANDS)
    seen: set[bytes] = set()
    kept: list[Any] = []
    for document in documents:
        words = _WORD.findall(document.text)
        digest = hashlib.sha256(" ".join(words).encode()).digest()
        if digest in seen:
            yield document, "exact duplicate"
            continue
        seen.add(digest)
        signature = rensa.RMinHash(num_perm=_PERMUTATIONS, seed=0)
        signature.update(_shingles(words))
        if any(kept[near].jaccard(signature) >= SIMILARITY for near in index.query(signature)):
            yield document, "near duplicate"
            continue
        index.insert(len(kept), signature)
        kept.append(signature)
        yield document, None


def _shingles(words: list[str]) -> list[str]:
    if len(words) <= SHINGLE:
        return [" ".join(words)]
    return list({" ".join(words[k : k + SHINGLE]) for k in range(len(words) - SHINGLE + 1)})
