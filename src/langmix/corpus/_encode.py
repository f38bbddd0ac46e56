"""Texts to tokens in batches, each of which `tokenizers` encodes on all cores (or ``RAYON_NUM_THREADS``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BATCH: Final = 1 << 20
"""Characters of a batch; encoded, they take some hundred bytes per token until they are plain ids."""

WORKERS: Final = 2
"""Batches at a time: one turns ids into an array, which Python does alone, while the next is encoded."""


def encode(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    end: int,
    dtype: np.dtype[Any],
    workers: int = WORKERS,
    batch: int = BATCH,
) -> Iterator[NDArray[np.integer]]:
    """Token ids of texts, each followed by ``end``: one array per batch, in order.

    Args:
        tokenizer: of the texts.
        texts: taken as they are needed; those of ``workers`` + 2 batches are held at most.
        end: id.
        dtype: of the ids.
        workers: batches at a time.
        batch: characters.
    """

    def ids(texts: list[str]) -> NDArray[np.integer]:
        listed = [each.ids for each in tokenizer.encode_batch_fast(texts)]
        out = np.full(sum(map(len, listed)) + len(listed), end, dtype=dtype)
        start = 0
        for one in listed:
            out[start : start + len(one)] = one
            start += len(one) + 1
        return out

    under_way: deque[Future[NDArray[np.integer]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for part in _batches(texts, batch):
            under_way.append(pool.submit(ids, part))
            if len(under_way) > workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _batches(texts: Iterable[str], most: int) -> Iterator[list[str]]:
    part: list[str] = []
    held = 0
    for text in texts:
        part.append(text)
        held += len(text)
        if held >= most:
            yield part
            part, held = [], 0
    if part:
        yield part
