"""What every importer reads its source into: one row per logged value, and the config of each run."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

Config = Mapping[str, object]
"""Config of a run, flat: ``{"data": {"python": 0.5}}`` is ``{"data.python": 0.5}``."""


class Names(NamedTuple):
    """What a source offers to map."""

    metrics: frozenset[str]
    config: frozenset[str]


Wanted = Callable[[Names], frozenset[str]]
"""Which of the metrics to read, for sources where each history costs a request."""


class Logged(NamedTuple):
    """One value as the tracker has it."""

    run: str
    step: float
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracked:
    """Runs of a tracker before they are mapped.

    Attributes:
        source: where they came from, for messages and provenance.
        metrics: columns ``run``, ``step``, ``metric``, ``value``, in the order of logging; a value that was
            logged as NaN is a row, one that was not logged is none.
        config: flat config of each run.
        names: everything that can be mapped, also metrics whose history was not read.
        notes: what the user should know about this source.
        faults: columns that hold no numbers, with the place of the first.
        stepped: whether ``step`` counts training steps; else it is only an order.
    """

    source: str
    metrics: pd.DataFrame
    config: Mapping[str, Config]
    names: Names
    notes: tuple[str, ...] = ()
    faults: Mapping[str, str] | None = None
    stepped: bool = True

    def with_config(self, more: Mapping[str, Config]) -> Tracked:
        """Config entries added per run; they win over the tracker's."""
        config = {run: {**entries, **more.get(run, {})} for run, entries in self.config.items()}
        found = frozenset(key for entries in more.values() for key in entries)
        return replace(self, config=config, names=Names(self.names.metrics, self.names.config | found))


def tracked(
    source: str,
    logged: Iterable[Logged],
    config: Mapping[str, Config],
    *,
    metrics: Iterable[str] = (),
    notes: Iterable[str] = (),
    faults: Mapping[str, str] | None = None,
    stepped: bool = True,
) -> Tracked:
    """Gather logged values; ``metrics`` names those whose history was not read."""
    frame = pd.DataFrame(list(logged), columns=list(Logged._fields))
    frame = frame.astype({"run": "object", "metric": "object", "step": float, "value": float})
    names = Names(
        metrics=frozenset(metrics) | frozenset(frame["metric"]),
        config=frozenset(key for entries in config.values() for key in entries),
    )
    return Tracked(
        source=source,
        metrics=frame,
        config=config,
        names=names,
        notes=tuple(notes),
        faults=faults,
        stepped=stepped,
    )


def flat(entries: Mapping[Any, Any], prefix: str = "") -> dict[str, object]:
    """Nested mappings as dotted names; a text that spells a mapping (MLflow stores those) is one too."""
    found: dict[str, object] = {}
    for key, value in entries.items():
        name = f"{prefix}{key}"
        inner = _mapping(value)
        if inner is None:
            found[name] = value
        else:
            found |= flat(inner, f"{name}.")
    return found


def unique_names(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Id to name; trackers allow many runs of one name, so those get their id added."""
    pairs = [(identity, name.strip() or identity) for identity, name in named]
    count = Counter(name for _, name in pairs)
    return {identity: name if count[name] == 1 else f"{name} ({identity})" for identity, name in pairs}


_NOT_FINITE = re.compile(r"(?<![\w'\"])(nan|inf)(?![\w'\"])")


def literal(text: str) -> Any:
    """Python or JSON text as a value, None if it is neither; a bare nan or inf becomes None."""
    for read in (json.loads, ast.literal_eval):
        for spelled in (text, _NOT_FINITE.sub("None", text)):
            try:
                return read(spelled)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
    return None


def _mapping(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value or None
    if isinstance(value, str) and value.lstrip().startswith("{"):
        read = literal(value)
        return read if isinstance(read, dict) and read else None
    return None


def as_number(value: object) -> float | None:
    """A logged value as a float; trackers write NaN and infinity as text. None if it is no number."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
