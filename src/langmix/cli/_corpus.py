"""The verb corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus import CorpusConfig, Source, build_corpus, source_of
from langmix.errors import InputError
from langmix.languages import LANGUAGES


@app.command()
def corpus(
    out: Annotated[
        Path,
        typer.Argument(
            callback=_options.writable("folder", folder=True), help="Folder to write the corpus to."
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of code, or JSONL, Parquet or Arrow file, repeatable; default: the registry."
        ),
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="To keep, repeatable; default: all seven.")
    ] = None,
    vocab_size: Annotated[int, typer.Option(help="Of the byte-level BPE.")] = 4096,
    most: Annotated[
        str | None, typer.Option("--bytes", help="Most training text per language, such as 8M.")
    ] = None,
    validation: Annotated[str, typer.Option(help="Bytes of text to hold out per language.")] = "400K",
    seed: Annotated[int, typer.Option(help="Seed of the split and of the order of files.")] = 0,
    json: _options.Json = False,
) -> None:
    """Turn code into token shards: fetch, filter, drop duplicates, split, tokenise."""
    known = [each.name for each in LANGUAGES]
    if not 257 <= vocab_size <= 65536:
        raise InputError(f"--vocab-size: {vocab_size}; expected 257 to 65536")
    sources: list[Source] = [source_of(name) for name in source or ["registry"]]
    config = CorpusConfig(
        sources=sources,
        languages=language or known,
        vocab_size=vocab_size,
        bytes_per_language=None if most is None else int(_options.quantity(most, option="--bytes")),
        validation_bytes=int(_options.quantity(validation, option="--validation")),
        seed=seed,
    )
    with _print.progress(hidden=json) as progress:
        built = build_corpus(config, out, progress=progress)
    if json:
        _print.as_json(built.card.model_dump())
        return
    _print.corpus_table(built)
    _print.saved("corpus", out)
