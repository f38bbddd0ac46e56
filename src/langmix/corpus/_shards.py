"""A corpus on disk: token shards per language and a card that says what is in them.

corpus.json                       the card: `CorpusCard`
tokenizer.json                    the tokenizer
tokens/<language>.train.npy       token ids, one stream, an end-of-text token after each document
tokens/<language>.train.json      instead of it: where the tokens lie in token files (`TokenStream`)
tokens/<language>.validation.npy

A corpus of parallel texts has domains in place of languages, one per organisation of the same texts, as whole
sequences of T + 1 ids, and items to translate in place of validation tokens:

tokens/<domain>.train.npy         sequences, one after the other
tokens/<domain>.counted.npy       whether the loss of each predicted token counts, T per sequence
evaluation.jsonl                  the items held out
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.corpus._stream import TokenStream, end_of_document, read_stream, stream_path
from langmix.corpus._tokenizer import END_OF_TEXT, check_tokenizers
from langmix.errors import InputError

CARD: Final = "corpus.json"
EVALUATION: Final = "evaluation.jsonl"
SCHEMA_VERSION: Final = 1

Split = Literal["train", "validation", "counted"]
Tokens = NDArray[np.unsignedinteger] | TokenStream
"""A stream of token ids: a slice reads them."""


class LanguageCard(BaseModel):
    """What a corpus holds of one language.

    Attributes:
        train_tokens: distinct training tokens.
        validation_tokens: held-out tokens.
        bytes_per_token: of the validation text, which turns its nats per token into bits per byte; None where
            no tokenizer says what the tokens of a file are.
        train_groups: packages or repositories trained on; token files name none.
        validation_groups: packages or repositories held out.
        files: kept, and left out by reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_tokens: int
    validation_tokens: int
    bytes_per_token: float | None
    train_groups: list[str]
    validation_groups: list[str]
    files: dict[str, int]


class ParallelCard(BaseModel):
    """What a corpus of parallel texts holds.

    Attributes:
        sequence: T, tokens that a sequence predicts.
        languages: of the items.
        seen, held_out: directions, such as ``python>java``: trained on by pairs, and not.
        items, evaluation_items: to train on, and held out.
        left_out: ids of items with a document that is longer than a sequence in some organisation.
        evaluation_tokens: ids that a measurement of all targets reads.
        evaluation_sha256: of the items held out, which losses are measured on.
        filled: part of the ids of each domain that documents fill.
        documents: how each domain's documents were made, see `Pairing`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequence: int
    languages: list[str]
    seen: list[str]
    held_out: list[str]
    items: int
    evaluation_items: int
    left_out: list[str]
    evaluation_tokens: int
    evaluation_sha256: str
    filled: dict[str, float]
    documents: dict[str, dict[str, Any]]


class CorpusCard(BaseModel):
    """Content of ``corpus.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["corpus"] = "corpus"
    schema_version: int = SCHEMA_VERSION
    vocab_size: int
    tokenizer_sha256: str
    seed: int
    languages: dict[str, LanguageCard]
    sources: list[dict[str, str]]
    parallel: ParallelCard | None = None


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """An open corpus; token shards are memory-mapped."""

    folder: Path
    card: CorpusCard

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages in the order of the card."""
        return tuple(self.card.languages)

    @property
    def targets(self) -> tuple[str, ...]:
        """What losses are measured on: the languages; of parallel texts, also every direction."""
        parallel = self.card.parallel
        if parallel is None:
            return self.languages
        return (*parallel.languages, *parallel.seen, *parallel.held_out)

    @property
    def splits(self) -> tuple[Split, ...]:
        """Shards of each language."""
        return ("train", "validation") if self.card.parallel is None else ("train", "counted")

    @property
    def vocab_size(self) -> int:
        """Of the tokenizer."""
        return self.card.vocab_size

    @property
    def bytes_per_token(self) -> Mapping[str, float]:
        """Per language where it is known, of the validation text."""
        return {
            name: card.bytes_per_token
            for name, card in self.card.languages.items()
            if card.bytes_per_token is not None
        }

    def train(self, language: str) -> Tokens:
        """Training token ids, ``train_tokens`` of them."""
        path = stream_path(self.folder, language)
        return read_stream(path) if path.exists() else self._shard(language, "train")

    def validation(self, language: str) -> NDArray[np.unsignedinteger]:
        """Validation token ids, shape (validation_tokens,)."""
        return self._shard(language, "validation")

    def counted(self, language: str) -> NDArray[np.bool_] | None:
        """Whether the loss of each predicted token of whole sequences counts; None of running text."""
        return self._shard(language, "counted").view(np.bool_) if self.card.parallel else None

    def end_of_document(self, language: str) -> int | None:
        """The id that ends each document; None where token files do not say."""
        path = stream_path(self.folder, language)
        if path.exists():
            return end_of_document(path)
        check_tokenizers()
        from tokenizers import Tokenizer

        end: int | None = Tokenizer.from_file(str(self.folder / "tokenizer.json")).token_to_id(END_OF_TEXT)
        return end

    def _shard(self, language: str, split: Split) -> NDArray[np.unsignedinteger]:
        if language not in self.card.languages:
            raise InputError(
                f"{self.folder / CARD}: has no language {language!r}; it has {', '.join(self.languages)}"
            )
        path = shard_path(self.folder, language, split)
        try:
            tokens: NDArray[np.unsignedinteger] = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as tokens ({error}); build the corpus again") from None
        return tokens


def shard_path(folder: Path, language: str, split: Split) -> Path:
    """Where the tokens of a language lie."""
    return folder / "tokens" / f"{language}.{split}.npy"


def open_corpus(folder: Path) -> Corpus:
    """Open a corpus that `build_corpus` wrote.

    Raises:
        InputError: no corpus there, or of a newer schema.
    """
    path = folder / CARD
    text = files.read_text(path, what="the card of a corpus that `langmix corpus` wrote")
    files.check_schema(text, path, kind="corpus", newest=SCHEMA_VERSION, command="langmix corpus")
    try:
        card = CorpusCard.model_validate_json(text)
    except ValidationError as error:
        raise InputError(files.validation_message(path, error, remedy="build the corpus again")) from None
    return Corpus(folder=folder, card=card)


def write_card(folder: Path, card: CorpusCard) -> None:
    """Write ``corpus.json``; last of all, so that a folder with a card is a whole corpus."""
    files.write_text(folder / CARD, json.dumps(card.model_dump(), indent=2) + "\n")
