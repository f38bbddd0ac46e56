"""Files that pages begin with: real ones, small enough for a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from code_samples import write_code

import langmix as lm
from langmix.allocate import write_mixture

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "src" / "langmix" / "data" / "seven-languages.csv"


@cache
def _laws() -> lm.Laws:
    """What `langmix fit` makes of the run table that ships with langmix, less the rivals that it compares."""
    return lm.fit(lm.read_runs(SHIPPED), law="progress")


def _runs(folder: Path) -> None:
    shutil.copy(SHIPPED, folder / "runs.csv")


def _laws_json(folder: Path) -> None:
    lm.write_laws(_laws(), folder / "laws.json")


def _mixture(folder: Path) -> None:
    """That of `langmix demo`: ten times the largest run."""
    runs = lm.read_runs(SHIPPED)
    mix = lm.allocate(_laws(), params=10 * runs.params.max(), tokens=10 * runs.tokens.max())
    write_mixture(mix, folder / "mixture.json")


def _demo(folder: Path) -> None:
    """What `langmix demo` leaves, but for its page."""
    (folder / "langmix-demo").mkdir()
    for name in ("runs.csv", "laws.json", "mixture.json"):
        GIVEN[name](folder / "langmix-demo")


def _studies(folder: Path) -> None:
    shutil.copytree(ROOT / "studies", folder / "studies")


def _trainer_states(folder: Path) -> None:
    """What the Trainer of transformers left of two runs (trainer-states/README.md)."""
    shutil.copytree(Path(__file__).parent / "trainer-states", folder, dirs_exist_ok=True)


def _code(folder: Path) -> None:
    write_code(folder / "code")


GIVEN: dict[str, Callable[[Path], None]] = {
    "runs.csv": _runs,
    "laws.json": _laws_json,
    "mixture.json": _mixture,
    "langmix-demo": _demo,
    "studies": _studies,
    "trainer-states": _trainer_states,
    "code": _code,
}
