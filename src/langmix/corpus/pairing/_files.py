"""A folder of paired documents: train.jsonl, evaluation.jsonl, and pairing.json, written last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.corpus._rows import ROW_READERS
from langmix.corpus.pairing._items import Item, read_items
from langmix.corpus.pairing._organise import PairedDocument, Pairing
from langmix.errors import InputError

TRAIN, EVALUATION, CARD = "train.jsonl", "evaluation.jsonl", "pairing.json"
SCHEMA_VERSION: Final = 1


class PairingCard(BaseModel):
    """What a folder of paired documents holds.

    Attributes:
        pairing: how the documents were made.
        languages: of the items.
        seen, held_out: directions, such as ``python>java``: all K (K - 1) of them together.
        items, evaluation_items: to train on, and held out.
        leaks: training items that were dropped, since they leak from evaluation.
        documents: to train on.
        characters: of their texts, per language, each time that one occurs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = "langmix pairing"
    schema_version: int = SCHEMA_VERSION
    pairing: Pairing
    languages: list[str]
    seen: list[str]
    held_out: list[str]
    items: int
    evaluation_items: int
    leaks: int
    documents: int
    characters: dict[str, int]


def write_pairing(
    folder: str | Path,
    *,
    pairing: Pairing,
    items: Sequence[Item],
    evaluation: Sequence[Item],
    documents: Sequence[PairedDocument],
    dropped: int = 0,
) -> PairingCard:
    """Write the folder.

    Raises:
        InputError: it cannot be written.
    """
    folder = Path(folder)
    languages = list(dict.fromkeys(name for item in items for name in item.texts))
    seen, held_out = pairing.directions(languages)
    characters = dict.fromkeys(languages, 0)
    for document in documents:
        for name, text in document.texts().items():
            characters[name] += len(text)
    card = PairingCard(
        pairing=pairing,
        languages=languages,
        seen=list(map(str, seen)),
        held_out=list(map(str, held_out)),
        items=len(items),
        evaluation_items=len(evaluation),
        leaks=dropped,
        documents=len(documents),
        characters=characters,
    )
    (folder / CARD).unlink(missing_ok=True)
    _write(folder / TRAIN, (_row(document) for document in documents))
    write_items(folder / EVALUATION, evaluation)
    files.write_text(folder / CARD, card.model_dump_json(indent=1) + "\n")
    return card


def write_items(path: str | Path, items: Iterable[Item]) -> None:
    """Write items as JSONL that `read_items` reads.

    Raises:
        InputError: the file cannot be written.
    """
    _write(Path(path), ({"id": item.id, "texts": dict(item.texts)} for item in items))


def read_pairing(folder: str | Path) -> tuple[PairingCard, list[PairedDocument], list[Item]]:
    """The card, the training documents and the evaluation items of a folder.

    Raises:
        InputError: the folder is not whole, or was not written by `langmix pair`.
    """
    folder = Path(folder)
    path = folder / CARD
    text = files.read_text(path, what="a folder that `langmix pair` wrote")
    files.check_schema(text, path, kind="langmix pairing", newest=SCHEMA_VERSION, command="langmix pair")
    try:
        card = PairingCard.model_validate_json(text)
    except ValidationError as error:
        raise InputError(files.validation_message(path, error, remedy="write it again")) from None
    documents = [_document(row, place) for place, row in ROW_READERS[".jsonl"](folder / TRAIN)]
    evaluation = read_items(folder / EVALUATION, partial=True) if card.evaluation_items else []
    if len(documents) != card.documents:
        raise InputError(
            f"{folder / TRAIN}: has {len(documents)} documents, and {CARD} says {card.documents}; write them "
            "again with `langmix pair`"
        )
    return card, documents, evaluation


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    files.write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _row(document: PairedDocument) -> dict[str, Any]:
    return {
        "item": document.item,
        "direction": f"{document.source}>{document.target}" if document.source else None,
        "language": document.target,
        "text": document.text,
        "source_span": document.source_span,
        "target_span": document.target_span,
    }


def _document(row: Any, place: str) -> PairedDocument:
    try:
        source, _, _ = (row["direction"] or "").partition(">")
        spans = [tuple(span) if span else None for span in (row["source_span"], row["target_span"])]
        return PairedDocument(
            item=row["item"],
            source=source or None,
            target=row["language"],
            text=row["text"],
            source_span=spans[0],
            target_span=spans[1],  # type: ignore[arg-type]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{place}: is no paired document ({error!r}); write it again with `langmix pair`"
        ) from None
