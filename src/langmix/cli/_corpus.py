"""The verbs corpus and export-corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus import (
    Corpus,
    CorpusConfig,
    Source,
    TokensSource,
    build_corpus,
    export_corpus,
    open_corpus,
    source_of,
)
from langmix.errors import InputError
from langmix.languages import LANGUAGES, label
from langmix.quantities import count


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
    tokens: Annotated[
        list[str] | None,
        typer.Option(
            help="Megatron-LM .bin and .idx instead of text, LANGUAGE=PREFIX, repeatable; read in place."
        ),
    ] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="tokenizer.json of the --tokens.")] = None,
    end_of_document: Annotated[
        int | None, typer.Option(min=0, help="Id that ends each document of the --tokens.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="To keep, repeatable; default: all seven, or all of --tokens.")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(help="Of the byte-level BPE, default 4096; or of the --tokens.")
    ] = None,
    most: Annotated[
        str | None, typer.Option("--bytes", help="Most training text per language, such as 8M.")
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(help="To hold out per language: bytes of text, default 400K; of --tokens, 100K tokens."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split and of the order of files.")] = 0,
    json: _options.Json = False,
) -> None:
    """Turn code into token shards.

    Fetch, filter, drop duplicates, split, tokenise.
    """
    held = None if validation is None else int(_options.quantity(validation, option="--validation"))
    if tokens:
        if source or most is not None:
            raise InputError(
                f"{'--source' if source else '--bytes'}: cannot be combined with --tokens; leave it out"
            )
        options = {"vocab_size": vocab_size, "end_of_document": end_of_document, "validation_tokens": held}
        config = _of_tokens(tokens, tokenizer, options, language, seed)
    else:
        if tokenizer is not None or end_of_document is not None:
            raise InputError(
                f"{'--end-of-document' if tokenizer is None else '--tokenizer'}: is of --tokens only; a "
                "corpus of text trains its own tokenizer"
            )
        config = _of_text(source or ["registry"], vocab_size, most, held, language, seed)
    with _print.progress(hidden=json) as progress:
        built = build_corpus(config, out, progress=progress)
    if json:
        _print.as_json(built.card.model_dump())
        return
    _table(built)
    _print.saved("corpus", out)


@app.command("export-corpus")
def export_corpus_(
    corpus: Annotated[Path, typer.Argument(help="Folder that `langmix corpus` wrote.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", callback=_options.writable(folder=True), help="Folder for the files."),
    ] = Path("megatron"),
    json: _options.Json = False,
) -> None:
    """Write a corpus as Megatron-LM's .bin and .idx.

    Training and held-out tokens of each language.
    """
    prefixes = export_corpus(open_corpus(corpus), out)
    if json:
        _print.as_json({name: str(prefix) for name, prefix in prefixes.items()})
        return
    _print.saved("token files", out)
    paths = " ".join(f"--path {name}={prefix}" for name, prefix in prefixes.items())
    _print.say(f"next: langmix export mixture.json megatron {paths}")


def _of_text(
    sources: list[str],
    vocab_size: int | None,
    most: str | None,
    held: int | None,
    languages: list[str] | None,
    seed: int,
) -> CorpusConfig:
    vocab_size = 4096 if vocab_size is None else vocab_size
    if not 257 <= vocab_size < 2**31:
        raise InputError(f"--vocab-size: {vocab_size}; expected 257 or more")
    listed: list[Source] = [source_of(name) for name in sources]
    return CorpusConfig(
        sources=listed,
        languages=languages or [each.name for each in LANGUAGES],
        vocab_size=vocab_size,
        bytes_per_language=None if most is None else int(_options.quantity(most, option="--bytes")),
        validation_bytes=400_000 if held is None else held,
        seed=seed,
    )


def _of_tokens(
    named: list[str],
    tokenizer: Path | None,
    options: dict[str, int | None],
    languages: list[str] | None,
    seed: int,
) -> CorpusConfig:
    prefixes: dict[str, list[Path]] = {}
    for text in named:  # a language may have several
        for name, prefix in _options.texts([text], option="--tokens").items():
            prefixes.setdefault(name, []).append(Path(prefix))
    given = {name: value for name, value in options.items() if value is not None}
    try:
        source = TokensSource.model_validate(
            {"kind": "tokens", "languages": prefixes, "tokenizer": tokenizer, **given}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"--tokens: {first['msg'].removeprefix('Value error, ')}") from None
    return CorpusConfig(sources=[source], languages=languages or list(prefixes), seed=seed)


def _table(built: Corpus) -> None:
    """Tokens of every language, the files left out by reason, and what is held out."""
    table = _print.new_table(f"{built.vocab_size} tokens in the vocabulary", "language")
    for heading in ("training", "validation", "bytes/token", "files"):
        table.add_column(heading, justify="right")
    table.add_column("left out")
    for name, card in built.card.languages.items():
        left_out = (f"{n} {reason}" for reason, n in card.files.items() if reason != "kept")
        table.add_row(
            escape(label(name)),
            count(card.train_tokens),
            count(card.validation_tokens),
            "unknown" if card.bytes_per_token is None else f"{card.bytes_per_token:.2f}",
            str(card.files.get("kept", 0)),
            ", ".join(left_out),
        )
    _print.console.print(table)
