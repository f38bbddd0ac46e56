"""A scenario: all that the page asks, as a query of a URL. Every field is checked, others are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self, get_origin
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from langmix.allocate import Asked
from langmix.errors import InputError
from langmix.quantities import read_count

CURRENT: Final = "current"
"""The user's own mixture, as `langmix allocate --current` names it."""


def _number(value: object) -> object:
    """A number as it stands, or the text of one with or without a unit."""
    if not isinstance(value, str):
        return value
    number = read_count(value)
    if number != number:
        raise ValueError("expected a number such as 0.02, 1.5B or 350e9")
    return number


_Count = Annotated[float, BeforeValidator(_number), Field(ge=1e-30, le=1e30, allow_inf_nan=False)]
_Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
_Weight = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1e6, allow_inf_nan=False)]
_Word = Annotated[str, Field(max_length=40)]


class Scenario(BaseModel):
    """What `langmix.allocate` is asked, with the same names and units.

    As a query, ``params=1.5B&tokens=350e9&floors.rust=0.02``: a mapping is a field for each of its names.

    Attributes:
        params, tokens: of the training run.
        current: the user's own mixture to compare with; empty for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    params: _Count
    tokens: _Count
    objective: _Word | None = None
    robust: _Word | None = None
    weights: Mapping[str, _Weight] = Field(default_factory=dict)
    available: Mapping[str, _Count] = Field(default_factory=dict)
    max_epochs: _Count | None = None
    floors: Mapping[str, _Share] = Field(default_factory=dict)
    ceilings: Mapping[str, _Share] = Field(default_factory=dict)
    fixed: Mapping[str, _Share] = Field(default_factory=dict)
    near: Mapping[str, _Share] = Field(default_factory=dict)
    no_worse_than: Mapping[str, _Share] = Field(default_factory=dict)
    current: Mapping[str, _Share] = Field(default_factory=dict)

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Read a query.

        Raises:
            InputError: an unknown field, one that is given twice, or a value out of range.
        """
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=10_000)
        except ValueError as error:
            raise InputError(f"the query cannot be read ({error})") from None
        return cls.of(cls._content(pairs))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Check fields, whose numbers may be texts.

        Raises:
            InputError: an unknown field, or a value out of range.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            if first["type"] == "missing":
                raise InputError(f"{where}: is missing; expected it in the query") from None
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(f"{_short(where)}: {_short(repr(first['input']))}: {message}") from None

    @classmethod
    def _content(cls, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        fields = cls.model_fields
        mappings = {name for name in fields if get_origin(fields[name].annotation) is Mapping}
        for key, text in pairs:
            name, dot, inner = key.partition(".")
            known = name in fields and bool(dot) == (name in mappings)
            if not known or (dot and not inner):
                listed = ", ".join(f"{n}.NAME" if n in mappings else n for n in fields)
                raise InputError(f"{_short(key)}: is not known; expected one of {listed}")
            place = content.setdefault(name, {}) if dot else content
            if (last := inner if dot else name) in place:
                raise InputError(f"{_short(key)}: is given twice; give it once")
            place[last] = text
        return content

    def query(self) -> str:
        """The query that reads back as this scenario."""
        pairs: list[tuple[str, str]] = []
        for name, value in self.model_dump(exclude_defaults=True).items():
            if isinstance(value, Mapping):
                pairs += [(f"{name}.{inner}", _text(each)) for inner, each in value.items()]
            else:
                pairs.append((name, _text(value)))
        return urlencode(pairs)

    def asked(self) -> Asked:
        """The arguments of `langmix.allocate` besides parameters and tokens."""
        return {
            "objective": self.objective,
            "robust": self.robust,
            "weights": self.weights or None,
            "available": self.available,
            "max_epochs": self.max_epochs,
            "floors": self.floors,
            "ceilings": self.ceilings,
            "fixed": self.fixed,
            "near": self.near,
            "no_worse_than": self.no_worse_than,
            "mixtures": {CURRENT: self.current} if self.current else None,
        }


class ExportScenario(Scenario):
    """A scenario and what a trainer's file needs besides; see `langmix.export.convert`."""

    paths: Mapping[str, Annotated[str, Field(max_length=1000)]] = Field(default_factory=dict)
    tokens_per_document: Mapping[str, _Count] = Field(default_factory=dict)
    packed: bool = False
    sequence_length: Annotated[int, Field(ge=1, le=10**9)] | None = None


def _text(value: float | str | bool) -> str:
    """The shortest text that reads back as the value."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    """One line of what was sent."""
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 80 else text[:77] + "..."
