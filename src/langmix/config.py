"""Base of what people write in a configuration file: an unknown key is told together with the known ones."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


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
