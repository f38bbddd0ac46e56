"""The verbs train and evaluate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus import open_corpus
from langmix.design import PlannedRun
from langmix.errors import InputError, MissingExtraError
from langmix.evaluate import losses
from langmix.lab import PRESETS, Recipe, check_data

evaluate = typer.Typer(help="What a trained model can do.", no_args_is_help=True)
app.add_typer(evaluate, name="evaluate")

_Corpus = Annotated[Path, typer.Argument(help="Folder that `langmix corpus` wrote.")]


@app.command()
def train(
    corpus: _Corpus,
    tokens: Annotated[str, typer.Option(help="To train on, such as 800k.")],
    share: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=SHARE, repeatable; default: uniform.")
    ] = None,
    size: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)} (parameters).")] = "100k",
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of the data.")] = 0,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", callback=_options.writable(folder=True), help="Folder for the model."),
    ] = Path("model"),
    json: _options.Json = False,
) -> None:
    """Train one small model on a mixture and keep it."""
    if size not in PRESETS:
        raise InputError(f"--size: {size!r} is not known; expected one of {', '.join(PRESETS)}")
    opened = open_corpus(corpus)
    uniform = dict.fromkeys(opened.languages, 1 / len(opened.languages))
    shares = _options.shares(share, option="--share") if share else uniform
    if unknown := [name for name in shares if name not in opened.languages]:
        raise InputError(f"--share: the corpus has no {unknown[0]!r}; it has {', '.join(opened.languages)}")
    recipe, shape = Recipe(batch=4), PRESETS[size]
    budget = int(_options.quantity(tokens, option="--tokens"))
    try:
        recipe.steps(budget)
    except InputError as error:
        raise InputError(f"--tokens: {error}") from None
    planned = PlannedRun(
        run=out.name,
        arm="train",
        size=size,
        budgets=(budget,),
        shares=shares,
        seed=seed,
    )
    check_data([planned], opened, recipe=recipe, max_epochs=math.inf)
    try:
        from langmix.lab._checkpoints import write_checkpoint
        from langmix.lab._train import train as train_run
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "safetensors"):
            raise
        raise MissingExtraError(extra="lab", module=str(error.name), purpose="training") from None
    with _print.progress(hidden=json) as progress:
        task = progress.add_task("training", total=planned.trained_tokens)
        (checkpoint,) = train_run(
            planned,
            size=shape,
            corpus=opened,
            recipe=recipe,
            advance=lambda done: progress.advance(task, done),
            keep=lambda budget, model: write_checkpoint(
                out,
                model,
                corpus=opened,
                shares=shares,
                tokens=budget,
                seed=seed,
            ),
        )
    if json:
        _print.as_json({"model": str(out), "tokens": checkpoint.tokens, "losses": checkpoint.losses})
        return
    _print.saved("model", out)
    _print.say(f"next: langmix evaluate losses {out} {corpus}")


@evaluate.command("losses")
def evaluate_losses(
    model: Annotated[Path, typer.Argument(help="Folder that `langmix train` wrote.")],
    corpus: _Corpus,
    json: _options.Json = False,
) -> None:
    """Nats per token and bits per byte on the held-out text of every language."""
    found = losses(model, open_corpus(corpus))
    if json:
        _print.as_json([one._asdict() for one in found])
        return
    _print.losses_table(found)
