"""The one place where tracked runs become a run table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.runs._table import BYTES_PER_TOKEN, LOSS, SHARE, SHARE_SUM_TOLERANCE, UNIQUE, RunTable
from langmix.runs.importers._map import ImportMap, LossUnit, SharesAre
from langmix.runs.importers._reference import Place, Reference, parse_reference, quantity
from langmix.runs.importers._resolve import check_faults, listing, resolve, some
from langmix.runs.importers._tracked import Tracked, as_number

Floats = NDArray[np.float64]

_MOST_NATS: Final = 700.0
"""exp of more overflows; a perplexity beyond it was a run that diverged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A run table, and what was done to get it.

    Attributes:
        runs: checked.
        notes: what was guessed, dropped, merged or converted; to be read by a person.
        mapping: every reference explicit; saved as YAML it gives the same import without guesses.
    """

    runs: RunTable
    notes: tuple[str, ...]
    mapping: ImportMap


def to_runs(tracked: Tracked, mapping: ImportMap | None = None) -> Imported:
    """Map tracked runs to a run table: one row per checkpoint that has a loss.

    Args:
        tracked: what an importer read.
        mapping: which metric is what; gaps are filled by names that follow a convention.

    Raises:
        InputError: names the source, the run or metric, the value, what was expected and the remedy.
    """
    asked = mapping or ImportMap()
    resolved = resolve(asked, tracked.names, source=tracked.source)
    notes = [*tracked.notes]
    building = _Building(tracked, resolved.mapping, notes, step_asked=asked.step is not None)
    if resolved.guessed:
        notes.append("guessed from their names: " + "; ".join(resolved.guessed))
    frame = building.frame(notes)
    table = RunTable.from_frame(frame, source=tracked.source)
    return Imported(runs=table, notes=tuple(notes), mapping=resolved.mapping)


class _Building:
    """Lookups of one import; ``rows`` frames have ``run`` (the tracker's) and ``step``."""

    def __init__(self, tracked: Tracked, mapping: ImportMap, notes: list[str], *, step_asked: bool) -> None:
        self.source = tracked.source
        self.tracked = tracked
        self.mapping = mapping
        runs = list(dict.fromkeys([*tracked.config, *tracked.metrics["run"]]))
        self.kept = [run for run in runs if self._is_kept(run)]
        if not self.kept:
            raise InputError(
                f"{self.source}: no run is left by include and exclude; runs found: {some(runs, 12)}"
            )
        self.metrics = tracked.metrics[tracked.metrics["run"].isin(set(self.kept))]
        if mapping.step is not None:
            reference = parse_reference(mapping.step, field="step")
            self.metrics = self._restepped(reference, notes, required=step_asked)
        self.series: dict[tuple[str, str], tuple[Floats, Floats]] = {
            (str(metric), str(run)): (
                part["step"].to_numpy(dtype=float),
                part["value"].to_numpy(dtype=float),
            )
            for (metric, run), part in self.metrics.drop_duplicates(["run", "step", "metric"], keep="last")
            .sort_values("step", kind="stable")
            .groupby(["metric", "run"], sort=False)
        }

    def frame(self, notes: list[str]) -> pd.DataFrame:
        """All columns of the run table."""
        rows = self._losses(notes)
        mapping = self.mapping
        rows = self._with_tokens(rows, notes)
        unseen = ~(rows["tokens"] > 0)
        if bool(unseen.any()):
            notes.append(f"{_count(unseen.sum(), 'checkpoint')} at 0 tokens (before training) left out")
            rows = rows[~unseen].reset_index(drop=True)
        if rows.empty:
            raise InputError(
                f"{self.source}: no checkpoint is left after 0 tokens; check tokens or tokens_per_step"
            )
        self._params(rows)
        shares = self._shares(rows, notes)
        for family, prefix in (("unique", UNIQUE), ("bytes_per_token", BYTES_PER_TOKEN)):
            for name, text in getattr(mapping, family).items():
                rows[prefix + name] = self._numbers(text, rows, field=f"{family} {name}")
        if mapping.seed is not None:
            rows["seed"] = self._numbers(mapping.seed, rows, field="seed")
        for column in ("tokenizer", "organisation"):
            text = getattr(mapping, column)
            if text is not None:
                rows[column] = self._texts(text, rows, field=column)
        self._convert_losses(rows, shares, notes)
        rows["run"] = self._names(rows)
        rows = self._merged(rows, notes)
        rows = self._thinned(rows, notes)
        rows = self._without_unmeasured(rows, notes)
        self._compare_names(shares, notes)
        return _ordered(rows, stepped=self.tracked.stepped or mapping.step is not None)

    # Runs and checkpoints

    def _is_kept(self, run: str) -> bool:
        include, exclude = self.mapping.include, self.mapping.exclude
        named = bool(include) and not any(fnmatchcase(run, pattern) for pattern in include)
        return not named and not any(fnmatchcase(run, pattern) for pattern in exclude)

    def _names(self, rows: pd.DataFrame) -> pd.Series[str]:
        if self.mapping.run is None:
            return rows["run"]
        names = self._texts(self.mapping.run, rows, field="run")
        for index in np.flatnonzero(names.isna().to_numpy())[:1]:
            raise InputError(
                f"{self.source}: run {rows['run'].iloc[index]!r} has no {self.mapping.run!r} to be named by; "
                "add it, or leave the run out with exclude"
            )
        return names

    def _restepped(self, reference: Reference, notes: list[str], *, required: bool) -> pd.DataFrame:
        """Metrics under the step that the trainer logged: the last one logged so far."""
        check_faults(reference, self.tracked, field="step")
        parts = []
        for run, part in self.metrics.groupby("run", sort=False):
            own = part[part["metric"] == reference.name]
            own = own.drop_duplicates("step", keep="last").sort_values("step")
            if not own.empty:
                at = np.searchsorted(own["step"].to_numpy(), part["step"].to_numpy(), side="right") - 1
                steps = own["value"].to_numpy(dtype=float)[np.maximum(at, 0)] * reference.scale
                part = part.assign(step=steps)
            elif required:
                raise InputError(
                    f"{self.source}: step: run {run!r} logged no {reference.name!r}; leave it out with "
                    f"--exclude '{run}', or map another step"
                )
            else:
                notes.append(
                    f"run {run!r} logged no {reference.name!r}: the tracker's own step is used for it"
                )
            parts.append(part)
        return pd.concat(parts) if parts else self.metrics

    def _losses(self, notes: list[str]) -> pd.DataFrame:
        """One row per run and step at which a loss was logged, with ``loss.<target>`` columns."""
        columns: dict[str, pd.Series[float]] = {}
        logged = self.metrics
        again = diverged = 0
        for target, text in self.mapping.loss.items():
            reference = parse_reference(text, field=f"loss {target}")
            check_faults(reference, self.tracked, field=f"loss {target}")
            part = logged[logged["metric"] == reference.name]
            last = part.drop_duplicates(["run", "step"], keep="last")
            again += len(part) - len(last)
            diverged += int((~np.isfinite(last["value"])).sum())
            columns[LOSS + target] = last.set_index(["run", "step"])["value"] * reference.scale
        if all(column.empty for column in columns.values()):
            raise InputError(
                f"{self.source}: no run logged any of the mapped losses "
                f"({some(self.mapping.loss.values(), 8)}); "
                f"{listing(self.tracked.names)}"
            )
        frame = pd.concat(columns, axis="columns").rename_axis(["run", "step"]).reset_index()
        order = {run: position for position, run in enumerate(self.kept)}
        frame = frame.assign(_order=frame["run"].map(order))
        frame = frame.sort_values(["_order", "step"], kind="stable").drop(columns="_order")
        if again:
            notes.append(
                f"{_count(again, 'loss', 'losses')} logged again at the same step, as after a resume: last kept"
            )
        if diverged:
            notes.append(
                f"{_count(diverged, 'loss', 'losses')} not finite (a run that diverged): kept as not measured"
            )
        if silent := [run for run in self.kept if run not in set(frame["run"])]:
            notes.append(f"{_count(len(silent), 'run')} without any mapped loss left out: {some(silent, 6)}")
        return frame.reset_index(drop=True)

    def _merged(self, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
        """Rows of one run and token count are one checkpoint; the last value of each column is kept."""
        repeated = rows.duplicated(["run", "tokens"])
        if not bool(repeated.any()):
            return rows
        notes.append(f"{_count(repeated.sum(), 'row')} merged with another of the same run and tokens")
        return rows.groupby(["run", "tokens"], sort=False, as_index=False).last()

    def _thinned(self, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
        if not self.mapping.last and self.mapping.every == 1:
            return rows
        from_last = rows.groupby("run", sort=False)["tokens"].rank(method="first", ascending=False) - 1
        keep = from_last == 0 if self.mapping.last else from_last % self.mapping.every == 0
        if not bool(keep.all()):
            how = (
                "the last"
                if self.mapping.last
                else f"each {self.mapping.every}-th, counted back from the last,"
            )
            notes.append(f"{_count(keep.sum(), 'checkpoint')} of {len(rows)} kept: {how} of each run")
        return rows[keep].reset_index(drop=True)

    def _without_unmeasured(self, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
        for target, text in self.mapping.loss.items():
            if bool(rows[LOSS + target].isna().all()):
                raise InputError(
                    f"{self.source}: loss {target}: {text} has no finite value in the checkpoints kept; "
                    f"map another metric to {target}, or leave it out"
                )
        losses = rows[[LOSS + target for target in self.mapping.loss]]
        partly = losses.isna().any(axis=1) & ~losses.isna().all(axis=1)
        if partly.mean() > 0.5:
            notes.append(
                f"{_count(partly.sum(), 'checkpoint')} of {len(rows)} hold only some of the losses; if your "
                "trainer "
                "logs each evaluation at a step of its own, map the step (--step train/global_step)"
            )
        return rows

    # Columns

    def _with_tokens(self, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
        mapping = self.mapping
        if mapping.tokens is None:
            if mapping.tokens_per_step is None:
                raise InputError(
                    f"{self.source}: tokens: nothing says how many tokens a checkpoint has seen; give the "
                    "metric "
                    "with --tokens METRIC, or --tokens-per-step N (sequences per step x tokens per "
                    "sequence); "
                    f"{listing(self.tracked.names)}"
                )
            if not self.tracked.stepped and mapping.step is None:
                raise InputError(
                    f"{self.source}: tokens_per_step needs steps, and no column is named step; name it with "
                    "--step COLUMN, or give --tokens"
                )
            each = self._numbers(mapping.tokens_per_step, rows, field="tokens_per_step")
            each = self._complete(each, rows, "tokens_per_step")
            return rows.assign(tokens=rows["step"].to_numpy(dtype=float) * each)
        reference = parse_reference(mapping.tokens, field="tokens")
        if self._place(reference) is not Place.METRIC:
            tokens = self._numbers(mapping.tokens, rows, field="tokens")
            rows = rows.assign(tokens=self._complete(tokens, rows, "tokens"))
            earlier = rows.duplicated("run", keep="last")
            if bool(earlier.any()):
                notes.append(
                    f"tokens: {reference} is one number per run, so only the last checkpoint of each run has "
                    "it"
                )
            return rows[~earlier].reset_index(drop=True)
        check_faults(reference, self.tracked, field="tokens")
        tokens, between = self._along(reference, rows)
        if between:
            notes.append(
                f"tokens of {_count(between, 'checkpoint')} lie between (or beyond) steps at which "
                f"{reference.name} was logged: taken along the line"
            )
        return rows.assign(tokens=self._complete(tokens, rows, "tokens"))

    def _along(self, reference: Reference, rows: pd.DataFrame) -> tuple[Floats, int]:
        """A metric that grows with the step, at each row; how many rows are not steps where it was logged."""
        values = np.full(len(rows), math.nan)
        between = 0
        for run, index in rows.groupby("run", sort=False).indices.items():
            steps, logged = self.series.get((reference.name, str(run)), (np.empty(0), np.empty(0)))
            finite = np.isfinite(logged)
            steps, logged = steps[finite], logged[finite]
            wanted = rows["step"].to_numpy(dtype=float)[index]
            if len(steps) == 0:
                continue
            between += int((~np.isin(wanted, steps)).sum())
            values[index] = np.interp(wanted, steps, logged)
            beyond = wanted > steps[-1]
            if bool(beyond.any()) and steps[-1] > 0:
                start = int(np.flatnonzero(steps < steps[-1])[-1]) if len(steps) > 1 else None
                origin = (0.0, 0.0) if start is None else (steps[start], logged[start])
                slope = (logged[-1] - origin[1]) / (steps[-1] - origin[0])
                values[index[beyond]] = logged[-1] + slope * (wanted[beyond] - steps[-1])
        return values * reference.scale, between

    def _params(self, rows: pd.DataFrame) -> None:
        mapping = self.mapping
        if mapping.params_total is not None:
            rows["params_total"] = self._numbers(mapping.params_total, rows, field="params_total")
        if mapping.params is not None:
            rows["params"] = self._complete(
                self._numbers(mapping.params, rows, field="params"), rows, "params"
            )
        elif mapping.params_total is not None:
            total = self._complete(rows["params_total"].to_numpy(dtype=float), rows, "params_total")
            embedding = self._embedding(rows)
            rows["params"] = total - embedding
            for index in np.flatnonzero(~(rows["params"] > 0).to_numpy())[:1]:
                raise InputError(
                    f"{self.source}: run {rows['run'].iloc[index]!r}: params_total {total[index]:g} is not "
                    "above "
                    f"its embedding parameters {embedding[index]:g}; check params_total, vocab_size and "
                    "d_model"
                )
        else:
            raise InputError(
                f"{self.source}: params: nothing says how many parameters a run has; give --params "
                "(non-embedding), "
                "or --params-total with --embedding-params (or --vocab-size, --d-model and "
                "--tied-embeddings), "
                f"each a number or a name; {listing(self.tracked.names)}"
            )

    def _embedding(self, rows: pd.DataFrame) -> Floats:
        """Parameters of the embedding, and of the head where it is a matrix of its own."""
        mapping = self.mapping
        if mapping.embedding_params is not None:
            given = self._numbers(mapping.embedding_params, rows, field="embedding_params")
            return self._complete(given, rows, "embedding_params")
        needed = ("vocab_size", "d_model", "tied_embeddings")
        if missing := [name for name in needed if getattr(mapping, name) is None]:
            raise InputError(
                f"{self.source}: params: only the total is known ({mapping.params_total}), and langmix "
                "counts "
                "non-embedding parameters. Give "
                f"{', '.join('--' + name.replace('_', '-') for name in missing)} to "
                "derive them, or --embedding-params; to count the embedding in, map --params to the total"
            )
        vocab, width = (
            self._complete(self._numbers(getattr(mapping, name), rows, field=name), rows, name)
            for name in needed[:2]
        )
        return vocab * width * np.where(self._tied(rows), 1.0, 2.0)

    def _tied(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        text = self.mapping.tied_embeddings
        assert text is not None
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        spelled = self._texts(text, rows, field="tied_embeddings")
        tied = [words.get(str(value).strip().lower()) for value in spelled]
        for run, value, answer in zip(rows["run"], spelled, tied, strict=True):
            if answer is None:
                raise InputError(
                    f"{self.source}: run {run!r}: tied_embeddings is {value!r}; expected true or false"
                )
        return np.array(tied, dtype=bool)

    def _shares(self, rows: pd.DataFrame, notes: list[str]) -> list[str]:
        mapping = self.mapping
        if not mapping.share:
            raise InputError(
                f"{self.source}: share: nothing says what the runs were trained on; give --share "
                "LANGUAGE=NAME "
                "for each (in a map: `share:`), or a table of the runs' shares with --configs; "
                f"{listing(self.tracked.names)}"
            )
        names = list(mapping.share)
        shares = np.column_stack(
            [self._numbers(text, rows, field=f"share {name}") for name, text in mapping.share.items()]
        )
        for index in np.flatnonzero(np.isnan(shares).all(axis=1))[:1]:
            raise InputError(
                f"{self.source}: run {rows['run'].iloc[index]!r} has none of the shares "
                f"({some(mapping.share.values(), 6)}); add them with --configs, or leave the run out with "
                "--exclude"
            )
        blank = np.isnan(shares)
        if bool(blank.any()):
            sparse = set(rows.loc[np.asarray(blank.any(axis=1)), "run"])
            notes.append(
                f"{_count(len(sparse), 'run')} without a share of every language: those left out count as 0"
            )
        shares = np.where(blank, 0.0, shares)
        for index, column in np.argwhere(~(shares >= 0) | np.isinf(shares))[:1]:
            raise InputError(
                f"{self.source}: run {rows['run'].iloc[index]!r}: share {names[column]} is "
                f"{shares[index, column]:g}; expected a number from 0"
            )
        total = shares.sum(axis=1)
        kind = mapping.shares_are
        if kind is None:
            percent = bool(np.all(np.abs(total - 100) <= 100 * SHARE_SUM_TOLERANCE))
            kind = SharesAre.PERCENT if percent else SharesAre.SHARE
            if percent:
                notes.append("the shares sum to 100: read as percent")
        expected = {SharesAre.SHARE: 1.0, SharesAre.PERCENT: 100.0}.get(kind)
        wrong = ~(total > 0) if expected is None else np.abs(total / expected - 1) > SHARE_SUM_TOLERANCE
        for index in np.flatnonzero(wrong)[:1]:
            raise InputError(
                f"{self.source}: run {rows['run'].iloc[index]!r}: the shares sum to {total[index]:.6g}, "
                "expected "
                f"{'more than 0' if expected is None else f'{expected:g}'} "
                f"({', '.join(f'{n}={v:g}' for n, v in zip(names, shares[index], strict=True))}); map every "
                "language, or say --shares-are percent, or weight for tokens or sampling weights"
            )
        for column, name in enumerate(names):
            rows[SHARE + name] = shares[:, column] / total
        return names

    def _convert_losses(self, rows: pd.DataFrame, languages: list[str], notes: list[str]) -> None:
        unit = self.mapping.loss_unit
        without: list[str] = []
        for target in self.mapping.loss:
            column = LOSS + target
            values = rows[column].to_numpy(dtype=float)
            if unit is LossUnit.PERPLEXITY:
                values = np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), values)
                values = np.where(values > _MOST_NATS, math.inf, values)
            elif unit is not LossUnit.NATS:
                values = values * math.log(2)
            if unit is LossUnit.BITS_PER_BYTE:
                per_token = BYTES_PER_TOKEN + target
                if per_token in rows:
                    values = values * rows[per_token].to_numpy(dtype=float)
                else:
                    without.append(target)
                    if target in languages:
                        rows[per_token] = 1.0
            rows[column] = np.where(np.isfinite(values), values, math.nan)
        if without:
            notes.append(
                f"no bytes_per_token for {some(without, 6)}: those losses are nats per byte, as if a token "
                "were a byte"
            )

    def _compare_names(self, languages: list[str], notes: list[str]) -> None:
        targets = {part for target in self.mapping.loss for part in target.split(">")}
        if unmeasured := [name for name in languages if name not in targets]:
            notes.append(
                f"no loss is named like the language{'s' if len(unmeasured) > 1 else ''} "
                f"{some(unmeasured, 8)}; "
                "if its target has another name, use --rename TRACKER=NAME"
            )

    # Lookups

    def _place(self, reference: Reference) -> Place:
        if reference.place is not Place.ANY:
            return reference.place
        return Place.CONFIG if reference.name in self.tracked.names.config else Place.METRIC

    def _numbers(self, text: str, rows: pd.DataFrame, *, field: str) -> Floats:
        """Shape (rows,): the value at each row, NaN where a run has none."""
        reference = parse_reference(text, field=field)
        if reference.place is Place.VALUE:
            value = quantity(reference.name)
            if value is None:
                raise InputError(f"{self.source}: {field}: {reference.name!r}; expected a number")
            return np.full(len(rows), value * reference.scale)
        check_faults(reference, self.tracked, field=field)
        return self._looked_up(reference, rows, lambda run, value: self._number(run, value, field)) * (
            reference.scale
        )

    def _number(self, run: str, value: object, field: str) -> float:
        number = as_number(value)
        if number is None:
            number = quantity(value) if isinstance(value, str) else None
        if number is None:
            raise InputError(f"{self.source}: run {run!r}: {field} is {value!r}; expected a number")
        return number

    def _looked_up(
        self, reference: Reference, rows: pd.DataFrame, read: Callable[[str, object], float]
    ) -> Floats:
        values = np.full(len(rows), math.nan)
        steps = rows["step"].to_numpy(dtype=float)
        for key, index in rows.groupby("run", sort=False).indices.items():
            run = str(key)
            entry = self.tracked.config.get(run, {}).get(reference.name)
            if reference.place is not Place.METRIC and entry is not None and entry != "":
                values[index] = read(run, entry)
            elif reference.place is not Place.CONFIG and (reference.name, run) in self.series:
                at, logged = self.series[reference.name, run]
                values[index] = logged[np.maximum(np.searchsorted(at, steps[index], side="right") - 1, 0)]
        return values

    def _texts(self, text: str, rows: pd.DataFrame, *, field: str) -> pd.Series[str]:
        reference = parse_reference(text, field=field)
        if reference.place is Place.VALUE:
            return pd.Series([reference.name] * len(rows), index=rows.index, dtype="object")
        config = self.tracked.config
        entries = {run: config.get(str(run), {}).get(reference.name) for run in set(rows["run"])}
        if self._place(reference) is Place.METRIC:
            entries |= {
                run: f"{self.series[reference.name, str(run)][1][-1]:g}"
                for run in entries
                if (reference.name, str(run)) in self.series
            }
        return rows["run"].map(lambda run: None if entries[run] is None else str(entries[run]))

    def _complete(self, values: Floats, rows: pd.DataFrame, field: str) -> Floats:
        for index in np.flatnonzero(np.isnan(values))[:1]:
            run = str(rows["run"].iloc[index])
            missing = len(set(rows["run"][np.isnan(values)]))
            more = f" (and {missing - 1} more runs)" if missing > 1 else ""
            found = some(sorted(self.tracked.config.get(run, {})), 12)
            raise InputError(
                f"{self.source}: run {run!r}{more} has no {field} ({getattr(self.mapping, field)}); its "
                "config: "
                f"{found}. Add it with --configs, or leave the run out with --exclude"
            )
        return values


def _ordered(rows: pd.DataFrame, *, stepped: bool) -> pd.DataFrame:
    """Runs in the order in which they came, checkpoints by tokens, columns as `read_runs` lists them."""
    order = {run: position for position, run in enumerate(dict.fromkeys(rows["run"]))}
    rows = rows.assign(_order=rows["run"].map(order)).sort_values(["_order", "tokens"], kind="stable")
    first = ["run", "params", "params_total", "tokens", "step", "seed", "organisation", "tokenizer"]
    plain = [column for column in first if column in rows and (stepped or column != "step")]
    families = [
        column
        for prefix in (SHARE, LOSS, UNIQUE, BYTES_PER_TOKEN)
        for column in rows.columns
        if str(column).startswith(prefix)
    ]
    return rows[[*plain, *families]].reset_index(drop=True)


def _count(number: float, what: str, several: str | None = None) -> str:
    return f"{int(number)} {what if number == 1 else several or what + 's'}"
