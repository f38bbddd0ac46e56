"""Token shards written piece by piece: a file has the bytes that `numpy.save` gives the whole array."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from langmix import files

_UINT16: Final = 1 << 16


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 that holds every id of a vocabulary."""
    return np.dtype(np.uint16 if vocab_size <= _UINT16 else np.uint32)


def write_npy(path: Path, pieces: Iterable[NDArray[np.integer]], dtype: np.dtype[Any]) -> int:
    """Write pieces, one after the other, as one array of shape (n,); returns n. Holds one piece at a time."""
    count = 0
    with files.replacing(path) as file:
        _header(file, dtype, 0)
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, dtype=dtype).data)
            count += len(piece)
        file.seek(0)
        _header(file, dtype, count)  # numpy leaves room for a first axis that grows
    return count


def _header(file: BinaryIO, dtype: np.dtype[Any], count: int) -> None:
    np.lib.format.write_array_header_1_0(
        file,
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)},
    )
