"""The import map: which metric or config entry of a tracker is which column of the run table."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from langmix import files
from langmix.errors import InputError
from langmix.runs.importers._reference import parse_reference


class SharesAre(StrEnum):
    """What the numbers mapped to ``share`` count."""

    SHARE = "share"
    """Parts of the training tokens, summing to 1."""

    PERCENT = "percent"
    """Parts of the training tokens, summing to 100."""

    WEIGHT = "weight"
    """Tokens per language, or weights of a sampler that draws tokens: divided by their sum."""


class LossUnit(StrEnum):
    """What the mapped losses are measured in."""

    NATS = "nats"
    """Nats per token: what trainers log as cross-entropy."""

    BITS = "bits"
    """Bits per token."""

    BITS_PER_BYTE = "bits_per_byte"
    """Bits per byte of text; becomes nats per token through bytes_per_token, else nats per byte."""

    PERPLEXITY = "perplexity"
    """Exponential of nats per token."""


def _text(value: Any) -> Any:
    """YAML reads ``params: 1.3e9`` as a number; a reference is text."""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _switch(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else _text(value)


_Ref = Annotated[str, BeforeValidator(_text)]
_Refs = dict[str, _Ref]

REFERENCES: Final = (
    "run",
    "step",
    "params",
    "params_total",
    "embedding_params",
    "vocab_size",
    "d_model",
    "tied_embeddings",
    "tokens",
    "tokens_per_step",
    "seed",
    "tokenizer",
    "organisation",
)
FAMILIES: Final = ("share", "loss", "unique", "bytes_per_token")


class ImportMap(BaseModel):
    """Which metric or config entry becomes which column. Every field is optional: the rest is guessed.

    A reference is a number (``1.3B``), ``config:NAME``, ``metric:NAME``, ``value:TEXT``, or ``NAME`` alone
    (config first, then metrics); ``* 1e9`` after it scales it. In ``share``, ``loss``, ``unique`` and
    ``bytes_per_token`` the entry ``"*": "eval/*_loss"`` stands for every name that fits.

    Attributes:
        run: names the runs by this instead of the tracker's name; runs of one name are one run (a run that
            was resumed under another id). In a table: the column of the run's name.
        step: the metric that holds the trainer's step, where the tracker's own step counts something else.
        params: non-embedding parameters.
        params_total: all parameters.
        embedding_params: parameters of the embedding, and of the head where it is separate.
        vocab_size: of the model; with ``d_model`` and ``tied_embeddings`` gives the embedding's parameters.
        d_model: width of the embedding.
        tied_embeddings: whether embedding and head are one matrix: true or false.
        tokens: training tokens seen at the checkpoint.
        tokens_per_step: tokens are step times this, where ``tokens`` is not logged.
        share: language to reference.
        shares_are: what those numbers count.
        loss: target to metric.
        loss_unit: what those metrics are measured in.
        unique: language to distinct tokens available.
        bytes_per_token: language to bytes per token.
        seed: of the run.
        tokenizer: its name.
        organisation: of the corpus.
        rename: name in the tracker to name in the run table, for languages and targets.
        include: patterns (``sweep-*``) of the runs to keep; empty keeps all.
        exclude: patterns of the runs to leave out.
        every: keep each k-th checkpoint of a run, counted back from its last.
        last: keep only the last checkpoint of a run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: _Ref | None = None
    step: _Ref | None = None
    params: _Ref | None = None
    params_total: _Ref | None = None
    embedding_params: _Ref | None = None
    vocab_size: _Ref | None = None
    d_model: _Ref | None = None
    tied_embeddings: Annotated[str | None, BeforeValidator(_switch)] = None
    tokens: _Ref | None = None
    tokens_per_step: _Ref | None = None
    share: _Refs = {}
    shares_are: SharesAre | None = None
    loss: _Refs = {}
    loss_unit: LossUnit = LossUnit.NATS
    unique: _Refs = {}
    bytes_per_token: _Refs = {}
    seed: _Ref | None = None
    tokenizer: _Ref | None = None
    organisation: _Ref | None = None
    rename: dict[str, str] = {}
    include: list[str] = []
    exclude: list[str] = []
    every: int = Field(default=1, ge=1)
    last: bool = False

    @model_validator(mode="after")
    def _references_can_be_read(self) -> ImportMap:
        try:
            for field in REFERENCES:
                if (text := getattr(self, field)) is not None:
                    parse_reference(text, field=field)
            for family in FAMILIES:
                for name, text in getattr(self, family).items():
                    _check_family(f"{family} {name}", name, text)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def yaml(self) -> str:
        """Text that `read_import_map` reads back as this map."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def read_import_map(path: str | os.PathLike[str]) -> ImportMap:
    """Read an import map from a YAML file.

    Raises:
        InputError: no such file, not YAML, an unknown field or a reference that cannot be read.
    """
    path = Path(path)
    text = files.read_text(path, what="an import map in YAML")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: expected fields such as tokens, params, share and loss; see docs/import.md"
        )
    return build_import_map(content, source=path)


def build_import_map(content: dict[str, Any], *, source: Path) -> ImportMap:
    """Check fields and make a map of them; ``source`` is where they came from, for messages.

    Raises:
        InputError: an unknown field, or a reference that cannot be read.
    """
    try:
        return ImportMap.model_validate(content)
    except ValidationError as error:
        raise InputError(
            files.validation_message(source, error, remedy=f"fields: {', '.join(ImportMap.model_fields)}")
        ) from None


def _check_family(field: str, name: str, text: str) -> None:
    reference = parse_reference(text, field=field)
    if ("*" in name or reference.wildcard) and not (name == "*" and reference.name.count("*") == 1):
        raise InputError(
            f'{field}: {text!r}; a pattern is written "*": NAME with one * in NAME, such as eval/*_loss'
        )
