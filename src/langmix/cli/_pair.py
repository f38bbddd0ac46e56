"""The verbs aligned, pair and parallel-corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from langmix import files
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus.pairing import (
    ALIGNED,
    Pairing,
    ParallelConfig,
    build_parallel_corpus,
    check_leaks,
    hold_out,
    leaks,
    organise,
    read_items,
    write_items,
    write_pairing,
)
from langmix.errors import InputError
from langmix.quantities import count

_Languages = Annotated[list[str] | None, typer.Option(help="To read, repeatable; default: all.")]
_Template = Annotated[
    str | None,
    typer.Option(help="Of paired-prompt: {source}, {target}, {source_language}, {target_language}."),
]


@app.command()
def aligned(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(ALIGNED)}.")],
    out: Annotated[
        Path, typer.Argument(callback=_options.writable(), help="JSONL file to write the items to.")
    ],
    json: _options.Json = False,
) -> None:
    """Write the aligned items of a package.

    For `langmix pair`. The package is fetched once.
    """
    if name not in ALIGNED:
        raise InputError(f"{name!r} is no aligned corpus; expected {' or '.join(ALIGNED)}")
    corpus = ALIGNED[name]
    items = corpus.items()
    write_items(out, items)
    languages = list(dict.fromkeys(language for item in items for language in item.texts))
    if json:
        _print.as_json({"items": len(items), "languages": languages, "package": corpus.package.model_dump()})
        return
    _print.say(
        f"{len(items)} items in {', '.join(languages)}, from {corpus.package} ({corpus.package.licence})"
    )
    _print.say(f"what it is: {corpus.what}")
    _print.saved("items", out)


@app.command()
def pair(
    items: Annotated[
        Path,
        typer.Argument(help="Aligned items: JSONL, Parquet or Arrow, a column per language, or a row each."),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            callback=_options.writable("folder", folder=True), help="Folder to write documents to."
        ),
    ],
    organisation: Annotated[
        str, typer.Option(help="shuffled, paired or paired-prompt (an instruction between the two texts).")
    ] = "paired",
    pivot: _options.Pivot = "python",
    direction: _options.Seen = None,
    language: _Languages = None,
    template: _Template = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="Items held out: what leaks from them into the others is refused.")
    ] = None,
    held: Annotated[
        int | None,
        typer.Option("--hold-out", min=1, help="Hold out so many of the items, with their near-duplicates."),
    ] = None,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="Leave out items that leak, and say how many.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Keep items that lack some of the languages.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of documents and of the hold-out.")] = 0,
    json: _options.Json = False,
) -> None:
    """Turn aligned items into training documents.

    Shuffled, paired, or paired with a prompt.
    """
    if evaluation is not None and held is not None:
        raise InputError("--hold-out: cannot be combined with --evaluation; leave one out")
    try:
        pairing = Pairing.model_validate(
            {
                "organisation": organisation,
                "pivot": None if pivot == "none" else pivot,
                "seen": direction,
                "seed": seed,
                **({"template": template} if template is not None else {}),
            }
        )
    except ValidationError as error:
        message = files.validation_message(Path("pair"), error, remedy="see langmix pair --help")
        raise InputError(message.removeprefix("pair: ")) from None
    train = read_items(items, languages=language, partial=partial)
    apart = read_items(evaluation, languages=language, partial=True) if evaluation else []
    dropped = 0
    if held is not None:
        train, apart = hold_out(train, held, seed=seed)
    elif drop_leaks:
        gone = {leak.train for leak in leaks(train, apart)}
        train, dropped = [item for item in train if item.id not in gone], len(gone)
    else:
        check_leaks(train, apart)
    if not train:
        raise InputError(f"{items}: all items leak from {evaluation}; expected others to train on")
    documents = organise(train, pairing)
    card = write_pairing(
        out, pairing=pairing, items=train, evaluation=apart, documents=documents, dropped=dropped
    )
    if json:
        _print.as_json(card.model_dump())
        return
    _print.say(
        f"{card.documents} documents of {card.items} items in {len(card.languages)} languages; "
        f"{card.evaluation_items} items held out"
        + (f", {card.leaks} left out since they leak" if card.leaks else "")
    )
    _print.say(f"seen: {', '.join(card.seen)}")
    _print.say(f"held out: {', '.join(card.held_out) or 'no direction'}")
    _print.saved("documents", out)


@app.command("parallel-corpus")
def parallel_corpus(
    items: Annotated[str, typer.Argument(help=f"Aligned items: {', '.join(ALIGNED)}, or a file.")],
    out: Annotated[
        Path,
        typer.Argument(
            callback=_options.writable("folder", folder=True), help="Folder to write the corpus to."
        ),
    ],
    language: Annotated[
        list[str] | None, typer.Option(help="Of the items, repeatable; default: all.")
    ] = None,
    pivot: _options.Pivot = "python",
    direction: _options.Seen = None,
    template: Annotated[
        str | None,
        typer.Option(help="Of paired-prompt: {source}, {target}, {source_language}, {target_language}."),
    ] = None,
    evaluation: Annotated[Path | None, typer.Option(help="File of items held out.")] = None,
    held: Annotated[
        int | None, typer.Option("--hold-out", min=1, help="Hold out so many of the items; default: 100.")
    ] = None,
    sequence: Annotated[int, typer.Option(min=2, help="Tokens of a sequence.")] = 512,
    counted: Annotated[str, typer.Option(help="Whose tokens the loss counts: all, texts or target.")] = "all",
    vocab_size: Annotated[int, typer.Option(min=257, help="Of the byte-level BPE.")] = 2048,
    seed: Annotated[int, typer.Option(min=0, help="Of the hold-out and of the orders.")] = 0,
    partial: Annotated[
        bool, typer.Option("--partial", help="Keep items that lack some of the languages.")
    ] = False,
    json: _options.Json = False,
) -> None:
    """Build a corpus of aligned items.

    Shuffled, paired and with a prompt, to train on and to translate.
    """
    if evaluation is not None and held is not None:
        raise InputError("--hold-out: cannot be combined with --evaluation; leave one out")
    given = {"template": template, "hold_out": held, "seen": direction, "evaluation": evaluation}
    known = ALIGNED[items].package.languages if items in ALIGNED else None
    try:
        config = ParallelConfig.model_validate(
            {
                "kind": "parallel",
                "items": items,
                "languages": language or known or _languages_of(items),
                "pivot": None if pivot == "none" else pivot,
                "sequence": sequence,
                "counted": counted,
                "vocab_size": vocab_size,
                "seed": seed,
                "partial": partial,
                **{name: value for name, value in given.items() if value is not None},
            }
        )
    except ValidationError as error:
        message = files.validation_message(Path("pair"), error, remedy="see langmix parallel-corpus --help")
        raise InputError(message.removeprefix("pair: ")) from None
    with _print.progress(hidden=json) as progress:
        built = build_parallel_corpus(config, out, progress=progress)
    card = built.card.parallel
    assert card is not None
    if json:
        _print.as_json(built.card.model_dump())
        return
    tokens = ", ".join(f"{name} {count(each.train_tokens)}" for name, each in built.card.languages.items())
    _print.say(
        f"{card.items} items to train on, {card.evaluation_items} held out; {len(card.left_out)} left "
        f"out, with a document longer than {card.sequence} tokens"
    )
    _print.say(f"tokens: {tokens}")
    _print.say(f"seen: {', '.join(card.seen)}")
    _print.say(f"held out: {', '.join(card.held_out) or 'no direction'}")
    _print.saved("corpus", out)
    _print.say(f"next: langmix train {out} --share paired=1 --tokens 1M")


def _languages_of(items: str) -> list[str]:
    """Of a file of items, in the order in which they come."""
    found = read_items(items, partial=True)
    return list(dict.fromkeys(name for item in found for name in item.texts))
