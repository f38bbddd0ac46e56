"""The verb plan."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from langmix import design, files
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.design import PRIORS, Plan, Prior, Step
from langmix.errors import InputError
from langmix.languages import short_label
from langmix.laws import read_laws
from langmix.quantities import count

_ROWS: Final = 20
_MILESTONES: Final = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


@app.command()
def plan(
    params: Annotated[
        str, typer.Option(help="Parameters of the training run to decide about, such as 1.5B.")
    ],
    tokens: Annotated[str, typer.Option(help="Its budget in tokens, such as 350B.")],
    size: Annotated[
        list[str], typer.Option(help="A size that may be trained: 50M, or NAME=PARAMS; repeatable.")
    ],
    laws: Annotated[
        Path | None,
        typer.Argument(help="laws.json of the runs so far; without it the plan starts from nothing."),
    ] = None,
    budget: Annotated[str | None, typer.Option(help="FLOPs to spend, such as 1e19.")] = None,
    regret: Annotated[
        str | None, typer.Option(help="Stop at this expected regret, such as 0.1%: the least FLOPs for it.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="To mix, separated by commas; needed without laws.")
    ] = None,
    run_tokens: Annotated[
        list[str] | None,
        typer.Option(help="Tokens at which a run may end, repeatable; default: 5 to 80 per parameter."),
    ] = None,
    largest: Annotated[str | None, typer.Option(help="Most FLOPs of one run.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="TARGET=WEIGHT, repeatable; others get 0.")] = None,
    available: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=TOKENS that exist, repeatable.")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="Of a measured loss, such as 0.5%; default: that of the fits, or 1%.")
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(help="What is believed without laws: default, or published (docs/published.md)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of draws and runs; give every round of runs its own.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write it.")] = Path("plan.json"),
    study: Annotated[
        Path | None, typer.Option(help="Also write the `plan:` of a study.yaml that trains it.")
    ] = None,
    json: _options.Json = False,
) -> None:
    """Choose which runs to buy next.

    Those that improve the choice of a mixture most per FLOP.
    """
    _options.apart(out, laws)
    if laws is not None and prior is not None:
        raise InputError(f"--prior: {prior}; a plan from {laws} starts from its draws: leave the prior out")
    if study is not None:
        if study.resolve() == out.resolve():
            raise InputError(f"--study: {study} is where the plan goes (--out); choose another file")
        files.check_writable(study, remedy="choose another path for --study")
    with _options.named({"budget": "--budget", "languages": "--languages"}):
        chosen = design.plan(
            read_laws(laws) if laws else None,
            params=_options.quantity(params, option="--params"),
            tokens=_options.quantity(tokens, option="--tokens"),
            sizes=_options.sizes(size, option="--size"),
            budgets=[_options.quantity(t, option="--run-tokens") for t in run_tokens] if run_tokens else None,
            budget=_options.quantity(budget, option="--budget") if budget else None,
            regret=_options.part(regret, option="--regret") if regret else None,
            languages=[n.strip() for n in languages.split(",") if n.strip()] if languages else None,
            weights=_options.pairs(weight, option="--weight") if weight else None,
            available=_options.pairs(available or [], option="--available", counts=True),
            largest=_options.quantity(largest, option="--largest") if largest else None,
            noise=_options.part(noise, option="--noise") if noise else None,
            prior=_prior(prior) if prior else None,
            seed=seed,
        )
    design.write_plan(chosen, out)
    if study is not None:
        files.write_text(study, design.study_yaml(chosen))
    if json:
        _print.as_json(json_text.loads(design.plan_json(chosen)))
        return
    _show(chosen)
    _print.saved("plan", out)
    if study is not None:
        _print.saved("study", study)


def _prior(name: str) -> Prior:
    if name not in PRIORS:
        raise InputError(f"--prior: {name!r} is not known; expected one of {', '.join(PRIORS)}")
    return PRIORS[name]()


def _show(chosen: Plan) -> None:
    """The first purchases, the price of certainty, and what is doubtful."""
    table = _print.new_table(
        f"{count(chosen.params)} parameters, {count(chosen.tokens)} tokens: runs to buy", "run"
    )
    for heading in ("size", "tokens", "FLOPs", "total", "removed"):
        table.add_column(heading, justify="right")
    for step in chosen.steps[:_ROWS]:
        table.add_row(
            escape(_what(step)),
            step.run.size,
            f"{'to ' if step.extends else ''}{count(step.run.budgets[-1])}",
            f"{step.flops:.1e}",
            f"{step.total_flops:.1e}",
            f"{100 * step.removed:.1f}%",
        )
    _print.console.print(table)
    if len(chosen.steps) > _ROWS:
        _print.say(f"  and {len(chosen.steps) - _ROWS} more purchases, in the plan file")
    _print.say("  removed: part of the expected regret of deciding now that is gone by then")

    curve = _print.new_table("how many runs are needed", "expected regret")
    for heading in ("removed", "purchases", "FLOPs"):
        curve.add_column(heading, justify="right")
    curve.add_row(_percent(chosen.regret), "0%", "0", "0")
    for number, step in _milestones(chosen):
        curve.add_row(
            _percent(step.regret), f"{100 * step.removed:.3g}%", str(number), f"{step.total_flops:.1e}"
        )
    _print.console.print(curve)
    _print.say(
        f"  {len(chosen.runs)} runs, {chosen.flops:.3g} FLOPs; all candidate runs together would leave "
        f"{_percent(chosen.least_regret)}"
    )
    _print.warnings(chosen.warnings)


def _milestones(chosen: Plan) -> list[tuple[int, Step]]:
    """The purchases at which a round part of the regret is gone, and the last."""
    found = {}
    for part in _MILESTONES:
        reached = next((k for k, step in enumerate(chosen.steps) if step.removed >= part), None)
        if reached is not None:
            found[reached] = chosen.steps[reached]
    if chosen.steps:
        found[len(chosen.steps) - 1] = chosen.steps[-1]
    return [(k + 1, step) for k, step in sorted(found.items())]


def _what(step: Step) -> str:
    """The mixture of a run, largest shares first: ``Go 52 Java 31 Rust 17``."""
    shares = sorted(step.run.shares.items(), key=lambda item: -item[1])
    if len(shares) > 1 and shares[0][1] - shares[-1][1] < 1e-9 and len(shares) > 2:
        return "uniform"
    listed = " ".join(
        f"{short_label(name)} {100 * share:.0f}" for name, share in shares[:3] if share >= 0.005
    )
    more = sum(share >= 0.005 for _, share in shares[3:])
    return listed + (f" +{more}" if more else "") + (" repeated" if step.run.unique else "")


def _percent(part: float) -> str:
    return f"{100 * part:.2g}%"
