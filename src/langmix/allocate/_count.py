"""Tokens for people."""

from __future__ import annotations


def count(tokens: float) -> str:
    """Tokens in three digits: 38.2B, 1.5M, 800."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(tokens) >= size:
            return f"{tokens / size:.3g}{unit}"
    return f"{tokens:.3g}"
