"""What losses are measured on: windows of held-out text, and held-out items to translate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from langmix.corpus import Corpus
from langmix.corpus.pairing import encode_document, held_out, read_as
from langmix.lab._recipe import Recipe

_EVALUATED: Final = 16  # windows at a time


class Measured(Protocol):
    """What has a loss: models of ``runs`` runs."""

    @property
    def runs(self) -> int: ...

    def loss(self, tokens_RBT: Tensor, targets_RBT: Tensor, counted_RBT: Tensor | None = None) -> Tensor: ...


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Sequences that a loss is measured on.

    Attributes:
        tokens_NT: ids, shape (N, T + 1).
        counted_NT: whether the loss of each predicted token counts, shape (N, T); None where all do.
    """

    tokens_NT: Tensor
    counted_NT: Tensor | None = None

    def to(self, device: str) -> Windows:
        """The same on a device."""
        counted_NT = None if self.counted_NT is None else self.counted_NT.to(device)
        return Windows(self.tokens_NT.to(device), counted_NT)


def windows(tokens: NDArray[np.unsignedinteger], most: int, sequence: int) -> Windows:
    """The first windows of a validation stream that hold at most ``most`` tokens."""
    count = max(1, min(most, len(tokens) - 1) // sequence)
    starts = np.arange(count)[:, None] * sequence + np.arange(sequence + 1)
    return Windows(torch.from_numpy(np.asarray(tokens)[starts].astype(np.int64)))


def documents_apart(documents: Sequence[tuple[list[int], list[bool]]], end: int) -> Windows:
    """A window per document, shortest first, filled up with ``end``, which counts once where the text did."""
    ordered = sorted(documents, key=lambda each: len(each[0]))
    width = len(ordered[-1][0]) + 1
    tokens = np.full((len(ordered), width), end, dtype=np.int64)
    counted = np.zeros((len(ordered), width), dtype=bool)
    for row, (ids, counts) in enumerate(ordered):
        tokens[row, : len(ids)] = ids
        counted[row, : len(ids) + 1] = [*counts, counts[-1]]
    return Windows(torch.from_numpy(tokens), torch.from_numpy(counted[:, 1:]))


def mean_loss(model: Measured, windows: Windows) -> list[float]:
    """Mean nats per token that counts, of each run; NaN for a diverged one."""
    total_R = torch.zeros(model.runs, dtype=torch.float64)
    tokens = 0
    with torch.no_grad():
        for first in range(0, len(windows.tokens_NT), _EVALUATED):
            rows = slice(first, first + _EVALUATED)
            part_BT, counted_BT = windows.tokens_NT[rows], None
            if windows.counted_NT is not None:
                counted_BT = windows.counted_NT[rows]
                last = int(counted_BT.any(0).nonzero().max()) + 1  # beyond, there is nothing to measure
                part_BT, counted_BT = part_BT[:, : last + 1], counted_BT[:, :last]
            many = len(part_BT) if counted_BT is None else int(counted_BT.sum())
            part_RBT = part_BT.expand(model.runs, -1, -1)
            counted_RBT = None if counted_BT is None else counted_BT.expand(model.runs, -1, -1)
            loss_R = model.loss(part_RBT[..., :-1], part_RBT[..., 1:], counted_RBT)
            total_R += loss_R.double().cpu() * many
            tokens += many
    return [value if math.isfinite(value) else math.nan for value in (total_R / tokens).tolist()]


def validation_sets(
    corpus: Corpus, mixtures: Sequence[Mapping[str, float]], *, recipe: Recipe, device: str
) -> list[dict[str, Windows]]:
    """What the losses of each run are measured on, by target; runs with the same sets share them.

    Items to translate are read in the organisation that taught a run to, see `read_as`.
    """
    sets: dict[str, dict[str, Windows]] = {}
    found = []
    for shares in mixtures:
        domain = "" if corpus.card.parallel is None else read_as(corpus, shares)
        if domain not in sets:
            made = _items(corpus, domain) if domain else _text(corpus, recipe)
            sets[domain] = {name: each.to(device) for name, each in made.items()}
        found.append(sets[domain])
    return found


def _text(corpus: Corpus, recipe: Recipe) -> dict[str, Windows]:
    return {
        name: windows(corpus.validation(name), recipe.evaluation_tokens, recipe.sequence)
        for name in corpus.languages
    }


def _items(corpus: Corpus, domain: str) -> dict[str, Windows]:
    found = held_out(corpus, domain)
    return {
        target: documents_apart(
            [encode_document(each, found.encode, counted="target") for each in documents], found.end
        )
        for target, documents in found.documents.items()
    }
