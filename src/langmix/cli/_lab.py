"""The verb train."""

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
from langmix.lab import PRESETS, ModelSize, Recipe, check_data, check_machine

_Corpus = Annotated[Path, typer.Argument(help="Folder that `langmix corpus` wrote.")]


@app.command()
def train(
    corpus: _Corpus,
    tokens: Annotated[str, typer.Option(help="To train on, such as 800k.")],
    share: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=SHARE, repeatable; default: uniform.")
    ] = None,
    size: Annotated[
        str, typer.Option(help=f"Non-embedding parameters: {', '.join(PRESETS)}, or about any other number.")
    ] = "100k",
    batch: Annotated[int, typer.Option(min=1, help="Sequences per step.")] = 4,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak; default: 2e-3 at 100k parameters, times their -0.25th power.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights and of the order of the data.")] = 0,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", callback=_options.writable(folder=True), help="Folder for the model."),
    ] = Path("model"),
    json: _options.Json = False,
) -> None:
    """Train one small model on a mixture and keep it."""
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise InputError(f"--learning-rate: {learning_rate:g}; expected a number above 0")
    try:
        shape = PRESETS.get(size) or ModelSize.near(_options.quantity(size, option="--size"))
    except InputError as error:
        raise InputError(f"--size: {error}".replace("--size: --size:", "--size:")) from None
    opened = open_corpus(corpus)
    uniform = dict.fromkeys(opened.languages, 1 / len(opened.languages))
    shares = _options.shares(share, option="--share") if share else uniform
    if unknown := [name for name in shares if name not in opened.languages]:
        raise InputError(f"--share: the corpus has no {unknown[0]!r}; it has {', '.join(opened.languages)}")
    parallel = opened.card.parallel
    recipe = Recipe(batch=batch)
    if parallel:
        recipe = recipe.model_copy(update={"sequence": parallel.sequence})
    budget = int(_options.quantity(tokens, option="--tokens"))
    try:
        recipe.steps(budget)
    except InputError as error:
        raise InputError(f"--tokens: {error}") from None
    planned = PlannedRun(
        run=out.name,
        arm="train",
        size=shape.name,
        budgets=(budget,),
        shares=shares,
        seed=seed,
        learning_rate=learning_rate,
    )
    check_data([planned], opened, recipe=recipe, max_epochs=math.inf)
    sizes = {shape.name: shape}
    check_machine([planned], sizes=sizes, corpus=opened, recipe=recipe, folder=out, workers=1)
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
    if any(math.isnan(loss) for loss in checkpoint.losses.values()):
        _print.warnings(("the run diverged: it has no losses; lower --learning-rate",))
    _print.saved("model", out)
    _print.say(f"next: langmix evaluate {'translation' if parallel else 'losses'} {out} {corpus}")
