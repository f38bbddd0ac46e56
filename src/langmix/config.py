"""Base of what people write in a configuration file: an unknown key is told together with the known ones."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from langmix.quantities import read_count


class Config(BaseModel):
    """A frozen part of a configuration that has no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, content: Any) -> Any:
        if isinstance(content, dict):
            for key in content:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key {key!r}; expected one of {', '.join(cls.model_fields)}")
        return content


def _read(value: object) -> object:
    """A count in words; what is none is left for the message to show."""
    number = read_count(value) if isinstance(value, str) else math.nan
    return value if math.isnan(number) else number


Count = Annotated[float, BeforeValidator(_read)]
"""A number, which may be written as ``1.5B``."""
WholeCount = Annotated[int, BeforeValidator(_read)]
"""The same of whole things."""
