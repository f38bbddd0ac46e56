"""A trained model on disk: its weights, and a card that says what made it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import load, save

from langmix import files
from langmix.corpus import Corpus
from langmix.errors import InputError
from langmix.lab._llama import llama_config, llama_weights, load_llama_weights
from langmix.lab._model import Model
from langmix.lab._sizes import ModelSize

CARD: Final = "model.json"
WEIGHTS: Final = "model.safetensors"
SCHEMA_VERSION: Final = 1


class Card(BaseModel):
    """Content of ``model.json``."""

    model_config = ConfigDict(extra="forbid")

    kind: str = "langmix model"
    schema_version: int = SCHEMA_VERSION
    size: ModelSize
    vocab_size: int
    sequence: int
    tokenizer_sha256: str
    shares: dict[str, float]
    tokens: int
    seed: int


def write_checkpoint(
    folder: Path,
    model: Model,
    *,
    corpus: Corpus,
    shares: dict[str, float],
    tokens: int,
    seed: int,
    run: int = 0,
) -> None:
    """Write one of a model's runs as a Hugging Face Llama folder, the card last: with a card it is whole."""
    card = Card(
        size=model.size,
        vocab_size=corpus.vocab_size,
        sequence=model.sequence,
        tokenizer_sha256=corpus.card.tokenizer_sha256,
        shares=shares,
        tokens=tokens,
        seed=seed,
    )
    (folder / CARD).unlink(missing_ok=True)
    files.write_bytes(folder / WEIGHTS, save(llama_weights(model, run)))
    files.write_text(folder / "config.json", json.dumps(llama_config(model), indent=2) + "\n")
    if (tokenizer := corpus.folder / "tokenizer.json").exists():  # a corpus of token files may have none
        files.write_text(folder / "tokenizer.json", tokenizer.read_text("utf-8"))
    files.write_text(
        folder / CARD, json.dumps({**card.model_dump(), "size": asdict(model.size)}, indent=2) + "\n"
    )


def read_card(folder: Path) -> Card:
    """What made a checkpoint.

    Raises:
        InputError: no checkpoint there, or of a newer schema.
    """
    path = folder / CARD
    text = files.read_text(path, what="the card of a checkpoint that `langmix train` wrote")
    files.check_schema(text, path, kind="langmix model", newest=SCHEMA_VERSION, command="langmix train")
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        raise InputError(files.validation_message(path, error, remedy="train it again")) from None


def read_checkpoint(folder: Path, *, corpus: Corpus) -> Model:
    """The model of a checkpoint.

    Raises:
        InputError: no checkpoint there, or one of another tokenizer than the corpus'.
    """
    card = read_card(folder)
    check_tokenizer(folder, card, corpus)
    model = Model(card.size, card.vocab_size, card.sequence)
    try:
        load_llama_weights(model, load((folder / WEIGHTS).read_bytes()))
    except Exception as error:  # safetensors and torch raise kinds of their own
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / WEIGHTS}: are not the weights of {folder / CARD} ({reason})") from None
    return model


def check_tokenizer(folder: Path, card: Card, corpus: Corpus) -> None:
    """Refuse a corpus of another tokenizer than a checkpoint's.

    Raises:
        InputError: it is.
    """
    if card.tokenizer_sha256 != corpus.card.tokenizer_sha256:
        raise InputError(
            f"{folder}: was trained with tokenizer {card.tokenizer_sha256[:12]}, the corpus {corpus.folder} "
            f"has {corpus.card.tokenizer_sha256[:12]}; losses per token cannot be compared; use its corpus"
        )
