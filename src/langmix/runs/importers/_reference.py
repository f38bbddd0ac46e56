"""Where a value comes from: a number, a config entry of the run, or a metric, with a scale."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from langmix.errors import InputError

_UNITS: Final = {"": 1.0, "%": 0.01, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_NUMBER: Final = re.compile(r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([%kmbgt]?)", re.IGNORECASE)
_SCALED: Final = re.compile(r"(.*\S)\s*\*\s*([^*]+)", re.DOTALL)


class Place(StrEnum):
    """Where a reference looks."""

    ANY = "any"
    """In the config of the run, then among the metrics."""

    CONFIG = "config"
    """In the config (hyperparameters, params, columns of text) of the run."""

    METRIC = "metric"
    """Among the metrics, at the checkpoint."""

    VALUE = "value"
    """Nowhere: the text is the value, the same for all runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One side of a mapping.

    Attributes:
        place: where to look.
        name: of the config entry or metric; the text itself where the place is `Place.VALUE`.
        scale: what numbers are multiplied by, such as 1e9 for a column in billions.
    """

    place: Place
    name: str
    scale: float = 1.0

    @property
    def wildcard(self) -> bool:
        """Whether the name stands for many (it has a ``*``)."""
        return "*" in self.name and self.place is not Place.VALUE

    def at(self, place: Place, name: str) -> Reference:
        """The same scale for another name."""
        return Reference(place=place, name=name, scale=self.scale)

    def __str__(self) -> str:
        """The text that `parse_reference` reads back as this."""
        prefix = "" if self.place is Place.ANY else f"{self.place}:"
        return f"{prefix}{self.name}" + ("" if self.scale == 1 else f" * {self.scale!r}")


def parse_reference(text: str, *, field: str) -> Reference:
    """Read ``1.3B``, ``config:model.params``, ``metric:eval/go_loss``, ``NAME``, or one of them ``* 1e9``.

    Args:
        text: what a map or an option says.
        field: which one, for the message.

    Raises:
        InputError: empty, or a scale that is not a number above 0.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{field}: is empty; expected a number, config:NAME, metric:NAME or NAME")
    scale = 1.0
    if match := _SCALED.fullmatch(stripped):
        factor = quantity(match[2])
        if factor is not None:
            if factor <= 0:
                raise InputError(f"{field}: {text!r}; expected a scale above 0 after *")
            stripped, scale = match[1], factor
    for place in (Place.CONFIG, Place.METRIC, Place.VALUE):
        if stripped.startswith(f"{place}:"):
            name = stripped.removeprefix(f"{place}:").strip()
            if not name:
                raise InputError(f"{field}: {text!r}; expected a name after {place}:")
            return Reference(place=place, name=name, scale=scale)
    if quantity(stripped) is not None or stripped in ("true", "false"):
        return Reference(place=Place.VALUE, name=stripped, scale=scale)
    return Reference(place=Place.ANY, name=stripped, scale=scale)


def quantity(text: str) -> float | None:
    """A finite number such as ``350e9``, ``1.5B``, ``2_097_152`` or ``12%``; None for any other text."""
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        return None
    value = float(match[1]) * _UNITS[match[2].lower()]
    return value if math.isfinite(value) else None
