"""What all verbs print with: tables that fit 80 columns, warnings, progress, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from langmix.errors import LangmixError

console = Console(highlight=False)
stderr = Console(highlight=False, stderr=True, soft_wrap=True)


def as_json(content: Any) -> None:
    """Print JSON; numbers that JSON does not have (NaN, infinity) become null."""
    print(json.dumps(_plain(content), indent=1))


def say(text: str) -> None:
    """A plain line."""
    console.print(escape(text), soft_wrap=True)


@contextmanager
def progress(*, hidden: bool) -> Iterator[Progress]:
    """Bars with time spent and time left, on stderr, so that stdout holds results alone.

    An error takes them away: it is then the one message on stderr.
    """
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=hidden,
    )
    with bars:
        try:
            yield bars
        except LangmixError:
            bars.live.transient = True
            bars.live.stop()
            bars.disable = True  # or its own stop would add an empty line
            raise


def saved(what: str, path: object) -> None:
    """Say where a file went."""
    console.print(f"{what}: [bold]{escape(str(path))}[/]", soft_wrap=True)


def warnings(sentences: tuple[str, ...], *, console: Console = console) -> None:
    """Print warnings so that they are not overlooked."""
    for sentence in sentences:
        console.print(f"[yellow]warning:[/] {escape(sentence)}")


def new_table(title: str, first: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", padding=(0, 1))
    table.add_column(first, overflow="fold")
    return table


def within(value: float, low: float, high: float, *, digits: int = 2) -> str:
    """A number with its interval, where there is one; nothing for a number that the runs cannot tell."""
    if math.isnan(value):
        return ""
    if math.isnan(low):
        return f"{value:.{digits}f}"
    dash = "-" if low >= 0 else " to "
    return f"{value:.{digits}f} ({low:.{digits}f}{dash}{high:.{digits}f})"


def _plain(content: Any) -> Any:
    if isinstance(content, pd.DataFrame):
        return [_plain(row) for row in content.to_dict(orient="records")]
    if isinstance(content, dict):
        return {str(k): _plain(v) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(v) for v in content]
    if hasattr(content, "tolist"):
        return _plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
