"""Blocks of LaTeX (```` ```math ````) as MathML, which browsers draw by themselves."""

from __future__ import annotations

from typing import Any

from latex2mathml.converter import convert


def fence(source: str, language: str, css_class: str, options: Any, md: Any, **others: Any) -> str:
    """What `pymdownx.superfences` calls for such a block; rows may be parted by ``\\\\``."""
    return f'<div class="{css_class}">{convert(source.strip(), display="block")}</div>'
