"""The verb explore."""

from __future__ import annotations

import json as json_text
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from langmix import files
from langmix.allocate import read_mixture
from langmix.cli import _options, _print
from langmix.cli._app import app
from langmix.explore import Scenario, open_server
from langmix.laws import Laws, read_laws


@app.command()
def explore(
    laws: _options.LawsFile,
    current: Annotated[
        Path | None,
        typer.Option(
            help="Your mixture, to compare with: JSON of language: share, or a mixture.json, at whose "
            "parameters and tokens the page then opens."
        ),
    ] = None,
    params: Annotated[str | None, typer.Option(help="Parameters to open with, such as 1.5B.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Tokens to open with, such as 350B.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; by default only this machine can reach it.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="By default the next free one from 8270.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    json: _options.Json = False,
) -> None:
    """Open a page with sliders on fitted laws.

    What if? It is served from this machine, asks nothing of any other, and runs until Ctrl-C.
    """
    fitted = read_laws(laws)
    with _options.named({"shares": f"--current {current}", "params": "--params", "tokens": "--tokens"}):
        start = _start(fitted, current, params, tokens)
    with _options.named({"port": "--port", "host": "--host"}):
        server = open_server(fitted, source=laws.name, start=start, host=host, port=port)
    if json:
        typer.echo(json_text.dumps({"url": server.url, "local": server.local}))
    else:
        _print.console.print(f"explorer: {server.url} (Ctrl-C ends it)", soft_wrap=True)
        if not server.local:
            _print.warnings(
                ("whoever can reach this address can read these laws; there is no password, and no TLS",)
            )
    if browser:
        threading.Thread(target=webbrowser.open, args=[server.url], daemon=True).start()
    try:
        server.run()
    except KeyboardInterrupt:
        return


def _start(laws: Laws, mixture: Path | None, params: str | None, tokens: str | None) -> Scenario:
    """At the scale of the mixture, else at that of the largest run: there the laws do not extrapolate."""
    scale = {"params": laws.reach.params[1], "tokens": laws.reach.tokens[1]}
    current: dict[str, float] = {}
    if mixture is not None:
        current = _options.mixture(mixture)
        laws.share_vector(current)
        text = files.read_text(mixture, what="a mixture")
        if files.kind_of(text) is not None:
            found = read_mixture(mixture)
            scale = {"params": found.params, "tokens": found.tokens}
    given = {"params": params, "tokens": tokens}
    asked = {
        name: _options.quantity(text, option=f"--{name}") for name, text in given.items() if text is not None
    }
    return Scenario.of({**scale, **asked, "current": current})
