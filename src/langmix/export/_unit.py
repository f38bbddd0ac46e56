"""The unit that a trainer samples in, and token shares turned into weights of that unit.

A share counts training tokens. A trainer that draws whole documents with weight w_i sees the tokens
w_i n_i / sum_j w_j n_j, where n_i is the mean number of tokens of a document: for the shares to come true the
weights are share_i / n_i. Rows of equal length have equal n_i, so their weights are the shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Unit(StrEnum):
    """What one draw of a trainer's sampler takes."""

    TOKENS = "tokens"
    """The trainer counts tokens itself."""

    ROWS = "packed rows"
    """Rows of equal length, each of one language: documents were concatenated and cut before mixing."""

    DOCUMENTS = "documents"
    """Whole documents, or any samples whose length differs between languages."""


def draw_weights(shares: Mapping[str, float], size: Mapping[str, float]) -> dict[str, float]:
    """Weights per draw, summing to 1, under which the tokens follow the shares.

    Args:
        shares: part of the training tokens per language; they need not sum to 1.
        size: mean tokens that one draw takes, per language.
    """
    ratio = {name: share / size[name] for name, share in shares.items()}
    total = sum(ratio.values())
    return {name: value / total for name, value in ratio.items()}


def token_shares(weights: Mapping[str, float], size: Mapping[str, float]) -> dict[str, float]:
    """The part of the tokens that a sampler with these weights yields, the inverse of `draw_weights`."""
    taken = {name: weight * size[name] for name, weight in weights.items()}
    total = sum(taken.values())
    return {name: value / total for name, value in taken.items()}
