"""The verbs fit, predict and synergy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from langmix import laws as law_room
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.languages import label
from langmix.runs import read_runs
from langmix.transfer import synergy as measure


@app.command()
def fit(
    runs: _options.RunsFile,
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=_options.writable(), help="Where to write the laws.")
    ] = Path("laws.json"),
    law: Annotated[
        str | None, typer.Option(help=f"{', '.join(law_room.FORMS)}; default: the best on held-out runs.")
    ] = None,
    all_forms: Annotated[
        bool,
        typer.Option(
            "--all-forms", help="Compare also published rivals, boosted trees and stacking (slower)."
        ),
    ] = False,
    draws: _options.Draws = 200,
    seed: _options.Seed = 0,
    json: _options.Json = False,
) -> None:
    """Fit a scaling law per target and write laws.json."""
    table = read_runs(runs)
    laws = law_room.fit(table, law=law, all_forms=all_forms, draws=draws, seed=seed)
    left_out = law_room.left_out(table) if all_forms and laws.held_out else ()
    law_room.write_laws(laws, out)
    if json:
        _print.as_json(
            {
                "form": laws.form,
                "laws": str(out),
                "exponents": laws.exponents(),
                "transfer": laws.transfer(),
                "held_out": [asdict(e) for e in laws.held_out],
                "left_out": left_out,
                "targets": [asdict(s) for s in laws.summaries],
            }
        )
        return
    _print.laws_tables(laws)
    _print.warnings(left_out)
    _print.saved("laws", out)
    _print.console.print(f"next: langmix allocate {out} --params 1.5B --tokens 350B")


@app.command()
def predict(
    laws: _options.LawsFile,
    params: Annotated[str, typer.Option(help="Parameters, such as 1.5B.")],
    tokens: Annotated[str, typer.Option(help="Training tokens in total, such as 350B.")],
    share: Annotated[
        list[str] | None,
        typer.Option(help="LANGUAGE=SHARE, repeatable; by default the uniform mixture."),
    ] = None,
    available: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=TOKENS that exist, repeatable, such as rust=20B.")
    ] = None,
    json: _options.Json = False,
) -> None:
    """Predict the loss of every target for a training run."""
    fitted = law_room.read_laws(laws)
    uniform = dict.fromkeys(fitted.languages, 1 / len(fitted.languages))
    prediction = fitted.predict(
        params=_options.quantity(params, option="--params"),
        tokens=_options.quantity(tokens, option="--tokens"),
        shares=_options.pairs(share, option="--share") if share else uniform,
        available=_options.pairs(available or [], option="--available", counts=True),
    )
    if json:
        _print.as_json(asdict(prediction))
        return
    for target, loss in prediction.loss.items():
        low, high = prediction.low[target], prediction.high[target]
        _print.console.print(f"{label(target):<12} {loss:.4f}  ({low:.4f} to {high:.4f}) nats per token")
    _print.warnings(prediction.warnings)


@app.command()
def synergy(runs: _options.RunsFile, json: _options.Json = False) -> None:
    """Synergy of the language pairs that the runs trained, with what it is made of."""
    found = measure(read_runs(runs))
    if json:
        _print.as_json(
            [
                {
                    "params": s.params,
                    "tokens": s.tokens,
                    "cells": s.frame(),
                    "seed_noise": dict(zip(s.languages, s.noise, strict=True)),
                    "degrees_of_freedom": s.degrees_of_freedom,
                }
                for s in found
            ]
        )
        return
    for one in found:
        _print.synergy_table(one)
