"""A corpus as Megatron-LM's token files, so that the trainer itself can read what was cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.corpus._megatron import megatron_dtype, write_token_file
from langmix.corpus._shards import Corpus, Tokens
from langmix.errors import InputError

_BLOCK: Final = 1 << 20


def export_corpus(corpus: Corpus, folder: Path) -> dict[str, Path]:
    """Write ``<language>_train`` and ``<language>_validation``, a .bin and .idx each, document by document.

    Args:
        corpus: whose tokens to write.
        folder: written to.

    Returns:
        The prefix of each language's training tokens.

    Raises:
        InputError: nothing says which id ends a document.
    """
    if corpus.card.parallel:
        raise InputError(
            f"{corpus.folder}: holds parallel texts, with masks that token files have no place for; `langmix "
            "pair` writes their documents for other trainers"
        )
    dtype = megatron_dtype(corpus.vocab_size)
    prefixes: dict[str, Path] = {}
    for language in corpus.languages:
        end = corpus.end_of_document(language)
        if end is None:
            raise InputError(
                f"{corpus.folder}: nothing says which id ends a document of {language!r}; give "
                "end_of_document in the source of token files, and build the corpus again"
            )
        prefixes[language] = folder / f"{language}_train"
        write_token_file(prefixes[language], documents(corpus.train(language), end), dtype)
        write_token_file(
            folder / f"{language}_validation", documents(corpus.validation(language), end), dtype
        )
    return prefixes


def documents(tokens: Tokens, end: int) -> Iterator[NDArray[np.integer]]:
    """The documents of a stream, each with the ``end`` that ends it."""
    begun: list[NDArray[np.integer]] = []
    for first in range(0, len(tokens), _BLOCK):
        block = tokens[first : first + _BLOCK]
        start = 0
        for stop in (np.flatnonzero(block == end) + 1).tolist():
            yield np.concatenate([*begun, block[start:stop]]) if begun else block[start:stop]
            begun, start = [], stop
        if start < len(block):
            begun.append(block[start:])
    if begun:
        yield np.concatenate(begun)
