"""A corpus of token files: training tokens stay where they are, held-out documents are copied.

There are no packages to hold out whole, so documents are drawn in a seeded order, or come from files of their
own. Nothing is filtered and no duplicates are looked for: that was for whoever made the files.
"""

from __future__ import annotations

import hashlib
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from langmix import files
from langmix.corpus._megatron import TokenFile, bin_path, idx_path, read_token_file
from langmix.corpus._npy import token_dtype, write_npy
from langmix.corpus._shards import CorpusCard, LanguageCard, shard_path
from langmix.corpus._sources import TokensSource
from langmix.corpus._split import LARGEST_PART
from langmix.corpus._stream import Piece, TokenStream, stream_path, write_stream
from langmix.corpus._tokenizer import check_tokenizers
from langmix.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CANDIDATES: Final = 1_000_000  # documents that may be held out of a language
_WINDOW: Final = 1 << 16
_WINDOWS: Final = 256  # of a language whose ids are looked at before training; all are, where they are read
_ENDS: Final = 1000  # documents of a file that must end as they should


class _Vocabulary(NamedTuple):
    tokenizer: Tokenizer | None
    size: int
    end: int | None
    sha256: str


class _Held(NamedTuple):
    """A document to hold out: of which file, and its tokens there."""

    file: int
    first: int
    stop: int


def cut_tokens(
    source: TokensSource, languages: Sequence[str], folder: Path, *, seed: int, progress: Progress
) -> CorpusCard:
    """Hold documents out of token files, and write validation shards and training streams to ``folder``.

    Raises:
        InputError: a file is missing or broken, ids are not of the vocabulary, or nothing can be held out.
    """
    vocabulary = _vocabulary(source, folder)
    cards: dict[str, LanguageCard] = {}
    described: list[dict[str, str]] = []
    task = progress.add_task("token files", total=len(languages))
    for language in languages:
        trained = [_opened(prefix, language, vocabulary, described) for prefix in source.languages[language]]
        apart = [
            _opened(prefix, language, vocabulary, described) for prefix in source.validation.get(language, [])
        ]
        held = _hold_out(
            apart or trained,
            language,
            tokens=source.validation_tokens,
            most=1.0 if apart else LARGEST_PART,
            seed=seed,
        )
        whole = _stream(apart or trained, vocabulary.size)
        starts = [0, *accumulate(len(file.tokens) for file in apart or trained)]
        spans = [slice(starts[h.file] + h.first, starts[h.file] + h.stop) for h in held]
        validation_tokens = write_npy(
            shard_path(folder, language, "validation"),
            (whole[span] for span in spans),
            token_dtype(vocabulary.size),
        )
        listed = _files(trained)
        pieces = _pieces(trained, [] if apart else held)
        stream = TokenStream(listed, pieces, vocabulary.size)
        _look_at_ids(stream)
        write_stream(
            stream_path(folder, language),
            listed,
            pieces,
            vocab_size=vocabulary.size,
            end_of_document=vocabulary.end,
        )
        cards[language] = LanguageCard(
            train_tokens=len(stream),
            validation_tokens=validation_tokens,
            bytes_per_token=_bytes(whole, spans, vocabulary.tokenizer, validation_tokens),
            train_groups=[],
            validation_groups=[],
            files={"kept": sum(file.documents for file in [*trained, *apart])},
        )
        progress.advance(task)
    return CorpusCard(
        vocab_size=vocabulary.size,
        tokenizer_sha256=vocabulary.sha256,
        seed=seed,
        languages=cards,
        sources=described,
    )


def vocab_size(source: TokensSource) -> int:
    """Of the ids of token files.

    Raises:
        InputError: the tokenizer cannot be read, or has ids beyond the size that is given.
    """
    return _vocabulary(source).size


def _vocabulary(source: TokensSource, folder: Path | None = None) -> _Vocabulary:
    """What the ids are; a tokenizer is copied into the folder of a corpus."""
    end = source.end_of_document
    if source.tokenizer is None:
        assert source.vocab_size is not None
        tokenizer, size = None, source.vocab_size
        # All that is known of the tokenizer, so that corpora of other vocabularies are told apart.
        sha256 = hashlib.sha256(f"{size} ids, {end} ends a document".encode()).hexdigest()
    else:
        check_tokenizers()
        from tokenizers import Tokenizer

        text = files.read_text(source.tokenizer, what="a tokenizer.json")
        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # tokenizers raises nothing narrower
            raise InputError(f"{source.tokenizer}: is not a tokenizer.json ({error})") from None
        least = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        size = source.vocab_size or least
        if size < least:
            raise InputError(f"vocab_size: {size}; {source.tokenizer} has ids up to {least - 1}")
        if folder:
            files.write_text(folder / "tokenizer.json", text)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
    if end is not None and end >= size:
        raise InputError(f"end_of_document: {end}; expected an id below the vocabulary's size, {size}")
    return _Vocabulary(tokenizer, size, end, sha256)


def _opened(
    prefix: Path, language: str, vocabulary: _Vocabulary, described: list[dict[str, str]]
) -> TokenFile:
    try:
        file = read_token_file(prefix)
    except InputError as error:
        raise InputError(f"language {language!r}: {error}") from None
    if vocabulary.end is not None:
        for document in range(min(_ENDS, file.documents)):
            first, stop = file.span(document)
            if first < stop and file.tokens[stop - 1] != vocabulary.end:
                raise InputError(
                    f"{bin_path(prefix)}: document {document} ends with the id {file.tokens[stop - 1]}; "
                    f"expected end_of_document, {vocabulary.end}; correct it, or write the files with "
                    "--append-eod"
                )
    described.append({"tokens": prefix.name, "language": language, "sha256": files.sha256(idx_path(prefix))})
    return file


def _hold_out(
    opened: Sequence[TokenFile], language: str, *, tokens: int, most: float, seed: int
) -> list[_Held]:
    """Whole documents in a seeded order, until they hold ``tokens``; passed over where they pass ``most``."""
    starts = list(accumulate((file.documents for file in opened), initial=0))
    limit = most * sum(len(file.tokens) for file in opened)
    rng = np.random.default_rng([seed, zlib.crc32(language.encode())])
    held: list[_Held] = []
    taken = 0
    for document in rng.choice(starts[-1], size=min(starts[-1], _CANDIDATES), replace=False).tolist():
        if taken >= tokens:
            break
        k = bisect_right(starts, document) - 1
        first, stop = opened[k].span(document - starts[k])
        if first < stop and taken + stop - first <= limit:
            held.append(_Held(k, first, stop))
            taken += stop - first
    if not held:
        raise InputError(
            f"language {language!r}: none of its {starts[-1]:,} documents can be held out without taking "
            f"more than {LARGEST_PART:.0%} of its tokens; name held-out files under `validation:`"
        )
    return held


def _pieces(opened: Sequence[TokenFile], held: Sequence[_Held]) -> list[Piece]:
    """What is left of the files, in their order."""
    pieces = []
    for k, file in enumerate(opened):
        start = 0
        for _, first, stop in [*sorted(h for h in held if h.file == k), (k, len(file.tokens), 0)]:
            if first > start:
                pieces.append(Piece(k, start, first - start))
            start = stop
    return pieces


def _files(opened: Sequence[TokenFile]) -> list[tuple[Path, NDArray[np.integer]]]:
    return [(bin_path(file.prefix), file.tokens) for file in opened]


def _stream(opened: Sequence[TokenFile], vocab_size: int) -> TokenStream:
    return TokenStream(_files(opened), _pieces(opened, []), vocab_size)


def _look_at_ids(stream: TokenStream) -> None:
    """Read windows spread over the stream, all of a short one: reading refuses ids beyond the vocabulary."""
    count = min(_WINDOWS, -(-len(stream) // _WINDOW))
    for start in np.linspace(0, max(0, len(stream) - _WINDOW), count).astype(int).tolist():
        stream[start : start + _WINDOW]


def _bytes(
    whole: TokenStream, spans: Sequence[slice], tokenizer: Tokenizer | None, tokens: int
) -> float | None:
    """Bytes per token of the held-out documents; unknown without a tokenizer."""
    if tokenizer is None:
        return None
    texts = (tokenizer.decode(whole[span].tolist(), skip_special_tokens=True) for span in spans)
    return sum(len(text.encode()) for text in texts) / tokens
