"""From sources to a corpus: collect, split, tokenise; memory holds no more than a few batches of text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress, TaskID

from langmix import files
from langmix.corpus._collect import collect
from langmix.corpus._config import CorpusConfig
from langmix.corpus._duplicates import minhash
from langmix.corpus._encode import BATCH, WORKERS, encode
from langmix.corpus._npy import token_dtype, write_npy
from langmix.corpus._place import put_in_place, scratch_in
from langmix.corpus._shards import Corpus, CorpusCard, LanguageCard, Split, open_corpus, shard_path
from langmix.corpus._sources import FolderSource, TableSource
from langmix.corpus._spill import Spill
from langmix.corpus._split import held_groups, in_turn
from langmix.corpus._tokenizer import END_OF_TEXT, check_tokenizers, train_tokenizer
from langmix.corpus._tokens import cut_tokens
from langmix.errors import InputError

Ints = NDArray[np.int64]


def build_corpus(
    config: CorpusConfig,
    folder: Path,
    *,
    progress: Progress | None = None,
    workers: int = WORKERS,
    batch: int = BATCH,
) -> Corpus:
    """Build a corpus in ``folder``; the card is written last, so a folder with a card is whole.

    An older corpus there is replaced when the new one is ready. What is kept of the text lies in its
    ``.building`` meanwhile, which the next build removes if this one is killed.

    Args:
        config: what to build.
        folder: written to.
        progress: to show progress on.
        workers: batches that are encoded at a time; changes nothing but time and memory.
        batch: characters of a batch; likewise.

    Raises:
        InputError: a source is unreadable, or a language has too little text to split.
        LangmixError: a package could not be fetched, or one that this takes is not installed.
    """
    progress = progress or Progress(disable=True)
    if config.tokens is None:  # what is missing is told before anything is fetched or read
        minhash()
        check_tokenizers()
    for source in config.sources:
        if isinstance(source, FolderSource):
            source.root()
        elif isinstance(source, TableSource):
            source.parts()
    with scratch_in(folder) as scratch:
        if config.tokens is not None:
            card = cut_tokens(config.tokens, config.languages, scratch, seed=config.seed, progress=progress)
        else:
            card = _cut_text(config, scratch, progress, workers, batch)
        put_in_place(scratch, folder, card)
    return open_corpus(folder)


def _cut_text(
    config: CorpusConfig, scratch: Path, progress: Progress, workers: int, batch: int
) -> CorpusCard:
    with collect(config, scratch / "text", progress) as collected:
        train: dict[str, Ints] = {}
        held: dict[str, Ints] = {}
        for language, kept in collected.kept.items():
            try:
                train[language], held[language] = _split(kept, language, config)
            except InputError as error:
                # A missing client explains an empty language better than the emptiness does.
                raise InputError("; ".join([str(error), *collected.missing])) from None

        task = progress.add_task("tokenizer", total=None)
        tokenizer = train_tokenizer(
            (kept.texts(train[language]) for language, kept in collected.kept.items()),
            vocab_size=config.vocab_size,
            bytes_each=config.tokenizer_bytes,
        )
        progress.update(task, total=1, completed=1)
        tokenizer_json = tokenizer.to_str()
        files.write_text(scratch / "tokenizer.json", tokenizer_json)
        dtype = token_dtype(tokenizer.get_vocab_size())
        end = tokenizer.token_to_id(END_OF_TEXT)
        assert end is not None

        total = sum(
            int(kept.sizes[cut[name]].sum()) for name, kept in collected.kept.items() for cut in (train, held)
        )
        task = progress.add_task("token shards", total=total)
        cards: dict[str, LanguageCard] = {}
        for language, kept in collected.kept.items():
            sizes = kept.sizes

            def write(split: Split, documents: Ints, language: str = language, kept: Spill = kept) -> int:
                texts = _counted(kept.texts(documents), progress, task)
                tokens = encode(tokenizer, texts, end=end, dtype=dtype, workers=workers, batch=batch)
                return write_npy(shard_path(scratch, language, split), tokens, dtype)

            validation_tokens = write("validation", held[language])
            cards[language] = LanguageCard(
                train_tokens=write("train", train[language]),
                validation_tokens=validation_tokens,
                bytes_per_token=int(sizes[held[language]].sum()) / validation_tokens,
                train_groups=kept.groups(train[language]),
                validation_groups=kept.groups(held[language]),
                files=dict(sorted(collected.counts[language].items())),
            )
        return CorpusCard(
            vocab_size=tokenizer.get_vocab_size(),
            tokenizer_sha256=hashlib.sha256(tokenizer_json.encode()).hexdigest(),
            seed=config.seed,
            languages=cards,
            sources=collected.sources,
        )


def _counted(texts: Iterator[str], progress: Progress, task: TaskID) -> Iterator[str]:
    for text in texts:
        progress.advance(task, len(text))
        yield text


def _split(kept: Spill, language: str, config: CorpusConfig) -> tuple[Ints, Ints]:
    """Training and validation documents, each in a seeded order that mixes the groups."""
    groups = held_groups(
        kept.group_sizes(),
        files=len(kept),
        language=language,
        validation_bytes=config.validation_bytes,
        fewest=config.validation_groups,
        seed=config.seed,
    )
    order, sizes = kept.order, kept.sizes
    out = kept.of_groups(groups)[order]
    train, held = order[~out], order[out]
    if config.validation_groups > 1:
        held = in_turn(held, kept.group, sizes)
    if config.bytes_per_language:
        train = _head(train, sizes, config.bytes_per_language)
    return train, _head(held, sizes, config.validation_bytes)


def _head(documents: Ints, sizes: Ints, most: int) -> Ints:
    """The first documents that together hold at most ``most`` bytes, at least one."""
    return documents[: max(1, int(np.searchsorted(np.cumsum(sizes[documents]), most, side="right")))]
