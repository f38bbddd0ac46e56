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
        counted: per language index, whether the loss of a token counts, ``length`` for each of its sequences;
            empty where all count.
        length: tokens that a sequence predicts.
        distinct: per language name, distinct tokens at the run's disposal.
    """

    language: Ints
    start: Ints
    streams: Mapping[int, Tokens]
    counted: Mapping[int, NDArray[np.bool_]]
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
        keeps the first chunks of that order, so a smaller cap is a part of a larger one. Chunks of running
        text share the token between them; whole sequences, of parallel texts, do not.
        """
        language = schedule(list(shares.values()), count)
        start = np.empty(count, dtype=np.int64)
        streams: dict[int, Tokens] = {}
        counted: dict[int, NDArray[np.bool_]] = {}
        distinct: dict[str, int] = {}
        for index, (name, share) in enumerate(shares.items()):
            if share == 0:
                continue
            streams[index] = corpus.train(name)
            if (counts := corpus.counted(name)) is not None:
                counted[index] = counts
            stride = length if counts is None else length + 1
            chunks = _order(name, seed, 0, (len(streams[index]) - length - 1) // stride + 1)
            if name in unique:
                chunks = chunks[: max(1, unique[name] // length)]
            distinct[name] = len(chunks) * length
            mine = language == index
            epochs = -(-int(mine.sum()) // len(chunks))
            passes = [chunks, *(chunks[_order(name, seed, e, len(chunks))] for e in range(1, epochs))]
            start[mine] = np.concatenate(passes)[: mine.sum()] * stride
        return cls(
            language=language,
            start=start,
            streams=streams,
            counted=counted,
            length=length,
            distinct=distinct,
        )

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

    def counts(self, first: int, count: int) -> NDArray[np.bool_] | None:
        """Whether the loss of each predicted token counts, shape (count, length); None where all do."""
        if not self.counted:
            return None
        chosen = zip(self.language[first : first + count], self.start[first : first + count], strict=True)
        places = ((int(index), start // (self.length + 1) * self.length) for index, start in chosen)
        return np.stack([self.counted[index][place : place + self.length] for index, place in places])


def _order(language: str, seed: int, epoch: int, count: int) -> Ints:
    return np.random.default_rng([seed, zlib.crc32(language.encode()), epoch]).permutation(count)
