"""Losses of a checkpoint on every language of a corpus."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from langmix.corpus import Corpus
from langmix.errors import InputError
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
    if corpus.card.parallel:
        raise InputError(
            f"{corpus.folder}: holds parallel texts; `langmix evaluate translation` measures a model on them"
        )
    with lab_needed():
        from langmix.lab._checkpoints import read_checkpoint
        from langmix.lab._windows import mean_loss, windows
    model = read_checkpoint(checkpoint, corpus=corpus)
    found = []
    for name in corpus.languages:
        text = corpus.validation(name)
        (nats,) = mean_loss(model, windows(text, tokens or len(text), model.sequence))
        ratio = corpus.bytes_per_token.get(name, math.nan)
        found.append(LanguageLoss(name, nats, nats / math.log(2) / ratio))
    return found
