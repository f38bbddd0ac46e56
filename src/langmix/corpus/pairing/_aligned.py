"""Aligned corpora that packages hold: fetched, checked and read like those of the registry."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from langmix.corpus._archives import read_archive
from langmix.corpus._packages import Package, fetch_package
from langmix.corpus.pairing._items import Item
from langmix.corpus.pairing._snowball import read_snowball
from langmix.errors import InputError

_TABLET: Final = "package/.jsii.tabl.json.gz"
_PLACEHOLDERS: Final = "The values are placeholders you should change"
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignedCorpus:
    """Items that a package holds.

    Attributes:
        package: pinned.
        what: it is, and is not, in a sentence.
        read: the items of its archive.
    """

    package: Package
    what: str
    read: Callable[[Path], list[Item]]

    def items(self) -> list[Item]:
        """Fetch the package, or take it from the cache, and read it.

        Raises:
            LangmixError: it cannot be fetched, or is not the one that was pinned.
        """
        return self.read(fetch_package(self.package))


def read_tablet(archive: Path) -> list[Item]:
    """Snippets of a jsii package's documentation in TypeScript, and what jsii made of them.

    Left out: examples that a generator wrote (their values are placeholders), snippets whose TypeScript
    differs from an earlier one in no word, and those that some language has no text of.

    Raises:
        InputError: the archive has no snippets, or in another schema.
    """
    content = next((data for name, data in read_archive(archive) if name == _TABLET), None)
    if content is None:
        raise InputError(f"{archive}: has no {_TABLET}; expected a package of jsii with its snippets")
    try:
        snippets = json.loads(gzip.decompress(content))["snippets"]
        texts = {
            key: {("typescript" if name == "$" else name): each["source"] for name, each in parts.items()}
            for key, parts in ((key, snippet["translations"]) for key, snippet in snippets.items())
        }
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{archive}: {_TABLET} is not the snippets of a jsii package ({error!r})") from None
    items, seen = [], set()
    for key, by_language in texts.items():
        original = by_language.get("typescript", "")
        words = " ".join(_WORD.findall(original))
        if _PLACEHOLDERS in original or words in seen:
            continue
        seen.add(words)
        if all(text.strip() for text in by_language.values()):
            items.append(Item(key, by_language))
    return items


ALIGNED: Final = {
    "aws-cdk": AlignedCorpus(
        package=Package(
            source="npm",
            name="aws-cdk-lib",
            version="2.276.0",
            file="aws-cdk-lib-2.276.0.tgz",
            sha256="35cb8830d1ec5a4f7b11e459fecf3ec5e6077ffbdd92253d84d0503c28cac8af",
            licence="Apache-2.0",
            languages=("typescript", "python", "java", "csharp", "go"),
        ),
        what="examples of one library's documentation, written in TypeScript and translated by jsii, a "
        "program: a narrow domain, and no hand-written Python, Java, C# or Go",
        read=read_tablet,
    ),
    "snowball": AlignedCorpus(
        package=Package(
            source="debian",
            name="snowball",
            version="2.2.0-2",
            file="snowball_2.2.0.orig.tar.gz",
            sha256="425cdb5fba13a01db59a1713780f0662e984204f402d3dae1525bda9e6d30f1a",
            licence="BSD-3-Clause",
            languages=("csharp", "go", "java", "javascript", "python", "rust"),
        ),
        what="stemming routines, written in Snowball's own language and generated from it by its compiler, a "
        "program: a narrow domain, alike from stemmer to stemmer, and no hand-written code in any of these "
        "languages",
        read=read_snowball,
    ),
}
"""By name."""
