"""Items held out for evaluation, and no copy nor near-duplicate of them in training."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langmix.corpus._duplicates import NearDuplicates
from langmix.corpus.pairing._items import Item
from langmix.errors import InputError


@dataclass(frozen=True, slots=True)
class Leak:
    """A training item that an evaluation item shares a text with, or nearly."""

    train: str
    evaluation: str
    language: str


def leaks(train: Iterable[Item], evaluation: Iterable[Item]) -> list[Leak]:
    """Training items with the id of an evaluation item, or a text that is nearly one of its."""
    known = NearDuplicates()
    held: list[tuple[Item, str]] = []
    ids = set()
    for item in evaluation:
        ids.add(item.id)
        for language, text in item.texts.items():
            known.of(text, add=True)
            held.append((item, language))
    found = []
    for item in train:
        if item.id in ids:
            found.append(Leak(item.id, item.id, next(iter(item.texts))))
            continue
        for language, text in item.texts.items():
            if near := known.of(text, add=False):
                found.append(Leak(item.id, held[near[0]][0].id, language))
                break
    return found


def check_leaks(train: Iterable[Item], evaluation: Iterable[Item]) -> None:
    """Refuse training items that leak from evaluation.

    Raises:
        InputError: with the first of them, and how many there are.
    """
    if found := leaks(train, evaluation):
        first = found[0]
        same = first.train == first.evaluation
        what = "it is there" if same else f"its {first.language} text is nearly one of {first.evaluation!r}"
        raise InputError(
            f"item {first.train!r} leaks from evaluation: {what} ({len(found)} items in all); remove them "
            "from the training items (`langmix pair` does so with --drop-leaks)"
        )


def hold_out(items: Sequence[Item], count: int, *, seed: int = 0) -> tuple[list[Item], list[Item]]:
    """Training and evaluation items: at least ``count`` are held out, each with all its near-duplicates.

    Raises:
        InputError: near-duplicates leave nothing to train on.
    """
    cluster = list(range(len(items)))

    def root(k: int) -> int:
        while cluster[k] != k:
            cluster[k] = cluster[cluster[k]]
            k = cluster[k]
        return k

    known = NearDuplicates()
    owner: list[int] = []
    for k, item in enumerate(items):
        for text in item.texts.values():
            for near in known.of(text, add=True):
                cluster[root(k)] = root(owner[near])
            owner.append(k)
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    held: set[int] = set()
    for k in order:
        if len(held) >= count:
            break
        held |= {j for j in range(len(items)) if root(j) == root(k)}
    if len(held) == len(items):
        raise InputError(
            f"hold-out {count}: of {len(items)} items none is left to train on"
            + (", since near-duplicates are held out together" if count < len(items) else "")
            + "; hold out fewer"
        )
    return [items[k] for k in range(len(items)) if k not in held], [items[k] for k in sorted(held)]
