"""A token stream whose pieces stay in the files where they are.

tokens/<language>.train.json      which tokens of which files, instead of a shard
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.errors import InputError

SCHEMA_VERSION: Final = 1


class Piece(NamedTuple):
    """Tokens that follow one another in a file.

    Attributes:
        file: index into the files of the stream.
        first: token.
        tokens: how many.
    """

    file: int
    first: int
    tokens: int


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    dtype: str
    tokens: int


class _Card(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["token stream"] = "token stream"
    schema_version: int = SCHEMA_VERSION
    vocab_size: int
    end_of_document: int | None
    files: list[_File]
    pieces: list[Piece]


class TokenStream:
    """Pieces of memory-mapped files as one stream: ``len`` counts its tokens, a slice reads them.

    A slice inside one piece is a view; one that spans several is put together.

    Args:
        files: paths, and the ids in each, shape (tokens,).
        pieces: in their order.
        vocab_size: ids are below it.
    """

    def __init__(
        self, files: Sequence[tuple[Path, NDArray[np.integer]]], pieces: Sequence[Piece], vocab_size: int
    ) -> None:
        self._files, self._pieces, self.vocab_size = files, pieces, vocab_size
        self._ends = np.cumsum([piece.tokens for piece in pieces], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, span: slice) -> NDArray[np.integer]:
        start, stop, step = span.indices(len(self))
        if step != 1:
            raise ValueError("a token stream is read in order: slices have no step")
        parts: list[NDArray[np.integer]] = []
        k = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            file, first, count = self._pieces[k]
            inside = start - int(self._ends[k]) + count
            taken = min(stop - start, count - inside)
            parts.append(self._read(file, first + inside, taken))
            start, k = start + taken, k + 1
        if not parts:
            return np.empty(0, np.uint16)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _read(self, file: int, first: int, count: int) -> NDArray[np.integer]:
        path, tokens = self._files[file]
        part = tokens[first : first + count]
        if part.min() < 0 or part.max() >= self.vocab_size:
            at = int(np.argmax((part < 0) | (part >= self.vocab_size)))
            raise InputError(
                f"{path}: token {first + at} has the id {part[at]}; the vocabulary has {self.vocab_size} "
                "ids, from 0; give the tokenizer or vocab_size that the files were made with"
            )
        return part


def stream_path(folder: Path, language: str) -> Path:
    """Where a language's stream is described."""
    return folder / "tokens" / f"{language}.train.json"


def write_stream(
    path: Path,
    files_: Sequence[tuple[Path, NDArray[np.integer]]],
    pieces: Sequence[Piece],
    *,
    vocab_size: int,
    end_of_document: int | None,
) -> None:
    """Describe a stream; files are named by their absolute paths."""
    card = _Card(
        vocab_size=vocab_size,
        end_of_document=end_of_document,
        files=[_File(path=p.absolute(), dtype=ids.dtype.str, tokens=len(ids)) for p, ids in files_],
        pieces=list(pieces),
    )
    files.write_text(path, json.dumps(card.model_dump(mode="json")) + "\n")


def read_stream(path: Path) -> TokenStream:
    """Open a stream.

    Raises:
        InputError: not a stream, or a file of it is gone or of another size.
    """
    card = _card(path)
    opened = []
    for file in card.files:
        try:
            ids: NDArray[np.integer] = np.memmap(file.path, dtype=file.dtype, mode="r")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{file.path}: cannot be read ({error}); the corpus trains on it in place: bring it back, or "
                "build the corpus again"
            ) from None
        if len(ids) != file.tokens:
            raise InputError(
                f"{file.path}: holds {len(ids):,} tokens; it had {file.tokens:,} when the corpus was built; "
                "build the corpus again"
            )
        opened.append((file.path, ids))
    return TokenStream(opened, card.pieces, card.vocab_size)


def end_of_document(path: Path) -> int | None:
    """The id that ends the documents of a stream, if it is known."""
    return _card(path).end_of_document


def _card(path: Path) -> _Card:
    text = files.read_text(path, what="the stream of a corpus that `langmix corpus` built from token files")
    files.check_schema(text, path, kind="token stream", newest=SCHEMA_VERSION, command="langmix corpus")
    try:
        return _Card.model_validate_json(text)
    except ValidationError as error:
        raise InputError(files.validation_message(path, error, remedy="build the corpus again")) from None
