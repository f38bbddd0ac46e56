"""The reference of the command line: every verb with its arguments and options, from typer's own tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from langmix.cli import complete_app


def reference() -> str:
    """All verbs as one page of Markdown."""
    return "".join(_page())


def _page() -> Iterator[str]:
    root = typer.main.get_command(complete_app())
    yield "# Command line\n\n"
    yield "One verb per concept, `--json` on all. Exit code 0, or 2 for wrong input. `langmix VERB --help` "
    yield "prints what is below.\n"
    yield from _commands(root, "langmix")


def _commands(group: Any, called: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        path = f"{called} {name}"
        if hasattr(command, "commands"):
            yield f"\n## {path}\n\n{command.help}\n"
            yield from _commands(command, path)
            continue
        yield f"\n{'##' if called == 'langmix' else '###'} {path}\n\n{_text(command.help)}\n\n"
        yield "| | |\n|---|---|\n"
        for parameter in command.params:
            yield f"| {_named(parameter)} | {_text(parameter.help or '')}{_default(parameter)} |\n"


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.make_metavar(None) if False else parameter.human_readable_name}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    value = parameter.default
    if value in (None, False, (), []) or callable(value):
        return ""
    return f" Default: `{value}`."


def _text(help: str) -> str:
    return help.replace("|", "\\|").replace("<", "&lt;").strip()
