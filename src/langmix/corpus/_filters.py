"""Which files are code that a person wrote: filters in the manner of The Stack and StarCoder.

Line-length and letter thresholds are those of The Stack (Kocetkov et al. 2022, arXiv 2211.15533) and
StarCoder (Li et al. 2023, arXiv 2305.06161, section 3).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from langmix.corpus._document import Document

MEAN_LINE: Final = 100
LONGEST_LINE: Final = 1000
LETTERS: Final = 0.25
SMALLEST: Final = 100
LARGEST: Final = 1_000_000

_VENDORED: Final = frozenset(
    [
        "vendor",
        "vendored",
        "_vendor",
        "node_modules",
        "bower_components",
        "third_party",
        "third-party",
        "thirdparty",
        "dist",
    ]
)
_GENERATED_NAME: Final = re.compile(
    r"(\.d\.[mc]?ts|\.pb\.go|_pb2\.py|\.g\.cs|\.designer\.cs)$", re.IGNORECASE
)
_GENERATED_TEXT: Final = re.compile(
    r"auto-?\s?generated|@generated|generated (by|from|code)|do not (edit|modify)", re.IGNORECASE
)


def fault(document: Document) -> str | None:
    """Why a document is left out: a word for the counts, or nothing if it is kept."""
    path, text = PurePosixPath(document.path), document.text
    if _VENDORED.intersection(part.lower() for part in path.parts[:-1]):
        return "vendored"
    if not SMALLEST <= len(text) <= LARGEST:
        return "size"
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    if ".min." in path.name or longest > LONGEST_LINE or len(text) > MEAN_LINE * len(lines):
        return "long lines"
    if _GENERATED_NAME.search(path.name) or _GENERATED_TEXT.search("\n".join(lines[:10])):
        return "generated"
    if sum(map(str.isalpha, text)) < LETTERS * len(text):
        return "few letters"
    if not _is_unicode(text):
        return "not Unicode"
    return None


def _is_unicode(text: str) -> bool:
    """Halves of surrogate pairs, which JSON can spell, are in no encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
