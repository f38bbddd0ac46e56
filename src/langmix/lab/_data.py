"""The order in which a run meets its sequences: a schedule of languages, passes over their chunks."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langmix.corpus import Corpus, Tokens

Ints = NDArray[np.int64]


def schedule(shares: Sequence[float], count: int) -> Ints:
    """Language index of each of ``count`` sequences, spread evenly in time.

    The m-th sequence of language j is due at (m + 1/2) / p_j; sequences follow in the order in which they are
    due, so that every prefix realises the shares to within a sequence or two per language.

    Args:
        shares: summing to 1.
        count: of sequences.
    """
    due = [(np.arange(np.ceil(count * share) + 1) + 0.5) / share for share in shares if share > 0]
    language = np.repeat(np.flatnonzero(np.asarray(shares) > 0), [len(times) for times in due])
    return language[np.argsort(np.concatenate(due), kind="stable")][:count]


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """The training sequences of a run: sequence n is a function of n alone, so a branch continues its trunk.

    Attributes:
        language: shape (n,), index of each sequence's language.
        start: shape (n,), its first token in that language's stream.
        streams: per language index, token ids.
        length: tokens that a sequence predicts.
        distinct: per language name, distinct tokens at the run's disposal.
    """

    language: Ints
    start: Ints
    streams: Mapping[int, Tokens]
    length: int
    distinct: Mapping[str, int]

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        *,
        shares: Mapping[str, float],
        unique: Mapping[str, int],
        count: int,
        length: int,
        seed: int,
    ) -> Sequences:
        """Plan ``count`` sequences of ``length`` tokens.

        A language's chunks are met in a seeded order, another one in each epoch. A cap on distinct tokens
        keeps the first chunks of that order, so a smaller cap is a part of a larger one.
        """
        language = schedule(list(shares.values()), count)
        start = np.empty(count, dtype=np.int64)
        streams: dict[int, Tokens] = {}
        distinct: dict[str, int] = {}
        for index, (name, share) in enumerate(shares.items()):
            if share == 0:
                continue
            streams[index] = corpus.train(name)
            chunks = _order(name, seed, 0, (len(streams[index]) - 1) // length)
            if name in unique:
                chunks = chunks[: max(1, unique[name] // length)]
            distinct[name] = len(chunks) * length
            mine = language == index
            epochs = -(-int(mine.sum()) // len(chunks))
            passes = [chunks, *(chunks[_order(name, seed, e, len(chunks))] for e in range(1, epochs))]
            start[mine] = np.concatenate(passes)[: mine.sum()] * length
        return cls(language=language, start=start, streams=streams, length=length, distinct=distinct)

    def realised(self, count: int) -> dict[str, float]:
        """Share of each language of the mixture in the tokens of the first ``count`` sequences."""
        met = self.language[:count]
        return {
            name: float(np.mean(met == index))
            for index, name in zip(self.streams, self.distinct, strict=True)
        }

    def batch(self, first: int, count: int) -> Ints:
        """Token ids of sequences ``first`` to ``first + count``, shape (count, length + 1)."""
        chosen = zip(self.language[first : first + count], self.start[first : first + count], strict=True)
        rows = [self.streams[int(index)][start : start + self.length + 1] for index, start in chosen]
        return np.stack(rows).astype(np.int64)


def _order(language: str, seed: int, epoch: int, count: int) -> Ints:
    return np.random.default_rng([seed, zlib.crc32(language.encode()), epoch]).permutation(count)
