"""Documents of a language on disk, so that memory holds only what orders and splits them."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from langmix.corpus._document import Document

Ints = NDArray[np.int64]


class Spill:
    """Texts in a file, one after the other. In memory 28 bytes per document, and the names of the groups.

    Args:
        path: of the file, which is written anew.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._starts = array("Q", [0])
        self._groups = array("I")
        self._keys = array("Q")
        self._names: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, document: Document, key: bytes) -> None:
        """Append a document; ``key``, 16 bytes or more, says where `order` has it."""
        text = document.text.encode()
        self._file.write(text)
        self._starts.append(self._starts[-1] + len(text))
        self._groups.append(self._names.setdefault(document.group, len(self._names)))
        self._keys.extend((int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big")))

    @property
    def sizes(self) -> Ints:
        """Shape (n,): bytes of each document."""
        starts: Ints = _array(self._starts, np.uint64).astype(np.int64)
        return starts[1:] - starts[:-1]

    @property
    def order(self) -> Ints:
        """Shape (n,): the documents by key; those of one key as they came."""
        high, low = _array(self._keys, np.uint64).reshape(-1, 2).T
        order: Ints = np.lexsort((low, high))
        return order

    def group_sizes(self) -> Mapping[str, int]:
        """Bytes of each group, in the order in which groups came."""
        sums = np.zeros(len(self._names), dtype=np.int64)
        np.add.at(sums, self.group, self.sizes)
        return dict(zip(self._names, sums.tolist(), strict=True))

    def of_groups(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Shape (n,): whether a document is of one of these groups."""
        return np.isin(self.group, [self._names[name] for name in names])

    def groups(self, documents: Ints) -> list[str]:
        """Names of the groups of these documents, sorted."""
        names = list(self._names)
        return sorted(names[k] for k in np.unique(self.group[documents]))

    def texts(self, documents: Ints) -> Iterator[str]:
        """The texts of these documents, in this order, each read when it is asked for."""
        self._file.flush()
        for k in documents:
            start, end = self._starts[k], self._starts[k + 1]
            yield os.pread(self._file.fileno(), end - start, start).decode()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def group(self) -> Ints:
        return _array(self._groups, np.uint32).astype(np.int64)


def _array(values: array[int], dtype: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(values.tobytes(), dtype=dtype)
