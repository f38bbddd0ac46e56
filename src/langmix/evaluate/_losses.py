"""Losses of a checkpoint on every language of a corpus, and on its held-out documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.corpus import Corpus
from langmix.errors import InputError
from langmix.evaluate._documents import document_ends
from langmix.evaluate._shared import lab_needed


class LanguageLoss(NamedTuple):
    """Loss on the held-out text of one language.

    Attributes:
        language: name.
        nats_per_token: mean cross-entropy; depends on the tokenizer.
        bits_per_byte: the same information per byte of text, which no tokenizer changes; NaN where the corpus
            does not know its bytes.
    """

    language: str
    nats_per_token: float
    bits_per_byte: float


def losses(checkpoint: Path, corpus: Corpus, *, tokens: int | None = None) -> list[LanguageLoss]:
    """Measure a checkpoint that `langmix train` wrote.

    Args:
        checkpoint: folder.
        corpus: whose validation text is read.
        tokens: of validation text per language; default: all.

    Raises:
        InputError: no checkpoint there, or one of another tokenizer.
        MissingExtraError: torch is not installed.
    """
    found = []
    for name, counts in document_losses(checkpoint, corpus, tokens=tokens).items():
        nats, many = counts.sum(axis=0)
        found.append(LanguageLoss(name, nats / many, bits_per_byte(nats / many, name, corpus)))
    return found


def bits_per_byte(nats_per_token: float, language: str, corpus: Corpus) -> float:
    """The same information per byte; NaN where the corpus does not know its bytes."""
    return nats_per_token / math.log(2) / corpus.bytes_per_token.get(language, math.nan)


def document_losses(
    checkpoint: Path,
    corpus: Corpus,
    *,
    tokens: int | None = None,
    advance: Callable[[int], None] = lambda languages: None,
) -> Mapping[str, NDArray[np.float64]]:
    """Nats and tokens of each held-out document, by language, shape (documents, 2).

    Text is read in windows of the model's context, as in training; a window counts for the document that it
    begins in. Where the corpus does not know its documents, each window stands for one.

    Args:
        checkpoint: folder.
        corpus: whose validation text is read.
        tokens: of validation text per language; default: all.
        advance: told of each language that is done.

    Raises:
        InputError: no checkpoint there, or one of another tokenizer.
        MissingExtraError: torch is not installed.
    """
    if corpus.card.parallel:
        raise InputError(
            f"{corpus.folder}: holds parallel texts; `langmix evaluate translation` measures a model on them"
        )
    with lab_needed():
        from langmix.lab._checkpoints import read_checkpoint
        from langmix.lab._windows import Windows, mean_loss, windows
    model = read_checkpoint(checkpoint, corpus=corpus)
    found = {}
    for name in corpus.languages:
        text = corpus.validation(name)
        all_NT = windows(text, tokens or len(text), model.sequence).tokens_NT
        begins, ends = np.arange(len(all_NT)) * model.sequence, document_ends(corpus, name)
        within = np.arange(len(all_NT)) if ends is None else np.searchsorted(ends, begins, side="right")
        rows = []
        for own in np.split(np.arange(len(all_NT)), np.flatnonzero(np.diff(within)) + 1):
            (nats,) = mean_loss(model, Windows(all_NT[own[0] : own[-1] + 1]))
            many = len(own) * model.sequence
            rows.append((nats * many, many))
        found[name] = np.array(rows)
        advance(1)
    return found
