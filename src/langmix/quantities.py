"""Numbers of tokens, of parameters and of seconds, for people."""

from __future__ import annotations

import math
import re
from typing import Final

_UNITS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def count(number: float) -> str:
    """Tokens or parameters in three digits: 38.2B, 1.5M, 800."""
    number = float(f"{number:.3g}")  # 999,600 is 1M, and not 1e+03k
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def read_count(text: str) -> float:
    """The number of a count such as ``1.5B``, ``350e9`` or ``800k``; NaN where it is none."""
    match = re.fullmatch(r"\s*([0-9.]+(?:e[+-]?\d+)?)\s*([kmbgt]?)\s*", text, re.IGNORECASE)
    try:
        return float(match[1]) * _UNITS[match[2].lower()] if match else math.nan
    except ValueError:
        return math.nan


def duration(seconds: float) -> str:
    """A time in one or two units: 40 s, 12 min, 3.5 h, 2.1 days."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds)} s"


def _short(number: float) -> str:
    """Two digits, and no exponent."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"
