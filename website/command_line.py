"""The reference of the command line: every verb with its arguments and options, from typer's own tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langmix.cli import complete_app


def reference() -> str:
    """All verbs as one page of Markdown."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield "# Command line\n\n"
    yield "One verb per concept, `--json` on all. `langmix VERB --help` prints what stands here.\n"
    yield from _verbs(complete_app(), "langmix", level=2)


def _verbs(group: Any, called: str, *, level: int) -> Iterator[str]:
    for name, verb in sorted(group.commands.items()):
        yield f"\n{'#' * level} {called} {name}\n\n{_text(verb.help)}\n"
        if hasattr(verb, "commands"):
            yield from _verbs(verb, f"{called} {name}", level=level + 1)
            continue
        yield "\n| | |\n|---|---|\n"
        for parameter in verb.params:
            yield f"| {_name(parameter)} | {_text(parameter.help)}{_default(parameter)} |\n"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name).upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return " Needed."
    value = parameter.default
    return "" if value is None or value is False or callable(value) else f" Default: `{value}`."


def _text(help: str | None) -> str:
    """Help as Markdown: what would be markup is shown."""
    shown = (help or "").strip()
    for mark in "\\|<*":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
