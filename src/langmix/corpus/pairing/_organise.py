"""From aligned items to training documents: the same texts shuffled, paired, or paired with a prompt."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from string import Formatter
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field

from langmix.config import Config
from langmix.corpus.pairing._items import Item
from langmix.errors import InputError
from langmix.languages import label

TEMPLATE: Final = "{source}\n\nThe same in {target_language}, from {source_language}:\n\n{target}"
"""Of `paired-prompt`: an instruction between the two texts."""
_SLOTS: Final = ("source", "target", "source_language", "target_language")

Organisation = Literal["shuffled", "paired", "paired-prompt"]


class Direction(NamedTuple):
    """Of a translation; written ``python>java``."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}>{self.target}"

    @classmethod
    def of(cls, text: str) -> Direction:
        """Read ``python>java``.

        Raises:
            InputError: it is none.
        """
        source, arrow, target = (part.strip() for part in text.partition(">"))
        if not arrow or not source or not target or source == target:
            raise InputError(
                f"direction {text!r}: expected SOURCE>TARGET, two languages, such as python>java"
            )
        return cls(source, target)


def directions(languages: Sequence[str]) -> list[Direction]:
    """All K (K - 1)."""
    return [Direction(*two) for two in permutations(languages, 2)]


def _check_template(template: str) -> str:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise InputError(f"template: {error} (write {{{{ and }}}} for braces)") from None
    for slot in ("source", "target"):
        if fields.count(slot) != 1:
            raise InputError(
                f"template: has {fields.count(slot)} slots {{{slot}}}; expected {{source}} and {{target}} "
                "once each"
            )
    if fields.index("source") > fields.index("target"):
        raise InputError("template: {target} stands before {source}; expected the source first")
    if not template.endswith("{target}"):
        raise InputError(
            "template: has text after {target}; expected the target last, where a translation ends"
        )
    if unknown := [field for field in fields if field not in _SLOTS]:
        raise InputError(f"template: unknown slot {{{unknown[0]}}}; expected {', '.join(_SLOTS)}")
    return template


class Pairing(Config):
    """How aligned items become training documents.

    Attributes:
        organisation: ``shuffled``, every text a document of its own; ``paired``, a text and its translation
            one after the other; ``paired-prompt``, with an instruction between them.
        pivot: the language that all seen directions have on one side; None pairs every two.
        seen: directions to train on, such as ``python>java``, in place of those of the pivot.
        separator: between the texts of ``paired``.
        template: of ``paired-prompt``, with the slots source, target, source_language and target_language.
        seed: of the order of documents.
    """

    organisation: Organisation = "paired"
    pivot: str | None = "python"
    seen: list[str] | None = Field(default=None, min_length=1)
    separator: str = "\n\n"
    template: Annotated[str, AfterValidator(_check_template)] = TEMPLATE
    seed: int = Field(default=0, ge=0)

    def directions(self, languages: Sequence[str]) -> tuple[list[Direction], list[Direction]]:
        """Seen and held out, all K (K - 1) of them together.

        Raises:
            InputError: the pivot, or a language of a direction, is not among the languages.
        """
        every = directions(languages)
        if self.seen is not None:
            seen = [Direction.of(text) for text in self.seen]
            if unknown := [each for each in seen if each not in every]:
                raise InputError(
                    f"direction {str(unknown[0])!r}: the languages are {', '.join(languages)}; expected two "
                    "of these"
                )
        elif self.pivot is None:
            seen = every
        else:
            if self.pivot not in languages:
                raise InputError(
                    f"pivot {self.pivot!r}: is none of the languages; expected one of {', '.join(languages)}"
                )
            seen = [each for each in every if self.pivot in each]
        kept = list(dict.fromkeys(seen))
        return kept, [each for each in every if each not in kept]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedDocument:
    """One training document.

    Attributes:
        item: id of its item.
        source: language of the first text; None where the document is one text.
        target: language of the other, or only, text.
        text: of the document.
        source_span, target_span: where the texts stand in it, in characters; the first is None for one text.
    """

    item: str
    source: str | None
    target: str
    text: str
    source_span: tuple[int, int] | None
    target_span: tuple[int, int]

    def texts(self) -> dict[str, str]:
        """The texts that went into it, by language."""
        found = {self.target: self.text[slice(*self.target_span)]}
        if self.source is not None and self.source_span is not None:
            found[self.source] = self.text[slice(*self.source_span)]
        return found


def organise(items: Iterable[Item], pairing: Pairing) -> list[PairedDocument]:
    """Training documents of the seen directions, in a seeded order.

    All three organisations have the same texts equally often: an item has one document per seen direction,
    or, shuffled, both texts of each of them as documents of their own, apart from each other.

    Raises:
        InputError: the pivot or a direction is of no item.
    """
    items = list(items)
    languages = list(dict.fromkeys(name for item in items for name in item.texts))
    seen, _ = pairing.directions(languages)
    documents = [document for item in items for document in _documents(item, seen, pairing)]
    random.Random(pairing.seed).shuffle(documents)
    return documents


def _documents(item: Item, seen: Iterable[Direction], pairing: Pairing) -> Iterator[PairedDocument]:
    for direction in seen:
        if not all(name in item.texts for name in direction):
            continue
        if pairing.organisation != "shuffled":
            yield document(item, direction, pairing)
            continue
        for name in direction:
            yield alone(item, name)


def alone(item: Item, language: str) -> PairedDocument:
    """One text of an item as a document."""
    text = item.texts[language]
    return PairedDocument(
        item=item.id,
        source=None,
        target=language,
        text=text,
        source_span=None,
        target_span=(0, len(text)),
    )


def document(item: Item, direction: Direction, pairing: Pairing) -> PairedDocument:
    """Two texts of an item as a document, with a prompt between them where the organisation has one."""
    source, target = (item.texts[name] for name in direction)
    parts = _filled(direction, source, target, pairing)
    spans, place = {}, 0
    for slot, part in parts:
        spans[slot] = (place, place + len(part))
        place += len(part)
    return PairedDocument(
        item=item.id,
        source=direction.source,
        target=direction.target,
        text="".join(part for _, part in parts),
        source_span=spans["source"],
        target_span=spans["target"],
    )


def _filled(direction: Direction, source: str, target: str, pairing: Pairing) -> list[tuple[str, str]]:
    """Slots and literal parts in order; literal parts have the slot ""."""
    if pairing.organisation != "paired-prompt":
        return [("source", source), ("", pairing.separator), ("target", target)]
    values = {
        "source": source,
        "target": target,
        "source_language": label(direction.source),
        "target_language": label(direction.target),
    }
    parts: list[tuple[str, str]] = []
    for literal, field, _, _ in Formatter().parse(pairing.template):
        parts.append(("", literal))
        if field is not None:
            parts.append((field, values[field]))
    return parts
