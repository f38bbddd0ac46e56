"""Python literals for the trainers that are configured in Python."""

from __future__ import annotations

from collections.abc import Mapping


def literal(weights: Mapping[str, float]) -> str:
    """A dictionary of text and floats, one entry a line."""
    return "{\n" + "".join(f"    {name!r}: {weight!r},\n" for name, weight in weights.items()) + "}"
