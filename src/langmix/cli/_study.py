"""The verbs study, report and demo."""

from __future__ import annotations

import json as json_text
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from langmix.allocate import Allocation, mixture_json, read_mixture, write_mixture
from langmix.cli import _options, _print, _print_allocation, _print_laws
from langmix.cli._allocate import CURRENT
from langmix.cli._app import app
from langmix.cli._translation import seen_directions
from langmix.corpus import languages_in, source_of
from langmix.errors import InputError
from langmix.lab import Local, Ray
from langmix.laws import Laws, fit, read_laws, write_laws
from langmix.quantities import count, duration
from langmix.report import fitted_elsewhere
from langmix.runs import compares_organisations, read_runs
from langmix.study import (
    PRESETS,
    QUESTIONS,
    Question,
    answer,
    new_study,
    read_study,
    run_study,
    study_price,
    study_status,
    write_report,
)

study = typer.Typer(help="From a study.yaml to a page, in stages that resume.", no_args_is_help=True)
app.add_typer(study, name="study")

_Folder = Annotated[Path, typer.Argument(help="Folder with a study.yaml.")]
_OutFolder = Annotated[
    Path,
    typer.Option("--out", "-o", callback=_options.writable(folder=True), help="Folder to write to."),
]


@study.command()
def new(
    folder: Annotated[
        Path, typer.Argument(callback=_options.writable("folder", folder=True), help="To make.")
    ],
    preset: Annotated[
        str, typer.Option(help="; ".join(f"{name}: {each.what}" for name, each in PRESETS.items()) + ".")
    ] = "standard",
    params: Annotated[
        str | None, typer.Option(help="Non-embedding parameters of the largest fitted model, such as 400k.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="Of the largest budget, such as 800k.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of code, or JSONL, Parquet or Arrow file, repeatable; default: the registry."
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable; default: those that folders of code have, else all seven."),
    ] = None,
    json: _options.Json = False,
) -> None:
    """Write a study.yaml to start from, at any scale."""
    named = [name if name == "registry" else str(Path(name).resolve()) for name in source or ["registry"]]
    sources = [source_of(name) for name in named]
    path = new_study(
        folder,
        preset=preset,
        languages=language or languages_in(sources),
        sources=sources,
        params=None if params is None else _options.quantity(params, option="--params"),
        tokens=None if tokens is None else _options.quantity(tokens, option="--tokens"),
    )
    runs = read_study(folder).runs()
    if json:
        _print.as_json(
            {"study": str(path), "runs": len(runs), "checkpoints": sum(len(r.budgets) for r in runs)}
        )
        return
    _print.say(f"{count(len(runs))} runs, {count(sum(len(r.budgets) for r in runs))} checkpoints")
    _print.saved("study", path)
    _print.say(f"next: langmix study price {folder}")


@study.command()
def run(
    folder: _Folder,
    engine: Annotated[
        str | None, typer.Option(help="Where runs are trained: local or ray; default: as study.yaml says.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="local: cpu, cuda, or auto, the default.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="local: training processes; default: one per GPU or core.")
    ] = None,
    pack: Annotated[
        int | None,
        typer.Option(min=1, help="local: runs of one shape per program; default: 32 on a GPU, 1 on a core."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="ray: auto, host:port, or ray://host:port of the cluster.")
    ] = None,
    cpus_per_run: Annotated[float | None, typer.Option(help="ray: cores that a run takes.")] = None,
    gpus_per_run: Annotated[
        float | None,
        typer.Option(help="ray: GPUs that a run takes: a part of one, or several that share its model."),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="Log finished runs to tensorboard:FOLDER, wandb:PROJECT, wandb:ENTITY/PROJECT or "
            "mlflow:FOLDER-OR-ADDRESS; repeatable."
        ),
    ] = None,
    json: _options.Json = False,
) -> None:
    """Run the stages that are not up to date.

    Stopped at any moment, the same command resumes.
    """
    # A wrong configuration is told before any bar is drawn.
    chosen = _engine(
        read_study(folder).engine,
        engine,
        device=device,
        workers=workers,
        pack=pack,
        address=address,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
    )
    with _print.progress(hidden=json) as progress:
        outcome = run_study(
            folder,
            engine=chosen,
            trackers=track or (),
            progress=progress,
            say=(lambda text: None) if json else _print.say,
        )
    _conclude(outcome.laws, outcome.allocations, outcome.page, json=json)


@study.command()
def status(folder: _Folder, json: _options.Json = False) -> None:
    """Which stages are up to date, and how far training is."""
    stages = study_status(folder)
    if json:
        _print.as_json([{"stage": s.stage, "done": s.done, "detail": s.detail} for s in stages])
        return
    for stage in stages:
        _print.say(f"{stage.stage:<9} {stage.detail}")


@study.command()
def price(
    folder: _Folder,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Training processes; default: one per core.")
    ] = None,
    json: _options.Json = False,
) -> None:
    """What the runs of a study cost, before anything trains.

    In tokens, FLOPs, and time on this machine.
    """
    whole, left = study_price(folder, workers=workers)
    if json:
        _print.as_json({"all": asdict(whole), "left": asdict(left)})
        return
    _print.say(
        f"{count(whole.runs)} runs, {count(whole.checkpoints)} checkpoints: {count(whole.tokens)} tokens "
        f"({whole.tokens / whole.separate_tokens:.0%} of separate runs), {whole.flops:.2g} FLOPs"
    )
    fits = left.seconds == left.seconds
    here = f"about {duration(left.seconds)} here" if fits else "models too large for this machine"
    _print.say(f"{count(left.runs)} to train: {left.flops:.2g} FLOPs, {here}")


@app.command()
def report(
    runs: _options.RunsFile,
    laws: Annotated[Path | None, typer.Option(help="laws.json; by default the laws are fitted anew.")] = None,
    params: Annotated[str | None, typer.Option(help="Parameters to allocate for, such as 1.5B.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Tokens to allocate, such as 350B.")] = None,
    pivot: _options.Paired = None,
    direction: _options.PairedOnes = None,
    current: Annotated[
        Path | None,
        typer.Option(help="Your mixture, to compare with: JSON of language: share, or a mixture.json."),
    ] = None,
    mixture: Annotated[
        list[Path] | None,
        typer.Option(help="Answers of `langmix allocate` to show, with their limits; repeatable."),
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "Allocation of training tokens",
    out: _OutFolder = Path("report"),
    json: _options.Json = False,
) -> None:
    """Write one HTML page with figures.

    Allocation, scaling curves, synergy, prices. It answers for --params and --tokens, or shows the answers of
    --mixture; with neither it answers for ten times the largest run.
    """
    if (params is None) != (tokens is None):
        given, missing = ("--params", "--tokens") if tokens is None else ("--tokens", "--params")
        raise InputError(f"{given} needs {missing}: give both, or neither for ten times the largest run")
    if mixture and (params is not None or current is not None):
        other = "--params" if params is not None else "--current"
        raise InputError(f"{other}: --mixture shows answers that were solved for; leave one of them out")
    questions = list(QUESTIONS[:1])
    if params is not None and tokens is not None:
        questions = [
            Question(
                params=_options.quantity(params, option="--params"),
                tokens=_options.quantity(tokens, option="--tokens"),
            )
        ]
    table = read_runs(runs)
    if laws is None:
        fitted = fit(table)
    else:
        fitted = read_laws(laws)
        _print.warnings(fitted_elsewhere(table, fitted, name=str(laws)), console=_print.stderr)
    told = pivot is not None or bool(direction)
    seen = seen_directions(table, pivot=pivot or "none", named=direction) if told else None
    if seen is None and compares_organisations(table):
        _print.warnings(
            ("the page says nothing of translation: name what was paired by --pivot or --direction",),
            console=_print.stderr,
        )
    if mixture:
        answers = tuple(read_mixture(path) for path in mixture)
    else:
        own = {CURRENT: _options.mixture(current)} if current else None
        with _options.named({f"mixtures: {CURRENT}: shares": f"--current {current}"}):
            answers = answer(fitted, questions, mixtures=own)
    page = write_report(table, fitted, answers, out, title=title, seen=seen)
    if json:
        _print.as_json({"page": str(page)})
    else:
        _print.saved("page", page)


@app.command()
def demo(
    out: _OutFolder = Path("langmix-demo"),
    json: _options.Json = False,
) -> None:
    """Fit, allocate and report on runs that ship with langmix.

    They are real runs of tiny models.
    """
    with resources.as_file(resources.files("langmix.data").joinpath("seven-languages.csv")) as path:
        table = read_runs(path)
    laws = fit(table)
    allocations = answer(laws, QUESTIONS)
    write_laws(laws, out / "laws.json")
    write_mixture(allocations[0], out / "mixture.json")
    table.write(out / "runs.csv")
    page = write_report(
        table,
        laws,
        allocations,
        out / "report",
        title="Seven languages",
        notes=[TINY],
    )
    if not json:
        _print.say(
            f"{len(table)} checkpoints of {len(set(table.run))} real runs, {len(table.languages)} languages\n"
        )
    _conclude(laws, allocations, page, json=json)
    if not json:
        _print.say(TINY)


TINY = (
    "These runs are of tiny models on a few packages, trained on two CPU cores. They show the method; for a "
    "real decision, fit your own runs (`langmix fit runs.csv`) or train larger ones (`langmix study run "
    "FOLDER`)."
)


def _conclude(laws: Laws, allocations: tuple[Allocation, ...], page: Path, *, json: bool) -> None:
    if json:
        _print.as_json(
            {
                "form": laws.form,
                "exponents": laws.exponents(),
                "allocations": [json_text.loads(mixture_json(a)) for a in allocations],
                "page": str(page),
            }
        )
        return
    _print_laws.laws_tables(laws)
    for allocation in allocations:
        _print_allocation.allocation_table(allocation)
    _print.saved("page", page.resolve())


def _engine(configured: Local | Ray, name: str | None, **options: float | str | None) -> Local | Ray:
    """The engine of study.yaml, or another one; options that are given go before what is written there."""
    kind = name or configured.kind
    if kind not in _ENGINES:
        raise InputError(f"--engine: {kind!r} is not known; expected one of {', '.join(_ENGINES)}")
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in _ENGINES[kind].model_fields:
            (other,) = (each for each in _ENGINES if option in _ENGINES[each].model_fields)
            raise InputError(
                f"--{option.replace('_', '-')}: is an option of the engine {other}, and these runs train "
                f"with {kind}; add --engine {other}, or leave it out"
            )
    written = configured.model_dump() if kind == configured.kind else {}
    try:
        return _ENGINES[kind].model_validate({**written, **given})
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{first['loc'][0]}".replace("_", "-") if first["loc"] else "engine"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{option}: {message}; correct it, or `engine` in study.yaml") from None


_ENGINES: Final[dict[str, type[Local] | type[Ray]]] = {"local": Local, "ray": Ray}
