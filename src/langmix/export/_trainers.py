"""The registry of trainers, and the one function that exports to any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from langmix.allocate import Allocation
from langmix.errors import InputError
from langmix.export import (
    _huggingface,
    _levanter,
    _litdata,
    _megatron,
    _mosaic,
    _nanotron,
    _olmo_core,
    _plain,
    _torchtitan,
)
from langmix.export._blend import Blend, blend
from langmix.export._unit import Unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainer:
    """A format and what its weights count.

    Attributes:
        write: makes the text of the file.
        units: what one draw may be. Two units mean that the data decides and the user must say which.
        description: one line: what is written, for which version.
        extension: of the file, with its dot.
        realise: weights as the trainer realises them, where its rounding is coarse; by default as written.
    """

    write: Callable[[Blend], str]
    units: tuple[Unit, ...]
    description: str
    extension: str
    realise: Callable[[Blend], dict[str, float]] | None = None


TRAINERS: Final[Mapping[str, Trainer]] = {
    "json": Trainer(
        write=_plain.json,
        units=(Unit.TOKENS,),
        description="mixture.json: shares, intervals, prices and whole tokens",
        extension=".json",
    ),
    "csv": Trainer(
        write=_plain.csv_table,
        units=(Unit.TOKENS,),
        description="a row per language: share, interval, whole tokens",
        extension=".csv",
    ),
    "megatron": Trainer(
        write=_megatron.data_path,
        units=(Unit.ROWS,),
        description="Megatron-LM: --data-path, weights and prefixes",
        extension=".txt",
    ),
    "megatron-per-split": Trainer(
        write=_megatron.per_split,
        units=(Unit.ROWS,),
        description="Megatron-LM and Megatron-Bridge: JSON of --per-split-data-args-path",
        extension=".json",
    ),
    "megatron-bridge": Trainer(
        write=_megatron.bridge,
        units=(Unit.ROWS,),
        description="Megatron-Bridge: YAML override of dataset.blend",
        extension=".yaml",
    ),
    "nemo": Trainer(
        write=_megatron.nemo,
        units=(Unit.ROWS,),
        description="NeMo 2: paths of PreTrainingDataModule",
        extension=".json",
    ),
    "torchtitan": Trainer(
        write=_torchtitan.dataloader,
        units=(Unit.ROWS,),
        description="torchtitan 0.3: Python of the interleaved data loader",
        extension=".py",
    ),
    "olmo-core": Trainer(
        write=_olmo_core.sources,
        units=(Unit.TOKENS,),
        description="OLMo-core: YAML of a SourceMixtureList",
        extension=".yaml",
    ),
    "levanter": Trainer(
        write=_levanter.data,
        units=(Unit.ROWS,),
        description="Levanter: YAML of data.train_weights",
        extension=".yaml",
        realise=_levanter.realised,
    ),
    "nanotron": Trainer(
        write=_nanotron.data_stages,
        units=(Unit.ROWS,),
        description="nanotron: YAML of data_stages",
        extension=".yaml",
    ),
    "litdata": Trainer(
        write=_litdata.combined,
        units=(Unit.DOCUMENTS, Unit.ROWS),
        description="litdata, litgpt: Python of a CombinedStreamingDataset",
        extension=".py",
    ),
    "mosaic": Trainer(
        write=_mosaic.streams,
        units=(Unit.DOCUMENTS, Unit.ROWS),
        description="MosaicML streaming, llm-foundry: YAML of streams",
        extension=".yaml",
    ),
    "huggingface": Trainer(
        write=_huggingface.interleave,
        units=(Unit.DOCUMENTS, Unit.ROWS),
        description="Hugging Face datasets: Python of interleave_datasets",
        extension=".py",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Realised:
    """What a language gets under the weights as they are written.

    Attributes:
        language: its name.
        share: part of the training tokens that the allocation asked for.
        weight: probability that one draw takes it; 0 for a language that was left out.
        tokens: expected training tokens; a random sampler scatters around them.
        samples: expected draws, None where their size in tokens is not known.
        epochs: tokens over available tokens, None where those are not given.
    """

    language: str
    share: float
    weight: float
    tokens: float
    samples: float | None
    epochs: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A trainer's file and what it amounts to.

    Attributes:
        trainer: one of `TRAINERS`.
        unit: what the weights count.
        text: the file.
        languages: what every language of the allocation gets, in its order.
    """

    trainer: str
    unit: Unit
    text: str
    languages: tuple[Realised, ...]


def export(
    allocation: Allocation,
    trainer: str,
    *,
    paths: Mapping[str, str] | None = None,
    tokens_per_document: Mapping[str, float] | None = None,
    packed: bool = False,
    sequence_length: int | None = None,
    available: Mapping[str, float] | None = None,
) -> str:
    """The text of a trainer's mixture file; see `convert`, which also says what every language gets."""
    return convert(
        allocation,
        trainer,
        paths=paths,
        tokens_per_document=tokens_per_document,
        packed=packed,
        sequence_length=sequence_length,
        available=available,
    ).text


def convert(
    allocation: Allocation,
    trainer: str,
    *,
    paths: Mapping[str, str] | None = None,
    tokens_per_document: Mapping[str, float] | None = None,
    packed: bool = False,
    sequence_length: int | None = None,
    available: Mapping[str, float] | None = None,
) -> Export:
    """Convert token shares to the unit that a trainer samples in and write them in its format.

    Args:
        allocation: what to export.
        trainer: one of `TRAINERS`.
        paths: where each language's data lies, as the trainer names it; by default ``data/<language>``.
        tokens_per_document: mean tokens per document and language, for trainers that sample documents.
        packed: the samples of such a trainer are rows of equal length, so that shares are the weights.
        sequence_length: tokens per packed row; gives the number of samples.
        available: distinct tokens per language; gives epochs, and the repetition that OLMo-core must allow.

    Raises:
        InputError: an unknown trainer or language, a value out of range, a trainer that samples documents or
            rows without being told which, or an argument that the trainer has no use for.
    """
    if trainer not in TRAINERS:
        raise InputError(f"trainer: {trainer!r} is not known; expected one of {', '.join(TRAINERS)}")
    chosen = TRAINERS[trainer]
    unit = _unit(
        trainer,
        chosen.units,
        tokens_per_document=tokens_per_document is not None,
        packed=packed,
        sequence_length=sequence_length is not None,
    )
    mixed = blend(
        allocation,
        unit=unit,
        paths=paths or {},
        tokens_per_document=tokens_per_document or {},
        sequence_length=sequence_length,
        available=available or {},
    )
    text = chosen.write(mixed)
    return Export(
        trainer=trainer,
        unit=unit,
        text=text,
        languages=_realised(
            mixed, None if chosen.realise is None else chosen.realise(mixed), available or {}
        ),
    )


def _unit(
    trainer: str, units: tuple[Unit, ...], *, tokens_per_document: bool, packed: bool, sequence_length: bool
) -> Unit:
    """Settle what one draw is; a guess here would silently train on another mixture."""
    if len(units) == 1:
        if tokens_per_document:
            raise InputError(
                f"tokens_per_document: {trainer} samples {units[0]}, so shares are its weights whatever the "
                "length of documents; leave it out"
            )
        unit = units[0]
    elif tokens_per_document and packed:
        raise InputError(
            f"{trainer}: both packed and tokens_per_document are given; packed rows have one length, so give "
            "only one of them"
        )
    elif not (tokens_per_document or packed):
        raise InputError(
            f"{trainer}: samples are documents or packed rows, depending on the data, and weights differ; "
            "give tokens_per_document (the mean tokens per document and language) if they are documents, or "
            "packed if all rows have one length"
        )
    else:
        unit = Unit.ROWS if packed else Unit.DOCUMENTS
    if sequence_length and unit is not Unit.ROWS:
        raise InputError(
            f"sequence_length: {trainer} samples {unit} here, which have no common length; leave it out"
        )
    return unit


def _realised(
    mixed: Blend, weights: Mapping[str, float] | None, available: Mapping[str, float]
) -> tuple[Realised, ...]:
    tokens = mixed.tokens(weights)
    parts = {part.language: part for part in mixed.parts}
    found = []
    for name, share in mixed.allocation.shares.items():
        part, taken = parts.get(name), tokens.get(name, 0.0)
        size = None if part is None else part.size
        found.append(
            Realised(
                language=name,
                share=share,
                weight=0.0 if part is None else part.weight,
                tokens=taken,
                samples=None if size is None else taken / size,
                epochs=taken / available[name] if name in available else None,
            )
        )
    return tuple(found)
