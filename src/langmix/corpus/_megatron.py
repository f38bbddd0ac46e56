"""Token files of Megatron-LM: ids in a .bin, and in an .idx where each sequence and document begins.

Source: NVIDIA/Megatron-LM, ``megatron/core/datasets/indexed_dataset.py`` (``_IndexWriter``,
``_IndexReader``). An index is little-endian: ``MMIDIDX`` and two zeros, version 1 (uint64), a code for the
type of the ids (uint8), the number of sequences, and of documents plus one (uint64 each); then the length of
each sequence (int32), its first byte in the .bin (int64), and the first sequence of each document with their
number at the end (int64). Arrays begin at byte 34, unaligned.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from langmix import files
from langmix.errors import InputError

_MAGIC: Final = b"MMIDIDX\x00\x00"
_HEADER: Final = struct.Struct("<9sQBQQ")
_CODES: Final = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 8: "uint16"}  # 6, 7: floats
_BLOCK: Final = 1 << 20
_LONGEST: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenFile:
    """An open pair of files; all arrays are memory-mapped.

    Attributes:
        prefix: of the pair.
        tokens: shape (n,), the ids of all documents.
        pointers: shape (sequences,), first byte of each sequence.
        first: shape (documents + 1,), first sequence of each document.
    """

    prefix: Path
    tokens: NDArray[np.integer]
    pointers: NDArray[np.int64]
    first: NDArray[np.int64]

    @property
    def documents(self) -> int:
        """How many."""
        return len(self.first) - 1

    def span(self, document: int) -> tuple[int, int]:
        """The first token of a document, and the one after its last."""
        return self._token(int(self.first[document])), self._token(int(self.first[document + 1]))

    def _token(self, sequence: int) -> int:
        if sequence == len(self.pointers):
            return len(self.tokens)
        return int(self.pointers[sequence]) // self.tokens.itemsize


def bin_path(prefix: Path) -> Path:
    """Where the ids lie."""
    return Path(f"{prefix}.bin")


def idx_path(prefix: Path) -> Path:
    """Where the index lies."""
    return Path(f"{prefix}.idx")


def megatron_dtype(vocab_size: int) -> np.dtype[Any]:
    """The type that Megatron-LM itself writes ids of a vocabulary in."""
    return np.dtype(np.uint16 if vocab_size < 65500 else np.int32)


def read_token_file(prefix: Path) -> TokenFile:
    """Open a pair of files, and check that the index is whole and fits the ids.

    Raises:
        InputError: a file is missing, cut off or something else, or its ids are no integers.
    """
    path, ids = idx_path(prefix), bin_path(prefix)
    for each in (path, ids):
        if not each.is_file():
            raise InputError(
                f"{each}: there is no such file; expected the .bin and .idx of Megatron-LM's "
                f"preprocess_data.py, named by their prefix {prefix}"
            )
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise InputError(
            f"{path}: begins with {header[:9]!r}; expected {_MAGIC!r}, an index that Megatron-LM's "
            "preprocess_data.py wrote"
        )
    _, version, code, sequences, documents = _HEADER.unpack(header)
    if version != 1:
        raise InputError(f"{path}: is an index of version {version}; expected version 1")
    if code not in _CODES:
        raise InputError(
            f"{path}: the ids are of type {code}; expected one of "
            f"{', '.join(f'{k} ({name})' for k, name in _CODES.items())}"
        )
    expected = _HEADER.size + 12 * sequences + 8 * documents
    if (found := path.stat().st_size) < expected:
        raise InputError(
            f"{path}: holds {found:,} bytes; {sequences:,} sequences and {max(0, documents - 1):,} documents "
            f"take {expected:,}; copy it again"
        )
    at = _HEADER.size
    lengths = _mapped(path, "<i4", sequences, at)
    pointers = _mapped(path, "<i8", sequences, at + 4 * sequences)
    first = _mapped(path, "<i8", documents, at + 12 * sequences)
    dtype = np.dtype(_CODES[code]).newbyteorder("<")
    total = _check_index(path, lengths, pointers, first, dtype.itemsize)
    if (found := ids.stat().st_size) != total:
        raise InputError(
            f"{ids}: holds {found:,} bytes; {path.name} expects {total:,} ({total // dtype.itemsize:,} "
            f"tokens of {dtype.itemsize} bytes); copy both files again"
        )
    if total == 0:
        raise InputError(f"{ids}: holds no tokens; leave it out")
    tokens = _mapped(ids, dtype, total // dtype.itemsize, 0)
    return TokenFile(prefix=prefix, tokens=tokens, pointers=pointers, first=first)


def write_token_file(prefix: Path, documents: Iterable[NDArray[np.integer]], dtype: np.dtype[Any]) -> int:
    """Write documents, one sequence each, as they come; returns their number. The index is written last.

    Raises:
        InputError: a document has more tokens than an index can say.
    """
    code = next(code for code, name in _CODES.items() if np.dtype(name) == dtype)
    lengths = array("i")
    idx_path(prefix).unlink(missing_ok=True)
    with files.replacing(bin_path(prefix)) as file:
        for document in documents:
            if len(document) > _LONGEST:
                raise InputError(
                    f"{bin_path(prefix)}: document {len(lengths)} has {len(document):,} tokens; an index "
                    f"holds at most {_LONGEST:,} per document"
                )
            file.write(np.ascontiguousarray(document, dtype=dtype.newbyteorder("<")).data)
            lengths.append(len(document))
    with files.replacing(idx_path(prefix)) as file:
        count = len(lengths)
        file.write(_HEADER.pack(_MAGIC, 1, code, count, count + 1))
        listed = np.frombuffer(lengths, dtype=np.int32) if count else np.empty(0, np.int32)
        for part in _blocks(count):
            file.write(listed[part].astype("<i4").data)
        start = 0
        for part in _blocks(count):
            ends = start + dtype.itemsize * np.cumsum(listed[part], dtype=np.int64)
            file.write(np.concatenate([[start], ends[:-1]]).astype("<i8").data)
            start = int(ends[-1])
        for part in _blocks(count + 1):
            file.write(np.arange(part.start, part.stop, dtype="<i8").data)
    return count


def _check_index(
    path: Path,
    lengths: NDArray[np.int32],
    pointers: NDArray[np.int64],
    first: NDArray[np.int64],
    itemsize: int,
) -> int:
    """Sequences follow one another and documents divide them; returns the bytes of all."""
    start = 0
    for part in _blocks(len(lengths)):
        ends = start + itemsize * np.cumsum(lengths[part], dtype=np.int64)
        wrong = (pointers[part] != np.concatenate([[start], ends[:-1]])) | (lengths[part] < 0)
        if wrong.any():
            k = part.start + int(np.argmax(wrong))
            raise InputError(
                f"{path}: sequence {k} has {lengths[k]} tokens from byte {pointers[k]}; expected sequences "
                "that follow one another; write the files again with Megatron-LM's preprocess_data.py"
            )
        start = int(ends[-1])
    whole = len(first) > 0 and first[0] == 0 and first[-1] == len(lengths)
    for part in _blocks(len(first)):
        whole = whole and bool((np.diff(first[part.start : part.stop + 1]) >= 0).all())
    if not whole:
        raise InputError(
            f"{path}: its documents do not divide its {len(lengths):,} sequences; write the files again with "
            "Megatron-LM's preprocess_data.py"
        )
    return start


def _mapped(path: Path, dtype: Any, count: int, offset: int) -> NDArray[Any]:
    if count == 0:
        return np.empty(0, dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))


def _blocks(count: int) -> Iterator[slice]:
    for start, stop in pairwise([*range(0, count, _BLOCK), count]):
        yield slice(start, stop)
