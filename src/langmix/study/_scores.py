"""evaluation.csv: what the models of a study's validation can do, one score per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix import files
from langmix.errors import InputError
from langmix.evaluate._bleu import bleu_score
from langmix.evaluate._compare import Counts, Difference, Score, difference
from langmix.evaluate._shared import resampled
from langmix.evaluate.execution import Judged, Status, pass_at_k
from langmix.laws import interval

COLUMNS: Final = ("measure", "arm", "against", "seed", "language", "value", "low", "high", "count")
"""Of ``evaluation.csv``.

- measure: ``nats_per_token``, ``bits_per_byte``, ``bleu`` of one model; ``loss gain`` (relative) and ``bleu
  gain`` (points) of an arm against another, above 0 where it is better; ``pass@1`` of an arm; ``ended:
  STATUS``, programs of an arm that ended so.
- seed: of the model; empty where it is of all seeds of an arm.
- language: or ``objective: NAME``, the mean of its languages by their weights; or ``all``, of all problems.
- low, high: 90% interval, over documents, over seeds and documents, or over problems.
- count: of documents, problems or programs.
"""
ALL: Final = "all"
OBJECTIVE: Final = "objective: "
LOSS_GAIN: Final = "loss gain"
BLEU_GAIN: Final = "bleu gain"
PASS: Final = "pass@1"
_DRAWS: Final = 1000
_TYPES: Final = {
    **dict.fromkeys(COLUMNS, "object"),
    **dict.fromkeys(("value", "low", "high"), "float64"),
    **dict.fromkeys(("seed", "count"), "Int64"),
}

Counted = Mapping[tuple[str, int], Mapping[str, NDArray[np.float64]]]
"""What was counted of documents, shape (documents, counts), by arm and seed and by language."""
Row = dict[str, Any]


def loss_score(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nats per token of summed nats and tokens, shape (..., 2)."""
    score: NDArray[np.float64] = counts[..., 0] / counts[..., 1]
    return score


def bleu_scores(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU of summed counts, shape (..., 10)."""
    scores: NDArray[np.float64] = np.apply_along_axis(
        lambda one: bleu_score(one.astype(np.int64)), -1, counts
    )
    return scores


def model_rows(measure: str, counted: Counted, score: Score) -> list[Row]:
    """A score of every model and language, with its interval over documents."""
    rows = []
    for (arm, seed), by_language in counted.items():
        for language, counts in by_language.items():
            value = score(counts.sum(axis=0))
            drawn = score(resampled(len(counts), draws=_DRAWS) @ counts)
            low, high = interval(drawn, value)
            rows.append(_row(measure, arm, language, value, low, high, len(counts), seed=seed))
    return rows


def scaled(rows: Sequence[Row], measure: str, factors: Mapping[str, float]) -> list[Row]:
    """The same in another unit, of the languages that have a factor."""
    return [
        {**row, "measure": measure, **{key: row[key] * factor for key in ("value", "low", "high")}}
        for row in rows
        if (factor := factors.get(row["language"])) is not None
    ]


def gain_rows(
    measure: str,
    counted: Counted,
    score: Score,
    better: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    *,
    baseline: str,
    objectives: Mapping[str, tuple[str, Mapping[str, float]]],
) -> list[Row]:
    """By how much each arm is better than a baseline: in every language, and for what it was recommended.

    Args:
        measure: name of the rows.
        counted: of all arms, each under the same seeds.
        score: of the counts of a language.
        better: see `difference`.
        baseline: an arm.
        objectives: name and weights of the languages, by arm.
    """
    arms = {arm: _stacked(counted, arm) for arm in dict.fromkeys(arm for arm, _ in counted)}
    rows = []
    for arm, own in arms.items():
        if arm == baseline:
            continue
        name, weights = objectives[arm]
        measured = {language: weights.get(language, 0.0) for language in own}
        asked = {language: {language: 1.0} for language in own}
        if any(measured.values()):
            asked[f"{OBJECTIVE}{name}"] = measured
        for what, each in asked.items():
            found = difference(arms[baseline], own, score, better, weights=each)
            many = sum(own[language].shape[1] for language, weight in each.items() if weight > 0)
            rows.append(_row(measure, arm, what, *found, many, against=baseline))
    return rows


def pass_rows(judged: Mapping[tuple[str, int], Sequence[Judged]]) -> list[Row]:
    """pass@1 of every arm and language, over all of its models, and how its programs ended."""
    rows = []
    for arm in dict.fromkeys(arm for arm, _ in judged):
        own = [each for (name, _), of in judged.items() if name == arm for each in of]
        for language in (*dict.fromkeys(each.language for each in own), ALL):
            here = [each for each in own if language in (each.language, ALL)]
            passed: dict[str, list[bool]] = {}
            for each in here:
                if each.status is not Status.HARNESS:
                    passed.setdefault(f"{each.language} {each.name}", []).append(each.status is Status.PASSED)
            if passed:
                one = pass_at_k(passed, 1)
                rows.append(_row(PASS, arm, language, one.value, one.low, one.high, one.problems))
            ended = Counter(each.status for each in here)
            rows += [
                _row(f"ended: {status.value}", arm, language, ended[status], None, None, len(here))
                for status in Status
                if status in ended
            ]
    return rows


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows under `COLUMNS`."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_TYPES)


def told(scores: pd.DataFrame) -> list[str]:
    """What the scores come to in sentences: each arm for what it was recommended, and pass@1."""
    lines = []
    for (arm, against), rows in scores.dropna(subset="against").groupby(["arm", "against"], sort=False):
        last = [row for _, row in rows.iterrows() if str(row.language).startswith(OBJECTIVE)]
        if not last:
            continue
        gains = "; ".join(_gain(row.measure, Difference(row.value, row.low, row.high)) for row in last)
        lines.append(f"{arm} against {against}, for {last[0].language.removeprefix(OBJECTIVE)}: {gains}")
    passed = scores[(scores.measure == PASS) & (scores.language == ALL)]
    lines += [
        f"pass@1 of {row.arm}: {row.value:.1%} ({row.low:.1%} to {row.high:.1%}) of {row['count']} problems"
        for _, row in passed.iterrows()
    ]
    return lines


def _gain(measure: str, found: Difference) -> str:
    unit = "%" if measure == LOSS_GAIN else " points"
    value, low, high = (100 * number if measure == LOSS_GAIN else number for number in found)
    interval = f" ({low:.2f} to {high:.2f}{unit})" if low <= high else ""
    return f"{measure} {value:.2f}{unit}{interval}, {found.verdict}"


def write_scores(scores: pd.DataFrame, path: Path) -> None:
    """Write ``evaluation.csv``, numbers to six digits."""
    files.write_text(path, scores.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def read_scores(path: Path) -> pd.DataFrame:
    """Read it.

    Raises:
        InputError: no such file, or other columns.
    """
    files.read_text(path, what="scores that `langmix study run` wrote")
    found = pd.read_csv(path, dtype=_TYPES)
    if tuple(found.columns) != COLUMNS:
        raise InputError(f"{path}: has columns {', '.join(found.columns)}; expected {', '.join(COLUMNS)}")
    return found


def _stacked(counted: Counted, arm: str) -> dict[str, Counts]:
    """Of one arm, by language, shape (seeds, documents, counts)."""
    own = [by_language for (name, _), by_language in sorted(counted.items()) if name == arm]
    return {language: np.stack([each[language] for each in own]) for language in own[0]}


def _row(
    measure: str,
    arm: str,
    language: str,
    value: Any,
    low: Any,
    high: Any,
    count: int,
    *,
    against: str | None = None,
    seed: int | None = None,
) -> Row:
    return {
        "measure": measure,
        "arm": arm,
        "against": against,
        "seed": seed,
        "language": language,
        "value": value,
        "low": low,
        "high": high,
        "count": count,
    }
