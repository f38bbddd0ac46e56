"""Numbers of tokens and of parameters, for people."""

from __future__ import annotations


def count(number: float) -> str:
    """Tokens or parameters in three digits: 38.2B, 1.5M, 800."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
