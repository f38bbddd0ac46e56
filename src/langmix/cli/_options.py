"""What several verbs take: quantities with units, and NAME=VALUE pairs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from langmix import files
from langmix.allocate import read_mixture
from langmix.errors import InfeasibleError, InputError
from langmix.quantities import read_count

Json = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON instead of tables.")]
Seed = Annotated[int, typer.Option(help="Seed of the bootstrap.")]
Draws = Annotated[int, typer.Option(min=0, help="Bootstrap draws over runs, for the intervals.")]
RunsFile = Annotated[Path, typer.Argument(help="Run table, CSV or Parquet.", metavar="RUNS")]
Pivot = Annotated[
    str, typer.Option(help="Language on one side of all directions to train on, or none: every two.")
]
Seen = Annotated[
    list[str] | None,
    typer.Option(help="To train on in pairs, SOURCE>TARGET, repeatable, in place of those of the pivot."),
]
Paired = Annotated[
    str | None,
    typer.Option(help="Language on one side of all directions paired in training, or none: all were."),
]
PairedOnes = Annotated[
    list[str] | None,
    typer.Option(help="Paired in training, SOURCE>TARGET, repeatable, in place of those of the pivot."),
]
LawsFile = Annotated[Path, typer.Argument(help="laws.json that `langmix fit` wrote.", metavar="LAWS")]


def writable(place: str = "--out", *, folder: bool = False) -> Callable[[Path | None], Path | None]:
    """A callback that refuses, before any work, a path that cannot be written."""

    def check(path: Path | None) -> Path | None:
        if path is not None:
            files.check_writable(path, folder=folder, remedy=f"give another {place}")
        return path

    return check


def apart(out: Path, *inputs: Path | None, place: str = "--out") -> None:
    """Refuse to write over what is read.

    Raises:
        InputError: they are the same file.
    """
    for path in inputs:
        if path is not None and out.resolve() == path.resolve():
            raise InputError(f"{place} {out}: is what is read; give another {place}")


def quantity(text: str, *, option: str) -> float:
    """Read a count such as ``1.5B``, ``350e9`` or ``800k``.

    Raises:
        InputError: not a finite number above 0 with an optional unit k, M, B (or G), T.
    """
    value = read_count(text)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{option}: {text!r}; expected a number above 0 such as 1.5B, 350e9 or 800k")
    return value


def number(text: str, *, option: str) -> float:
    """Read a plain number, or a percentage such as ``2%``.

    Raises:
        InputError: it is none.
    """
    try:
        plain = text.strip().removesuffix("%")
        return float(plain) / (100 if "%" in text else 1)
    except ValueError:
        raise InputError(f"{option}: {text!r}; expected a number") from None


def part(text: str, *, option: str) -> float:
    """Read a part such as ``0.1%`` or ``0.001``.

    Raises:
        InputError: neither.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:e[+-]?\d+)?)\s*(%?)\s*", text, re.IGNORECASE)
    try:
        value = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise InputError(f"{option}: {text!r}; expected a part between 0 and 1 such as 0.1% or 0.001")
    return value


def sizes(given: Iterable[str], *, option: str) -> dict[str, float]:
    """Read sizes of models: ``50M``, which is its own name, or ``NAME=PARAMS``.

    Raises:
        InputError: no number, or a name given twice.
    """
    return pairs((text if "=" in text else f"{text}={text}" for text in given), option=option, counts=True)


def pairs(given: Iterable[str], *, option: str, counts: bool = False) -> dict[str, float]:
    """Read ``NAME=VALUE`` pairs.

    Raises:
        InputError: no equals sign, a name given twice, or a value that is no number.
    """
    return {
        name: (quantity if counts else number)(value, option=f"{option} {name}")
        for name, value in texts(given, option=option).items()
    }


def shares(given: Iterable[str], *, option: str) -> dict[str, float]:
    """Read ``LANGUAGE=SHARE`` pairs that sum to 1.

    Raises:
        InputError: as for `pairs`; or a share below 0, or another sum.
    """
    found = pairs(given, option=option)
    total = math.fsum(found.values())
    if min(found.values()) < 0 or not abs(total - 1) <= 1e-6:
        raise InputError(
            f"{option}: the shares sum to {total:.6g}; expected parts, none below 0, that sum to 1"
        )
    return found


def texts(given: Iterable[str], *, option: str) -> dict[str, str]:
    """Read ``NAME=TEXT`` pairs.

    Raises:
        InputError: no equals sign, or a name given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise InputError(f"{option}: {text!r}; expected NAME=VALUE")
        if name in found:
            raise InputError(f"{option}: {name} is given twice; give it once")
        found[name] = value
    return found


@contextmanager
def named(places: Mapping[str, str]) -> Iterator[None]:
    """Let messages about an argument of the library, ``argument: ...``, name the option or the file instead.

    Raises:
        InputError, InfeasibleError: as it was raised within, with the first place that fits.
    """
    try:
        yield
    except (InputError, InfeasibleError) as error:
        text = str(error)
        for argument, place in places.items():
            if text.startswith(f"{argument}: "):
                raise type(error)(f"{place}: {text.removeprefix(f'{argument}: ')}") from None
        raise


def _once(path: Path, pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{path}: {twice[0]!r} occurs twice; expected each language once")
    return dict(pairs)


def mixture(path: Path) -> dict[str, float]:
    """Read shares from a mixture.json, or from a JSON object of language: share.

    Raises:
        InputError: neither of the two.
    """
    text = files.read_text(path, what="a mixture.json, or a JSON object of language: share")
    try:
        content = json.loads(text, object_pairs_hook=partial(_once, path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: is not JSON ({error.msg})") from None
    if isinstance(content, dict) and "kind" in content:
        return dict(read_mixture(path).shares)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: expected a JSON object of language: share")
    for name, share in content.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise InputError(f"{path}: {name} is {share!r}; expected a share from 0 to 1")
    return content
