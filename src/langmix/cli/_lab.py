"""The verbs train and evaluate."""

from __future__ import annotations

import json as json_text
import math
from pathlib import Path
from typing import Annotated

import typer

from langmix import files
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.corpus import open_corpus
from langmix.design import PlannedRun
from langmix.errors import InputError, MissingExtraError
from langmix.evaluate import Translated, losses, translation_losses, translations
from langmix.lab import PRESETS, ModelSize, Recipe, check_data

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
    size: Annotated[
        str, typer.Option(help=f"Non-embedding parameters: {', '.join(PRESETS)}, or about any other number.")
    ] = "100k",
    batch: Annotated[int, typer.Option(min=1, help="Sequences per step.")] = 4,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak; default: 2e-3 at 100k parameters, times their -0.25th power.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of the data.")] = 0,
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
    _print.say(f"next: langmix evaluate {'translation' if parallel else 'losses'} {out} {corpus}")


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


@evaluate.command("translation")
def evaluate_translation(
    model: Annotated[Path, typer.Argument(help="Folder that `langmix train` wrote.")],
    corpus: Annotated[Path, typer.Argument(help="Corpus of parallel texts.")],
    organisation: Annotated[
        str | None,
        typer.Option(help="In which pairs are read; default: that of most of the model's training tokens."),
    ] = None,
    bleu: Annotated[bool, typer.Option("--bleu", help="Translate too, greedily, and score by BLEU.")] = False,
    direction: Annotated[
        list[str] | None, typer.Option(help="To translate, SOURCE>TARGET, repeatable; default: all.")
    ] = None,
    items: Annotated[int | None, typer.Option(min=1, help="To translate of each direction.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=_options.writable(), help="JSONL file for the translations."),
    ] = None,
    json: _options.Json = False,
) -> None:
    """Loss of the target given its source, in every direction; with --bleu, BLEU of translations."""
    if not bleu and (direction or items or out):
        option = "--direction" if direction else "--items" if items else "--out"
        raise InputError(f"{option}: is of translations; add --bleu, or leave it out")
    opened = open_corpus(corpus)
    parallel = opened.card.parallel
    if parallel is None:
        raise InputError(
            f"{corpus}: has no parallel texts; expected a corpus of aligned items (`langmix parallel-corpus`)"
        )
    known = [*parallel.seen, *parallel.held_out]
    if unknown := [name for name in direction or () if name not in known]:
        raise InputError(
            f"--direction: {unknown[0]!r} is none of the corpus; expected one of {', '.join(known)}"
        )
    written: list[tuple[Translated, dict[str, str]]] = []
    with _print.progress(hidden=json) as progress:
        task = progress.add_task("losses", total=parallel.evaluation_items * len(opened.targets))
        found = translation_losses(
            model, opened, organisation=organisation, advance=lambda done: progress.advance(task, done)
        )
        if bleu:
            many = len(direction or known)
            task = progress.add_task("translations", total=many * (items or parallel.evaluation_items))
            written = translations(
                model,
                opened,
                organisation=organisation,
                directions=direction,
                items=items,
                advance=lambda done: progress.advance(task, done),
            )
    if out is not None:
        rows = (
            {"item": item, "direction": scored.target, "translation": text}
            for scored, texts in written
            for item, text in texts.items()
        )
        files.write_text(out, "".join(json_text.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if json:
        scores = [{"target": one.target, "kind": one.kind, **one.bleu._asdict()} for one, _ in written]
        _print.as_json({"losses": [one._asdict() for one in found], "bleu": scores})
        return
    _print.translation_table(found, [one for one, _ in written])
    if out is not None:
        _print.saved("translations", out)
