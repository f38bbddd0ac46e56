"""The run table: what was trained, on how much of what, and the losses that came out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix import files
from langmix.errors import InputError

Floats = NDArray[np.float64]

SHARE: Final = "share."
LOSS: Final = "loss."
UNIQUE: Final = "unique."
BYTES_PER_TOKEN: Final = "bytes_per_token."

SHARE_SUM_TOLERANCE: Final = 1e-3
"""Printed shares are rounded; a row whose shares miss 1 by more than this is wrong, not rounded."""

SMALLEST: Final = 1e-30
LARGEST: Final = 1e30
"""Of any positive number in a table, whatever its unit: one beyond is a slip, and its powers overflow."""

FRESH: Final = 1.1
"""Passes over a language's data up to which a checkpoint counts as one without repetition."""

_ALONE: Final = 1 - 1e-3

LINE: Final = "line"
"""Name of the index of a frame whose rows are known by the line of their file; others are counted from 1."""

_PLAIN_NUMBERS: Final = ("params", "params_total", "tokens", "seed", "step")


@dataclass(frozen=True, kw_only=True, eq=False)
class RunTable:
    """Checkpoints of training runs. Rows of one run are not independent: resample and split by run.

    Build it with `RunTable.from_frame` or `read_runs`, which check it; the constructor does not.

    Attributes:
        frame: one row per checkpoint, columns ``run``, ``params``, ``tokens``, ``share.<language>``,
            ``loss.<target>`` and the optional ones of `read_runs`.
        source: where it came from, for messages and provenance.
    """

    frame: pd.DataFrame
    source: str

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, source: str = "run table") -> RunTable:
        """Check a frame and normalise it: numbers as floats, shares summing to exactly 1.

        Args:
            frame: one row per checkpoint; see `read_runs` for the columns.
            source: the file's name, for messages.

        Raises:
            InputError: names the row, the column, the value, what was expected and the remedy.
        """
        return cls(frame=_checked(frame, source), source=source)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Training domains, in the order of the columns."""
        return self._names(SHARE)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """What losses are measured on, in the order of the columns."""
        return self._names(LOSS)

    @cached_property
    def run(self) -> NDArray[np.str_]:
        """Shape (n,): the run of each checkpoint."""
        return self.frame["run"].to_numpy(dtype=str)

    @cached_property
    def params(self) -> Floats:
        """Shape (n,): parameters, not billions; non-embedding unless the table says otherwise."""
        return self.frame["params"].to_numpy(dtype=float)

    @cached_property
    def tokens(self) -> Floats:
        """Shape (n,): training tokens seen so far, not billions."""
        return self.frame["tokens"].to_numpy(dtype=float)

    @cached_property
    def shares(self) -> Floats:
        """Shape (n, languages): part of the training tokens; rows sum to 1."""
        return self.frame[[SHARE + name for name in self.languages]].to_numpy(dtype=float)

    @cached_property
    def losses(self) -> Floats:
        """Shape (n, targets): nats per token; NaN where it was not measured."""
        return self.frame[[LOSS + name for name in self.targets]].to_numpy(dtype=float)

    @cached_property
    def unique(self) -> Floats:
        """Shape (n, languages): distinct tokens that were available; infinite where not recorded."""
        return np.column_stack(
            [
                self.frame[column].fillna(math.inf).to_numpy(dtype=float)
                if (column := UNIQUE + name) in self.frame
                else np.full(len(self), math.inf)
                for name in self.languages
            ]
        )

    @cached_property
    def bytes_per_token(self) -> Mapping[str, float]:
        """Per language, where the table records it (the median over its rows)."""
        return {
            name: float(self.frame[column].median())
            for name in self.languages
            if (column := BYTES_PER_TOKEN + name) in self.frame and bool(self.frame[column].notna().any())
        }

    @cached_property
    def sha256(self) -> str:
        """Of the canonical CSV: the identity of the table in provenance."""
        return hashlib.sha256(self.to_csv().encode()).hexdigest()

    def select(self, mask: NDArray[np.bool_]) -> RunTable:
        """The rows where ``mask``, shape (n,), is true."""
        return RunTable(frame=self.frame[mask].reset_index(drop=True), source=self.source)

    def is_alone(self, language: str, most_passes: float = math.inf) -> NDArray[np.bool_]:
        """Shape (n,): which checkpoints were trained on one language, within so many passes over its data."""
        k = self.languages.index(language)
        few = self.tokens <= most_passes * self.unique[:, k]
        mask: NDArray[np.bool_] = (self.shares[:, k] >= _ALONE) & few
        return mask

    def alone(self, languages: Sequence[str], *, most_passes: float = math.inf) -> RunTable:
        """The losses of some languages, each only where it was trained on alone; other targets are left out.

        Args:
            languages: that have a share and a loss.
            most_passes: over the data, up to which a checkpoint counts.
        """
        columns = {
            LOSS + name: self.frame[LOSS + name].where(self.is_alone(name, most_passes)) for name in languages
        }
        others = [LOSS + name for name in self.targets if name not in languages]
        frame = self.frame.assign(**columns).drop(columns=others)
        kept = frame[list(columns)].notna().any(axis=1)
        return RunTable(
            frame=frame[kept].reset_index(drop=True), source=f"{self.source}: runs of one language"
        )

    def to_csv(self) -> str:
        """CSV text, numbers in the shortest form that reads back as the same float."""
        return self.frame.to_csv(index=False, lineterminator="\n")

    def write(self, path: Path) -> None:
        """Write CSV, or Parquet for a path ending in ``.parquet``; complete or not at all."""
        if path.suffix == ".parquet":
            files.write_bytes(path, self.frame.to_parquet(index=False))
        else:
            files.write_text(path, self.to_csv())

    def _names(self, prefix: str) -> tuple[str, ...]:
        return tuple(str(c).removeprefix(prefix) for c in self.frame.columns if str(c).startswith(prefix))


def _checked(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    if frame.empty:
        raise InputError(f"{source}: the run table has no rows; expected one row per checkpoint")
    if frame.index.name != LINE:
        frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))
    _check_columns(frame, source)
    frame = frame.assign(run=frame["run"].astype("string").str.strip())
    _refuse(frame, frame["run"].isna() | (frame["run"] == ""), "run", source, "expected the name of the run")
    frame = frame.assign(run=frame["run"].astype(str))

    numeric = [str(c) for c in frame.columns if _is_number_column(str(c))]
    frame = frame.assign(**{column: _numbers(frame, column, source) for column in numeric})
    for column in ("params", "tokens"):
        _refuse(frame, ~(frame[column] > 0), column, source, "expected a number above 0 (in units)")
        _refuse_extremes(frame, column, source)
    for column in _starting(frame, LOSS):
        _refuse(
            frame,
            ~(frame[column] > 0) & frame[column].notna(),
            column,
            source,
            "expected nats per token above 0, or an empty cell where it was not measured",
        )
        _refuse_extremes(frame, column, source)
        if bool(frame[column].isna().all()):
            raise InputError(
                f"{source}: column {column!r} holds no measured loss; remove the column or fill it"
            )
    for column in (*_starting(frame, UNIQUE), *_starting(frame, BYTES_PER_TOKEN)):
        _refuse(frame, frame[column] <= 0, column, source, "expected a number above 0, or an empty cell")
        _refuse_extremes(frame, column, source)
    return _normalised(_check_repeats(frame, source), source).reset_index(drop=True)


def _check_columns(frame: pd.DataFrame, source: str) -> None:
    columns = [str(c) for c in frame.columns]
    if repeated := sorted({c for c in columns if columns.count(c) > 1}):
        raise InputError(f"{source}: column {repeated[0]!r} appears more than once; keep one of them")
    for name in ("run", "params", "tokens"):
        if name not in columns:
            raise InputError(
                f"{source}: column {name!r} is missing (found {_some(columns)}); "
                "a run table has run, params, tokens, share.<language>, loss.<target>"
            )
    if not _starting(frame, SHARE):
        raise InputError(
            f"{source}: no share.<language> column (found {_some(columns)}); add one column per training "
            "language with its part of the training tokens, for example share.python"
        )
    if not _starting(frame, LOSS):
        raise InputError(
            f"{source}: no loss.<target> column (found {_some(columns)}); add one column per validation set "
            "with its loss in nats per token, for example loss.python"
        )
    languages = {c.removeprefix(SHARE) for c in _starting(frame, SHARE)}
    for prefix in (UNIQUE, BYTES_PER_TOKEN):
        for column in _starting(frame, prefix):
            if column.removeprefix(prefix) not in languages:
                raise InputError(
                    f"{source}: column {column!r} has no matching column "
                    f"{SHARE + column.removeprefix(prefix)!r}; rename or remove it"
                )


def _check_repeats(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    repeated = frame.duplicated(["run", "tokens"], keep=False)
    if bool(repeated.any()):
        first, second = (int(i) for i in np.flatnonzero(repeated.to_numpy())[:2])
        raise InputError(
            f"{source}: {_row(frame, second)} repeats the checkpoint of {_row(frame, first)} "
            f"(tokens {frame['tokens'].iloc[second]:g}); keep one row per run and token count"
        )
    return frame


def _normalised(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    columns = _starting(frame, SHARE)
    for column in columns:
        _refuse(frame, ~(frame[column] >= 0), column, source, "expected a share from 0 to 1 (0 where unused)")
    total = frame[columns].sum(axis=1)
    for index in np.flatnonzero((total - 1).abs().to_numpy() > SHARE_SUM_TOLERANCE)[:1]:
        raise InputError(
            f"{source}: {_row(frame, int(index))}: the shares sum to {total.iloc[index]:.6g}, expected 1 "
            f"(columns {_some(columns)}); shares are parts of the training tokens, not percent or weights"
        )
    # Sums within rounding of 1 are left alone, so that a table reads back as it was written, to the bit.
    total = total.where((total - 1).abs() > 1e-12, 1.0)
    return frame.assign(**{column: frame[column] / total for column in columns})


def _is_number_column(column: str) -> bool:
    return column in _PLAIN_NUMBERS or column.startswith((SHARE, LOSS, UNIQUE, BYTES_PER_TOKEN))


def _numbers(frame: pd.DataFrame, column: str, source: str) -> pd.Series[float]:
    numbers = pd.to_numeric(frame[column], errors="coerce").astype(float)
    blank = frame[column].isna() | frame[column].astype("string").str.strip().str.lower().isin(["", "nan"])
    _refuse(frame, numbers.isna() & ~blank, column, source, "expected a number")
    infinite = numbers.isin([math.inf, -math.inf])
    _refuse(frame, infinite, column, source, "expected a finite number")
    if column in ("params", "tokens"):
        _refuse(frame, numbers.isna(), column, source, "expected a number; every checkpoint needs one")
    if column.startswith(SHARE):
        _refuse(frame, numbers.isna(), column, source, "expected a share; write 0 where a language is unused")
    return numbers


def _refuse(frame: pd.DataFrame, bad: pd.Series[bool], column: str, source: str, expected: str) -> None:
    positions = np.flatnonzero(bad.to_numpy(dtype=bool))
    if len(positions) == 0:
        return
    index = int(positions[0])
    value = frame[column].iloc[index]
    value = value.item() if isinstance(value, np.generic) else value
    shown = "empty" if pd.isna(value) or value == "" else repr(value)
    more = f" ({len(positions) - 1} more rows like it)" if len(positions) > 1 else ""
    raise InputError(f"{source}: {_row(frame, index)}, column {column!r}: {shown}; {expected}{more}")


def _refuse_extremes(frame: pd.DataFrame, column: str, source: str) -> None:
    bad = (frame[column] < SMALLEST) | (frame[column] > LARGEST)
    _refuse(frame, bad, column, source, f"expected a number from {SMALLEST:g} to {LARGEST:g}, in any unit")


def _row(frame: pd.DataFrame, index: int) -> str:
    """A row as its reader finds it: by line of its file or counted from 1, with the name of the run."""
    place = f"{frame.index.name} {frame.index[index]}"
    run = frame["run"].iloc[index]
    return place if pd.isna(run) or run == "" else f"{place} (run {str(run)!r})"


def _starting(frame: pd.DataFrame, prefix: str) -> list[str]:
    return [str(c) for c in frame.columns if str(c).startswith(prefix)]


def _some(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f", … {len(names) - limit} more" if len(names) > limit else "")
