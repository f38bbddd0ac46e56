"""From sources to a corpus: fetch, filter, deduplicate, split, tokenise."""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from rich.progress import Progress

from langmix import files
from langmix.config import Config
from langmix.corpus._document import Document
from langmix.corpus._duplicates import mark_duplicates, minhash
from langmix.corpus._filters import fault
from langmix.corpus._packages import ClientMissingError, fetch_package, read_package
from langmix.corpus._shards import Corpus, CorpusCard, LanguageCard, open_corpus, shard_path, write_card
from langmix.corpus._sources import FolderSource, RegistrySource, Source, TableSource, read_folder, read_table
from langmix.corpus._split import split
from langmix.corpus._tokenizer import END_OF_TEXT, check_tokenizers, train_tokenizer
from langmix.errors import InputError
from langmix.languages import LANGUAGES


class CorpusConfig(Config):
    """How to build a corpus.

    Attributes:
        sources: of the documents.
        languages: to keep.
        bytes_per_language: most training text to keep of each language; absent is all.
        validation_bytes: text to hold out of each language, in whole packages or repositories.
        vocab_size: of the byte-level BPE.
        tokenizer_bytes: text per language that the BPE is trained on.
        seed: of the order of groups and files.
    """

    sources: list[Source] = Field(default=[RegistrySource(kind="registry")], min_length=1)
    languages: list[str] = Field(default=[language.name for language in LANGUAGES], min_length=1)
    bytes_per_language: int | None = Field(default=None, gt=0)
    validation_bytes: int = Field(default=400_000, gt=0)
    vocab_size: int = Field(default=4096, ge=257, le=65536)
    tokenizer_bytes: int = Field(default=1_000_000, gt=0)
    seed: int = 0

    @model_validator(mode="after")
    def _known_languages(self) -> CorpusConfig:
        """Tables name languages as they like; elsewhere a language is known by the suffix of its files."""
        known = [language.name for language in LANGUAGES]
        unknown = [name for name in self.languages if name not in known]
        if unknown and not any(isinstance(source, TableSource) for source in self.sources):
            raise InputError(
                f"language {unknown[0]!r} is not one that packages and folders have files of; expected "
                f"one of {', '.join(known)}, or a table with a column of languages as a source"
            )
        return self


def build_corpus(config: CorpusConfig, folder: Path, *, progress: Progress | None = None) -> Corpus:
    """Build a corpus in ``folder``; the card is written last, so a folder with a card is whole.

    Args:
        config: what to build.
        folder: written to; an older corpus there is replaced.
        progress: to show progress on.

    Raises:
        InputError: a source is unreadable, or a language has too little text to split.
        LangmixError: a package could not be fetched, or one that this takes is not installed.
    """
    minhash()  # what is missing is told before anything is fetched or read
    check_tokenizers()
    for source in config.sources:
        if isinstance(source, FolderSource):
            source.root()
        elif isinstance(source, TableSource):
            source.parts()
    progress = progress or Progress(disable=True)
    documents, sources, missing = _collect(config, progress)
    kept, counts = _clean(documents, config.languages, progress)
    train: dict[str, list[Document]] = {}
    held: dict[str, list[Document]] = {}
    for language in config.languages:
        try:
            train[language], held[language] = split(
                kept[language], language=language, validation_bytes=config.validation_bytes, seed=config.seed
            )
        except InputError as error:
            # A missing client explains an empty language better than the emptiness does.
            raise InputError("; ".join([str(error), *missing])) from None
        if config.bytes_per_language:
            train[language] = _head(train[language], config.bytes_per_language)
        held[language] = _head(held[language], config.validation_bytes)

    task = progress.add_task("tokenizer", total=None)
    tokenizer = train_tokenizer(train, vocab_size=config.vocab_size, bytes_each=config.tokenizer_bytes)
    progress.update(task, total=1, completed=1)
    tokenizer_json = tokenizer.to_str()
    end = tokenizer.token_to_id(END_OF_TEXT)

    def encode(listed: Sequence[Document]) -> NDArray[np.uint16]:
        encoded = tokenizer.encode_batch_fast([document.text for document in listed])
        return np.concatenate([np.array([*each.ids, end], dtype=np.uint16) for each in encoded])

    task = progress.add_task("token shards", total=len(config.languages))
    cards: dict[str, LanguageCard] = {}
    (folder / "corpus.json").unlink(missing_ok=True)
    for language in config.languages:
        train_tokens, validation_tokens = encode(train[language]), encode(held[language])
        files.write_bytes(shard_path(folder, language, "train"), _npy(train_tokens))
        files.write_bytes(shard_path(folder, language, "validation"), _npy(validation_tokens))
        cards[language] = LanguageCard(
            train_tokens=len(train_tokens),
            validation_tokens=len(validation_tokens),
            bytes_per_token=_bytes(held[language]) / len(validation_tokens),
            train_groups=sorted({document.group for document in train[language]}),
            validation_groups=sorted({document.group for document in held[language]}),
            files=dict(sorted(counts[language].items())),
        )
        progress.advance(task)
    files.write_text(folder / "tokenizer.json", tokenizer_json)
    write_card(
        folder,
        CorpusCard(
            vocab_size=tokenizer.get_vocab_size(),
            tokenizer_sha256=hashlib.sha256(tokenizer_json.encode()).hexdigest(),
            seed=config.seed,
            languages=cards,
            sources=sources,
        ),
    )
    return open_corpus(folder)


def _collect(
    config: CorpusConfig, progress: Progress
) -> tuple[list[Document], list[dict[str, str]], list[str]]:
    """Documents of the wanted languages, what they came from, and which clients were missing."""
    documents: list[Document] = []
    described: list[dict[str, str]] = []
    missing: list[str] = []
    for source in config.sources:
        if isinstance(source, RegistrySource):
            packages = source.chosen(config.languages)
            task = progress.add_task("packages", total=len(packages))
            for package in packages:
                progress.update(task, description=f"packages: {package.name}")
                try:
                    archive = fetch_package(package)
                except ClientMissingError as error:
                    missing.append(str(error))
                    continue
                documents += read_package(package, archive)
                described.append(
                    {"package": str(package), "sha256": package.sha256, "licence": package.licence}
                )
                progress.advance(task)
            progress.update(task, description="packages")
        elif isinstance(source, FolderSource):
            documents += read_folder(source)
            described.append({"folder": source.path.name})
        else:
            documents += read_table(source)
            described.append({"table": source.path.name})
    return [d for d in documents if d.language in config.languages], described, missing


def _clean(
    documents: Sequence[Document], languages: Iterable[str], progress: Progress
) -> tuple[dict[str, list[Document]], dict[str, Counter[str]]]:
    """Documents that pass the filters and repeat no other, and how many did or did not, by reason."""
    kept: dict[str, list[Document]] = defaultdict(list)
    counts: dict[str, Counter[str]] = {language: Counter() for language in languages}

    def passed() -> Iterator[Document]:
        for document in documents:
            reason = fault(document)
            progress.advance(task)
            if reason is None:
                yield document
            else:
                counts[document.language][reason] += 1

    task = progress.add_task("filters and duplicates", total=len(documents))
    for document, reason in mark_duplicates(passed()):
        counts[document.language][reason or "kept"] += 1
        if reason is None:
            kept[document.language].append(document)
    return kept, counts


def _head(documents: Sequence[Document], most: int) -> list[Document]:
    """The first documents that together hold at most ``most`` bytes, at least one."""
    sizes = np.cumsum([len(document.text.encode()) for document in documents])
    return list(documents[: max(1, int(np.searchsorted(sizes, most, side="right")))])


def _bytes(documents: Iterable[Document]) -> int:
    return sum(len(document.text.encode()) for document in documents)


def _npy(tokens: NDArray[np.uint16]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, tokens)
    return buffer.getvalue()
