"""The verbs allocate, add and export."""

from __future__ import annotations

import dataclasses
import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from langmix import allocate as solve
from langmix import files
from langmix.allocate import (
    Asked,
    add_language,
    allocate_compute,
    mixture_json,
    read_mixture,
    write_mixture,
)
from langmix.cli import _options, _print, _print_allocation
from langmix.cli._app import app
from langmix.errors import InputError
from langmix.export import TRAINERS, convert
from langmix.laws import read_laws

_Pairs = list[str] | None

CURRENT = "current"
"""What the user's own mixture is called."""
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
    "flops": "--flops",
    "inference_tokens": "--inference-tokens",
}
"""Arguments of the library and the options that set them."""


def places(current: Path | None) -> dict[str, str]:
    """What messages call the arguments of the library."""
    return {f"mixtures: {CURRENT}: shares": f"--current {current}", **OPTIONS}


@app.command()
def allocate(
    laws: _options.LawsFile,
    params: Annotated[str | None, typer.Option(help="Parameters of the training run, such as 1.5B.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Its budget in tokens, such as 350B.")] = None,
    flops: Annotated[
        str | None,
        typer.Option(help="Instead of both: FLOPs such as 1e22, for the best parameters and tokens too."),
    ] = None,
    inference_tokens: Annotated[
        str | None, typer.Option(help="Tokens to serve afterwards, out of --flops, such as 1T.")
    ] = None,
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
    """Solve for the best split of a token budget.

    Writes mixture.json. Mixtures to compare with are uniform, proportional (to the available tokens, if given
    for every language) and current (--current).
    """
    _options.apart(out, laws, current)
    if flops is None and (params is None or tokens is None):
        raise InputError("give --params and --tokens, or a budget of compute with --flops")
    if flops is not None and (params is not None or tokens is not None):
        raise InputError("--flops: leave out --params and --tokens, which it solves for")
    if flops is None and inference_tokens is not None:
        raise InputError("--inference-tokens: counts against --flops; give that too")
    with _options.named(places(current)):
        fitted = read_laws(laws)
        asked: Asked = {
            "objective": objective,
            "weights": _options.pairs(weight, option="--weight") if weight else None,
            "baseline": baseline,
            "robust": robust,
            "available": _options.pairs(available or [], option="--available", counts=True),
            "max_epochs": max_epochs,
            "floors": _options.pairs(floor or [], option="--floor"),
            "ceilings": _options.pairs(ceiling or [], option="--ceiling"),
            "fixed": _options.pairs(fixed or [], option="--fixed"),
            "near": _options.pairs(near or [], option="--near"),
            "no_worse_than": _options.pairs(no_worse_than or [], option="--no-worse-than"),
            "mixtures": {CURRENT: _options.mixture(current)} if current else None,
        }
        compute = None
        if flops is not None:
            compute = allocate_compute(
                fitted,
                flops=_options.quantity(flops, option="--flops"),
                inference_tokens=(
                    _options.quantity(inference_tokens, option="--inference-tokens")
                    if inference_tokens
                    else 0.0
                ),
                **asked,
            )
            allocation = compute.allocation
        else:
            allocation = solve(
                fitted,
                params=_options.quantity(params or "", option="--params"),
                tokens=_options.quantity(tokens or "", option="--tokens"),
                **asked,
            )
    write_mixture(allocation, out)
    if json:
        content = json_text.loads(mixture_json(allocation))
        if compute is not None:
            found = dataclasses.asdict(compute)
            content["compute"] = {name: found[name] for name in found if name != "allocation"}
        _print.as_json(content)
        return
    if compute is not None:
        _print_allocation.compute_table(compute)
    _print_allocation.allocation_table(allocation)
    _print.saved("mixture", out)


@app.command()
def add(
    laws: _options.LawsFile,
    language: Annotated[str, typer.Argument(help="The language to add.")],
    params: Annotated[str, typer.Option(help="Parameters of the model, such as 1.5B.")],
    trained: Annotated[str, typer.Option(help="Tokens trained on so far, such as 200B.")],
    remaining: Annotated[str, typer.Option(help="Tokens that follow, such as 150B.")],
    current: Annotated[
        Path, typer.Option(help="The mixture so far: JSON of language: share, or a mixture.json.")
    ],
    share: Annotated[
        float | None, typer.Option(help="Least share of the language in the remaining tokens.")
    ] = None,
    loss: Annotated[float | None, typer.Option(help="Loss of it to reach, nats per token.")] = None,
    no_worse: Annotated[
        float, typer.Option(help="Part by which another target's loss may rise against going on as before.")
    ] = 0.01,
    available: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=TOKENS that exist, those trained on among them, repeatable.")
    ] = None,
    max_epochs: Annotated[
        float | None, typer.Option(help="Repeat no language more often; needs --available.")
    ] = None,
    floor: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=SHARE at least of what remains, repeatable.")
    ] = None,
    ceiling: Annotated[
        _Pairs, typer.Option(help="LANGUAGE=SHARE at most of what remains, repeatable.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where to write the mixture of what remains.")
    ] = Path("mixture.json"),
    json: _options.Json = False,
) -> None:
    """Add a language in the middle of training.

    Moves as few tokens as possible. Give the share or the loss it is to reach; the table shows what more
    disturbance would gain.
    """
    _options.apart(out, laws, current)
    argument = {
        **places(current),
        "shares": f"--current {current}",
        "share": "--share",
        "target_loss": "--loss",
        "language": "LANGUAGE",
        "trained": "--trained",
        "remaining": "--remaining",
        "no_worse_than": "--no-worse",
    }
    with _options.named(argument):
        addition = add_language(
            read_laws(laws),
            params=_options.quantity(params, option="--params"),
            trained=_options.quantity(trained, option="--trained"),
            remaining=_options.quantity(remaining, option="--remaining"),
            current=_options.mixture(current),
            language=language,
            share=share,
            target_loss=loss,
            no_worse=no_worse,
            available=_options.pairs(available or [], option="--available", counts=True),
            max_epochs=max_epochs,
            floors=_options.pairs(floor or [], option="--floor"),
            ceilings=_options.pairs(ceiling or [], option="--ceiling"),
        )
    write_mixture(addition.allocation, out)
    if json:
        found = dataclasses.asdict(addition)
        content = json_text.loads(mixture_json(addition.allocation))
        content["addition"] = {name: found[name] for name in found if name != "allocation"}
        _print.as_json(content)
        return
    _print_allocation.addition_table(addition)
    _print.saved("mixture of the remaining tokens", out)


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
    """Write a mixture as a trainer reads it.

    What every language then gets goes to stderr.
    """
    if out is not None:
        _options.apart(out, mixture)
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
    _print_allocation.export_table(made)


@app.command()
def trainers(json: _options.Json = False) -> None:
    """List the trainers that `langmix export` writes for.

    And what their weights count.
    """
    if json:
        _print.as_json(
            [
                {"trainer": name, "units": list(one.units), "description": one.description}
                for name, one in TRAINERS.items()
            ]
        )
        return
    _print_allocation.trainers_table()
