"""The verb import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from langmix import files
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.errors import InputError
from langmix.runs.importers import (
    ImportMap,
    LossUnit,
    SharesAre,
    Source,
    build_import_map,
    import_runs,
    look,
    read_import_map,
)

_Name = Annotated[str | None, typer.Option(help="A number such as 1.3B, or a config entry or metric.")]
_Names = Annotated[list[str] | None, typer.Option(help="LANGUAGE=NAME, repeatable; '*=prefix.*' for all.")]


@app.command("import")
def import_(
    source: Annotated[Source, typer.Argument(help="What kind of source.")],
    places: Annotated[
        list[str], typer.Argument(help="Files, folder, store or entity/project.", metavar="PLACE...")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run table to write, .csv or .parquet.")] = Path(
        "runs.csv"
    ),
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Import map in YAML; the options below win over it.")
    ] = None,
    save_map: Annotated[
        Path | None, typer.Option(help="Write the map that was used, guesses included, as YAML.")
    ] = None,
    configs: Annotated[
        Path | None,
        typer.Option(help="Table (run, ...) or YAML of what the source lacks of its runs, such as shares."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Only list runs, metrics and config.")] = False,
    loss: Annotated[
        list[str] | None, typer.Option(help="TARGET=METRIC, repeatable; '*=eval/*_loss' for all.")
    ] = None,
    loss_unit: Annotated[
        LossUnit | None, typer.Option(help="Of the losses; default: nats per token.")
    ] = None,
    share: _Names = None,
    shares_are: Annotated[
        SharesAre | None, typer.Option(help="What the shares count; default: parts of 1, or percent.")
    ] = None,
    params: Annotated[str | None, typer.Option(help="Non-embedding parameters: number or name.")] = None,
    params_total: Annotated[str | None, typer.Option(help="All parameters: number or name.")] = None,
    embedding_params: Annotated[
        str | None, typer.Option(help="Of embedding and separate head: params = total - this.")
    ] = None,
    vocab_size: Annotated[str | None, typer.Option(help="To derive the embedding's parameters.")] = None,
    d_model: Annotated[str | None, typer.Option(help="To derive the embedding's parameters.")] = None,
    tied_embeddings: Annotated[
        str | None, typer.Option(help="true or false: embedding and head are one matrix.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="Training tokens seen: metric, or number.")] = None,
    tokens_per_step: Annotated[str | None, typer.Option(help="Where tokens are not logged.")] = None,
    step: Annotated[
        str | None, typer.Option(help="Metric of the trainer's step, if the tracker's step is another.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Name runs by this config entry (in a table: column).")
    ] = None,
    unique: _Names = None,
    bytes_per_token: _Names = None,
    seed: _Name = None,
    tokenizer: Annotated[str | None, typer.Option(help="value:NAME, or a config entry.")] = None,
    organisation: Annotated[str | None, typer.Option(help="value:NAME, or a config entry.")] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="NAME=NEW of a language or target, repeatable.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="Pattern of runs to keep, repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Pattern of runs to drop, repeatable.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Keep each k-th checkpoint of a run.")] = None,
    last: Annotated[bool, typer.Option("--last", help="Keep only the last checkpoint of a run.")] = False,
    experiment: Annotated[str | None, typer.Option(help="Name or id of MLflow's experiment.")] = None,
    json: _options.Json = False,
) -> None:
    """Make a run table of runs that were trained elsewhere.

    In W&B, MLflow, TensorBoard, a trainer's state, olmix or another table.

    A NAME is looked up in the config of the run, then among its metrics (config:NAME and metric:NAME say
    which); NAME*1e9 scales it.
    """
    if show:
        _list(source, places, experiment, json=json)
        return
    if out.suffix not in (".csv", ".parquet"):
        raise InputError(f"--out: {out}; expected a run table ending in .csv or .parquet")
    given: dict[str, Any] = {
        "run": run,
        "step": step,
        "params": params,
        "params_total": params_total,
        "embedding_params": embedding_params,
        "vocab_size": vocab_size,
        "d_model": d_model,
        "tied_embeddings": tied_embeddings,
        "tokens": tokens,
        "tokens_per_step": tokens_per_step,
        "shares_are": shares_are,
        "loss_unit": loss_unit,
        "seed": seed,
        "tokenizer": tokenizer,
        "organisation": organisation,
        "include": include or None,
        "exclude": exclude or None,
        "every": every,
        "last": last or None,
    }
    families = {
        "share": share,
        "loss": loss,
        "unique": unique,
        "bytes_per_token": bytes_per_token,
        "rename": rename,
    }
    mapping = _mapping(map_file, given, families)
    imported = import_runs(source, places, mapping, configs=configs, experiment=experiment)
    imported.runs.write(out)
    if save_map is not None:
        files.write_text(save_map, imported.mapping.yaml())
    table = imported.runs
    if json:
        _print.as_json(
            {
                "runs": str(out),
                "checkpoints": len(table),
                "run_names": list(dict.fromkeys(table.run)),
                "languages": table.languages,
                "targets": table.targets,
                "notes": imported.notes,
                "map": imported.mapping.model_dump(mode="json", exclude_defaults=True),
            }
        )
        return
    _print.say(
        f"{len(table)} checkpoints of {len(set(table.run))} runs, {len(table.languages)} languages, "
        f"{len(table.targets)} losses"
    )
    for note in imported.notes:
        _print.say(f"note: {note}")
    _print.saved("runs", out)
    _print.say(f"next: langmix fit {out}")


def _mapping(path: Path | None, given: dict[str, Any], families: dict[str, list[str] | None]) -> ImportMap:
    """The map of the file, with what the options give instead."""
    content = {} if path is None else read_import_map(path).model_dump(exclude_defaults=True)
    content |= {field: value for field, value in given.items() if value is not None}
    if given["tokens_per_step"] is not None and given["tokens"] is None:
        content.pop("tokens", None)
    for family, pairs in families.items():
        if pairs:
            content[family] = {
                **content.get(family, {}),
                **_options.texts(pairs, option="--" + family.replace("_", "-")),
            }
    return build_import_map(content, source=path or Path("options"))


def _list(source: Source, places: list[str], experiment: str | None, *, json: bool) -> None:
    found = look(source, places, experiment=experiment)
    listed = {
        "runs": list(found.config),
        "metrics": sorted(found.names.metrics),
        "config": sorted(found.names.config),
    }
    if json:
        _print.as_json(listed)
        return
    for what, names in listed.items():
        _print.say(f"{what} ({len(names)})")
        for name in names:
            _print.say(f"  {name}")
