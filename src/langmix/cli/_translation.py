"""The verb translation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from langmix import files
from langmix.cli import _options, _print, _print_laws
from langmix.cli._app import app
from langmix.corpus.pairing import Pairing
from langmix.errors import InputError
from langmix.runs import RunTable, read_runs
from langmix.transfer import translation as compare


@app.command()
def translation(
    runs: _options.RunsFile,
    pivot: _options.Paired = None,
    direction: _options.PairedOnes = None,
    baseline: Annotated[
        str | None, typer.Option(help="Organisation to compare with; default: shuffled, else the first.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=_options.writable(), help="CSV file for all effects."),
    ] = None,
    draws: _options.Draws = 200,
    seed: _options.Seed = 0,
    json: _options.Json = False,
) -> None:
    """What the organisation of the data does to translation.

    Effects, and laws of each organisation.
    """
    table = read_runs(runs)
    if pivot is None and not direction:
        raise InputError(
            f"{runs}: does not say which directions were paired in training; give --pivot python, or each by "
            "--direction python>java"
        )
    seen = seen_directions(table, pivot=pivot or "none", named=direction)
    found = compare(table, seen=seen, baseline=baseline, draws=draws, seed=seed)
    effects = [each.frame() for each in found.effects]
    if out is not None:
        text = "".join(each.to_csv(index=False, header=k == 0) for k, each in enumerate(effects))
        files.write_text(out, text)
    if json:
        _print.as_json(
            {
                "seen": seen,
                "groups": found.fitted.groups,
                "effects": [row for each in effects for row in each.to_dict("records")],
                "laws": found.fitted.coefficients(),
                "law": found.fitted.laws.form,
                "held_out": [asdict(each) for each in found.fitted.held_out],
            }
        )
        return
    _print_laws.translation_tables(found)
    if out is not None:
        _print.saved("effects", out)


def seen_directions(runs: RunTable, *, pivot: str, named: list[str] | None) -> list[str]:
    """Directions that paired runs of a table were trained on: those of the pivot, or those that are named.

    Raises:
        InputError: the table has no directions, or none of the pivot or of a name.
    """
    directions = [target for target in runs.targets if ">" in target]
    languages = list(dict.fromkeys(part for target in directions for part in target.split(">")))
    if not directions:
        raise InputError(
            f"{runs.source}: no target is a direction; expected columns such as loss.python>java"
        )
    pairing = Pairing(pivot=None if pivot == "none" else pivot, seen=named)
    try:
        seen = [str(each) for each in pairing.directions(languages)[0]]
    except InputError as error:
        raise InputError(f"{runs.source}: {error}") from None
    # Of those that are named, each has to be there; a pivot's are those that the table has.
    return seen if named else [name for name in seen if name in directions]
