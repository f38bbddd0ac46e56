"""The verbs allocate and export."""

from __future__ import annotations

import dataclasses
import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from langmix import allocate as solve
from langmix import files
from langmix.allocate import mixture_json, read_mixture, write_mixture
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.export import TRAINERS, convert
from langmix.laws import read_laws

_Pairs = list[str] | None

_CURRENT = "current"
OPTIONS = {
    "weights": "--weight",
    "objective": "--objective",
    "baseline": "--baseline",
    "available": "--available",
    "max_epochs": "--max-epochs",
    "floors": "--floor",
    "ceilings": "--ceiling",
    "fixed": "--fixed",
    "near": "--near",
    "no_worse_than": "--no-worse-than",
    "robust": "--robust",
    "params": "--params",
    "tokens": "--tokens",
}
"""Arguments of the library and the options that set them."""


def places(current: Path | None) -> dict[str, str]:
    """What messages call the arguments of the library."""
    return {f"mixtures: {_CURRENT}: shares": f"--current {current}", **OPTIONS}


@app.command()
def allocate(
    laws: _options.LawsFile,
    params: Annotated[str, typer.Option(help="Parameters of the training run, such as 1.5B.")],
    tokens: Annotated[str, typer.Option(help="Its budget in tokens, such as 350B.")],
    objective: Annotated[
        str | None, typer.Option(help="bits_per_byte, nats_per_token, relative or worst.")
    ] = None,
    weight: Annotated[_Pairs, typer.Option(help="TARGET=WEIGHT, repeatable; others get 0.")] = None,
    baseline: Annotated[
        str, typer.Option(help="Mixture that the objective relative is relative to.")
    ] = "uniform",
    robust: Annotated[
        str | None,
        typer.Option(help="One mixture for all bootstrap laws: mean, or cvar (mean of the worst 10%)."),
    ] = None,
    available: Annotated[_Pairs, typer.Option(help="LANGUAGE=TOKENS that exist, repeatable.")] = None,
    max_epochs: Annotated[
        float | None, typer.Option(help="Repeat no language more often; needs --available.")
    ] = None,
    floor: Annotated[_Pairs, typer.Option(help="LANGUAGE=SHARE at least, repeatable.")] = None,
    ceiling: Annotated[_Pairs, typer.Option(help="LANGUAGE=SHARE at most, repeatable.")] = None,
    fixed: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=SHARE exactly, such as text=0.125, repeatable.")
    ] = None,
    near: Annotated[
        _Pairs, typer.Option(help="MIXTURE=PART, such as current=0.1: move no more of the tokens.")
    ] = None,
    no_worse_than: Annotated[
        _Pairs, typer.Option(help="MIXTURE=PART, such as uniform=0.01: no target worse by more.")
    ] = None,
    current: Annotated[
        Path | None,
        typer.Option(help="Your mixture, as the name current: JSON of language: share, or a mixture.json."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=_options.writable(), help="Where to write it.")
    ] = Path("mixture.json"),
    json: _options.Json = False,
) -> None:
    """Solve for the best split of a token budget and write mixture.json.

    Mixtures to compare with are uniform, proportional (to the available tokens, if given for every language)
    and current (--current).
    """
    with _options.named(places(current)):
        allocation = solve(
            read_laws(laws),
            params=_options.quantity(params, option="--params"),
            tokens=_options.quantity(tokens, option="--tokens"),
            objective=objective,
            weights=_options.pairs(weight, option="--weight") if weight else None,
            baseline=baseline,
            robust=robust,
            available=_options.pairs(available or [], option="--available", counts=True),
            max_epochs=max_epochs,
            floors=_options.pairs(floor or [], option="--floor"),
            ceilings=_options.pairs(ceiling or [], option="--ceiling"),
            fixed=_options.pairs(fixed or [], option="--fixed"),
            near=_options.pairs(near or [], option="--near"),
            no_worse_than=_options.pairs(no_worse_than or [], option="--no-worse-than"),
            mixtures={_CURRENT: _options.mixture(current)} if current else None,
        )
    write_mixture(allocation, out)
    if json:
        _print.as_json(json_text.loads(mixture_json(allocation)))
        return
    _print.allocation_table(allocation)
    _print.saved("mixture", out)


@app.command()
def export(
    mixture: Annotated[Path, typer.Argument(help="mixture.json that `langmix allocate` wrote.")],
    trainer: Annotated[str, typer.Argument(help=f"One of {', '.join(TRAINERS)}; see `langmix trainers`.")],
    path: Annotated[_Pairs, typer.Option(help="LANGUAGE=PATH of its data, repeatable.")] = None,
    tokens_per_document: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=TOKENS, the mean, for trainers that sample documents.")
    ] = None,
    packed: Annotated[
        bool, typer.Option("--packed", help="Their samples are rows of equal length, not documents.")
    ] = False,
    sequence_length: Annotated[
        int | None, typer.Option(help="Tokens per packed row; gives the number of samples.")
    ] = None,
    available: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=TOKENS that exist, repeatable; gives epochs.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", callback=_options.writable(), help="By default printed.")
    ] = None,
    json: _options.Json = False,
) -> None:
    """Write a mixture as a trainer reads it; what every language then gets goes to stderr."""
    made = convert(
        read_mixture(mixture),
        trainer,
        paths=_options.texts(path or [], option="--path"),
        tokens_per_document=_options.pairs(tokens_per_document, option="--tokens-per-document", counts=True)
        if tokens_per_document
        else None,
        packed=packed,
        sequence_length=sequence_length,
        available=_options.pairs(available or [], option="--available", counts=True),
    )
    if out is not None:
        files.write_text(out, made.text)
    if json:
        _print.as_json({**dataclasses.asdict(made), "path": None if out is None else str(out)})
        return
    if out is not None:
        _print.saved(trainer, out)
    else:
        typer.echo(made.text, nl=False)
    _print.export_table(made)


@app.command()
def trainers(json: _options.Json = False) -> None:
    """List the trainers that `langmix export` writes for, and what their weights count."""
    if json:
        _print.as_json(
            [
                {"trainer": name, "units": list(one.units), "description": one.description}
                for name, one in TRAINERS.items()
            ]
        )
        return
    _print.trainers_table()
