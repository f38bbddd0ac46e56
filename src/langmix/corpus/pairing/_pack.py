"""Paired documents to sequences of one length: whole documents only, and which of their tokens count.

A text is tokenised by itself, whatever stands before it, so that it has the same tokens in every organisation
and direction, and losses per token can be compared. Documents are packed by best fit, longest first (Ding et
al. 2024, arXiv 2404.10830), and never split. Documents of one item never share a sequence: texts of one
length would, and a shuffled text would stand beside its translation.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from langmix.corpus.pairing._organise import PairedDocument
from langmix.errors import InputError

Encode = Callable[[str], Sequence[int]]
Counted = Literal["all", "texts", "target"]
COUNTED: Final[tuple[Counted, ...]] = ("all", "texts", "target")


@dataclass(frozen=True, kw_only=True, slots=True)
class TooLong:
    """A document that no sequence holds: its item, its languages, and its tokens."""

    item: str
    source: str | None
    target: str
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PackedDocuments:
    """Sequences to train on.

    Attributes:
        tokens: shape (N, T + 1), ids; what no document fills is the end of document.
        counted: shape (N, T), whether the loss of the token after each position counts.
        documents: that the sequences hold, whole.
        left_out: those that are longer than a sequence.
        filled: part of the ids that documents fill.
    """

    tokens: NDArray[np.int64]
    counted: NDArray[np.bool_]
    documents: int
    left_out: tuple[TooLong, ...]
    filled: float


def encode_document(
    document: PairedDocument, encode: Encode, *, counted: Counted
) -> tuple[list[int], list[bool]]:
    """Ids of a document without its end, and which of them count."""
    text, (begin, end) = document.text, document.target_span
    spans = [("target", begin, end)]
    if document.source_span is not None:
        spans.insert(0, ("source", *document.source_span))
    ids: list[int] = []
    counts: list[bool] = []
    place = 0
    for slot, first, last in [*spans, ("", len(text), len(text))]:
        for what, part in (("", text[place:first]), (slot, text[first:last])):
            if part:
                tokens = encode(part)
                ids += tokens
                counts += [_counts(what, counted)] * len(tokens)
        place = last
    return ids, counts


def encode_prompt(document: PairedDocument, encode: Encode) -> list[int]:
    """Ids of all that stands before the target, as `encode_document` has them."""
    ids, counts = encode_document(document, encode, counted="target")
    return ids[: counts.index(True)]


def _counts(slot: str, counted: Counted) -> bool:
    return counted == "all" or slot == "target" or (counted == "texts" and slot == "source")


def pack(
    documents: Sequence[PairedDocument],
    encode: Encode,
    *,
    sequence: int,
    end_of_document: int,
    counted: Counted = "all",
    leave_out: bool = False,
    seed: int = 0,
) -> PackedDocuments:
    """Pack documents into sequences.

    Args:
        documents: to pack.
        encode: ids of a text.
        sequence: T, positions of a sequence; with the token after the last, T + 1 ids.
        end_of_document: id after each document, which counts wherever the token before it does.
        counted: ``all`` tokens, those of both ``texts``, or of the ``target`` alone.
        leave_out: leave documents that are longer than a sequence out, and list them; otherwise refuse them.
        seed: of the order of sequences.

    Raises:
        InputError: a document is longer than a sequence, with its item; or none is left.
    """
    room = sequence + 1
    encoded, left_out, items = [], [], []
    for document in documents:
        ids, counts = encode_document(document, encode, counted=counted)
        if len(ids) + 1 > room:
            left_out.append(
                TooLong(
                    item=document.item, source=document.source, target=document.target, tokens=len(ids) + 1
                )
            )
            continue
        encoded.append(([*ids, end_of_document], [*counts, counts[-1]]))
        items.append(document.item)
    if left_out and not leave_out:
        worst = max(left_out, key=lambda each: each.tokens)
        raise InputError(
            f"item {worst.item!r}: its document has {worst.tokens} tokens, and a sequence holds {room} "
            f"({len(left_out)} of {len(documents)} documents are longer); take longer sequences, or leave "
            "them out"
        )
    if not encoded:
        raise InputError(f"no document fits into a sequence of {sequence} tokens; take longer ones")
    bins = best_fit([len(ids) for ids, _ in encoded], room, apart=items)
    random.Random(seed).shuffle(bins)
    tokens = np.full((len(bins), room), end_of_document, dtype=np.int64)
    counts_NT = np.zeros((len(bins), room), dtype=bool)
    for row, members in enumerate(bins):
        place = 0
        for k in members:
            ids, counts = encoded[k]
            tokens[row, place : place + len(ids)] = ids
            counts_NT[row, place : place + len(ids)] = counts
            place += len(ids)
    return PackedDocuments(
        tokens=tokens,
        counted=counts_NT[:, 1:],
        documents=len(encoded),
        left_out=tuple(left_out),
        filled=sum(len(ids) for ids, _ in encoded) / tokens.size,
    )


def best_fit(lengths: Sequence[int], room: int, apart: Sequence[Hashable] | None = None) -> list[list[int]]:
    """Bins of indices, each of at most ``room`` in all: longest first, into the fullest bin that holds it.

    Args:
        lengths: of what is packed.
        room: of a bin.
        apart: a name for each; two of one name are never in one bin.
    """
    names = range(len(lengths)) if apart is None else apart
    bins: list[list[int]] = []
    inside: list[set[Hashable]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), ascending
    for k in sorted(range(len(lengths)), key=lambda k: -lengths[k]):
        first = bisect.bisect_left(free, (lengths[k], -1))
        fits = (at for at in range(first, len(free)) if names[k] not in inside[free[at][1]])
        if (at := next(fits, None)) is not None:
            left, which = free.pop(at)
        else:
            left, which = room, len(bins)
            bins.append([])
            inside.append(set())
        bins[which].append(k)
        inside[which].add(names[k])
        if left > lengths[k]:
            bisect.insort(free, (left - lengths[k], which))
    return bins
