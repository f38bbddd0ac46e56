"""The verb pair."""

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
    check_leaks,
    hold_out,
    leaks,
    organise,
    read_items,
    write_items,
    write_pairing,
)
from langmix.errors import InputError


@app.command()
def aligned(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(ALIGNED)}.")],
    out: Annotated[
        Path, typer.Argument(callback=_options.writable(), help="JSONL file to write the items to.")
    ],
    json: _options.Json = False,
) -> None:
    """Write the aligned items of a package, for `langmix pair`; it is fetched once."""
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
    pivot: Annotated[
        str, typer.Option(help="Language on one side of all seen directions, or none: every two.")
    ] = "python",
    direction: Annotated[
        list[str] | None,
        typer.Option(help="To train on, SOURCE>TARGET, repeatable, in place of those of the pivot."),
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="To read, repeatable; default: all.")] = None,
    template: Annotated[
        str | None,
        typer.Option(help="Of paired-prompt: {source}, {target}, {source_language}, {target_language}."),
    ] = None,
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
    """Turn aligned items into training documents: shuffled, paired, or paired with a prompt."""
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
