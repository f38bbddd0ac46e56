"""The verbs fit, predict and synergy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from langmix import laws as law_room
from langmix import transfer
from langmix.cli import _options, _print, _print_laws, _print_transfer
from langmix.cli._app import app
from langmix.errors import InputError
from langmix.languages import label
from langmix.laws import PROPORTION, MixturePrediction, ProportionLaw
from langmix.published import published
from langmix.runs import read_runs

_SYNERGIES: Final = ("measured", "published")


@app.command()
def fit(
    runs: _options.RunsFile,
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=_options.writable(), help="Where to write the laws.")
    ] = Path("laws.json"),
    law: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(law_room.FORMS)}; default: the best on held-out runs. {PROPORTION}: the law of "
            "arXiv 2512.13472, for predictions alone."
        ),
    ] = None,
    synergy: Annotated[
        str | None,
        typer.Option(help=f"For --law {PROPORTION}: measured on the runs (the default), or published."),
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
    _options.apart(out, runs)
    if synergy not in (None, *_SYNERGIES):
        raise InputError(f"--synergy: {synergy!r} is not known; expected one of {', '.join(_SYNERGIES)}")
    table = read_runs(runs)
    if law == PROPORTION:
        if all_forms:
            raise InputError(f"--all-forms: compares losses of languages, and --law {PROPORTION} has none")
        gains = published().synergy if synergy == "published" else None
        one = transfer.fit(table, law="proportion", synergy=gains, draws=draws, seed=seed)
        law_room.write_laws(one, out)
        _show_proportion(one, out, json=json)
        return
    if synergy is not None:
        raise InputError(f"--synergy: only --law {PROPORTION} takes it; leave it out")
    laws = transfer.fit(table, law=law, all_forms=all_forms, draws=draws, seed=seed)
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
    _print_laws.laws_tables(laws)
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
    """Predict the loss of every target for a training run.

    The proportion law predicts the mean loss of the mixture.
    """
    fitted = law_room.read_any_laws(laws)
    uniform = dict.fromkeys(fitted.languages, 1 / len(fitted.languages))
    n, d = _options.quantity(params, option="--params"), _options.quantity(tokens, option="--tokens")
    shares = _options.pairs(share, option="--share") if share else uniform
    if isinstance(fitted, ProportionLaw):
        if available:
            raise InputError(f"--available: the {PROPORTION} law of {laws} has no term for repeated tokens")
        _show_mixture(fitted.predict(params=n, tokens=d, shares=shares), json=json)
        return
    supply = _options.pairs(available or [], option="--available", counts=True)
    prediction = fitted.predict(params=n, tokens=d, shares=shares, available=supply)
    if json:
        _print.as_json(asdict(prediction))
        return
    for target, loss in prediction.loss.items():
        within = _print.within(loss, prediction.low[target], prediction.high[target], digits=4)
        _print.console.print(f"{label(target):<12} {within} nats per token")
    _print.warnings(prediction.warnings)


def _show_proportion(law: ProportionLaw, out: Path, *, json: bool) -> None:
    if json:
        _print.as_json(
            {
                "form": PROPORTION,
                "laws": str(out),
                "exponents": law.exponents(),
                "shared": law.shared(),
                "synergy": law.synergy,
                "rows": law.rows,
                "noise": law.noise,
                "status": law.status.value,
                "at_bound": law.at_bound,
                "notes": law.notes,
                "targets": [asdict(s) for s in law.summaries],
            }
        )
        return
    _print_laws.proportion_tables(law)
    _print.saved("laws", out)
    _print.say(f"next: langmix predict {out} --params 1.5B --tokens 350B")
    _print.say("      (langmix allocate refuses this law)")


def _show_mixture(prediction: MixturePrediction, *, json: bool) -> None:
    if json:
        _print.as_json(asdict(prediction))
        return
    within = _print.within(prediction.loss, prediction.low, prediction.high, digits=4)
    _print.say(f"mean loss of the mixture on its own data: {within} nats per token")
    _print.warnings(prediction.warnings)


@app.command()
def synergy(
    runs: _options.RunsFile,
    laws: Annotated[
        Path | None, typer.Option(help="laws.json of these runs: predict the synergy at --params, --tokens.")
    ] = None,
    params: Annotated[
        str | None, typer.Option(help="Parameters of the run to predict, such as 1.5B.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="Its tokens in total, such as 128B.")] = None,
    passes: Annotated[
        float, typer.Option(help="Times that the repeated language is seen in them; the study's is 2.")
    ] = 2.0,
    draws: _options.Draws = 200,
    seed: _options.Seed = 0,
    json: _options.Json = False,
) -> None:
    """What the languages of a pair are worth to one another.

    The synergy of the pairs that the runs trained, taken apart, and predicted at scale.
    """
    if (laws is None) != (params is None) or (laws is None) != (tokens is None):
        raise InputError(
            "synergy: a prediction needs --laws, --params and --tokens together; leave all three out for "
            "what the runs measured"
        )
    table = read_runs(runs)
    measured = transfer.synergy(table)
    try:
        worths, without = transfer.token_worth(table, draws=draws, seed=seed), None
    except InputError as error:  # the synergy stands without the curves
        worths, without = [], str(error)
    fitted = law_room.read_laws(laws) if laws else None
    doubts = law_room.fitted_elsewhere(table, fitted, name=str(laws)) if fitted else ()
    predicted = (
        transfer.predict_synergy(
            fitted,
            params=_options.quantity(params, option="--params"),
            tokens=_options.quantity(tokens, option="--tokens"),
            passes=passes,
        )
        if fitted and params and tokens
        else None
    )
    if json:
        _print.as_json(
            {
                "measured": [
                    {
                        "params": s.params,
                        "tokens": s.tokens,
                        "cells": s.frame(),
                        "seed_noise": dict(zip(s.languages, s.noise, strict=True)),
                        "degrees_of_freedom": dict(zip(s.languages, s.degrees_of_freedom, strict=True)),
                    }
                    for s in measured
                ],
                "worth": [
                    {
                        "params": w.params,
                        "tokens": w.tokens,
                        "cells": w.frame(),
                        "repetition_constant": w.repetition_frame(),
                    }
                    for w in worths
                ],
                "without_worth": without,
                "predicted": predicted
                and {
                    "params": predicted.params,
                    "tokens": predicted.tokens,
                    "passes": predicted.passes,
                    "cells": predicted.frame(),
                    "warnings": [*predicted.warnings, *doubts],
                },
            }
        )
        return
    for one in measured:
        _print_transfer.synergy_table(one)
    for each in worths:
        _print_transfer.worth_table(each)
    if without:
        _print.warnings((f"no worth of tokens: {without}",))
    if predicted:
        _print_transfer.predicted_synergy_table(predicted)
        _print.warnings((*predicted.warnings, *doubts))
