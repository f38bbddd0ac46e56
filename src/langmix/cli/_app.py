"""The command line: one verb per concept, ``--json`` on all, exit code 0, or 2 for bad input."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from langmix._version import VERSION
from langmix.cli._verbs import VERBS, Verbs
from langmix.errors import LangmixError

app = typer.Typer(
    name="langmix",
    cls=Verbs,
    help="How many tokens of each programming language should a code LLM be trained on?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"langmix {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """How many tokens of each programming language should a code LLM be trained on?"""


def complete_app() -> Verbs:
    """The command line with every verb imported, for whoever wants to know all options."""
    group = typer.main.get_command(app)
    assert isinstance(group, Verbs)
    group.load(*VERBS)
    return group


def main() -> None:
    """Run the command line; bad input ends with one message on stderr and exit code 2."""
    try:
        app()
    except LangmixError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]error:[/] {escape(str(error))}", highlight=False
        )
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe, such as head, has had enough
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; finished work is kept, the same command resumes")
        sys.exit(130)
