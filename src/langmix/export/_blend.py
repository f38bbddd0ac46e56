"""What every writer is given: languages with their path and their weight in the trainer's unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from langmix.allocate import Allocation
from langmix.errors import InputError
from langmix.export._unit import Unit, draw_weights, token_shares


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One language of a blend.

    Attributes:
        language: its name in the allocation.
        path: where its data lies, as the trainer names it.
        weight: probability that one draw takes it, as it is written to the file; above 0.
        size: mean tokens per draw, None where only the ratio between languages is known (all equal).
        available: distinct tokens that exist, None if not given.
    """

    language: str
    path: str
    weight: float
    size: float | None
    available: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Blend:
    """The languages that get tokens, in the order of the allocation.

    Attributes:
        allocation: where they come from.
        unit: what a weight counts.
        parts: languages with at least one token; weights sum to 1 within 1e-11. The others are named in no
            file: on a weight of 0 some trainers fail and some never end.
    """

    allocation: Allocation
    unit: Unit
    parts: tuple[Part, ...]

    def tokens(self, weights: Mapping[str, float] | None = None) -> dict[str, float]:
        """Expected tokens per language under weights per draw, by default those of the parts."""
        drawn = weights or {part.language: part.weight for part in self.parts}
        shares = token_shares(drawn, {part.language: part.size or 1.0 for part in self.parts})
        return {name: share * self.allocation.tokens for name, share in shares.items()}

    @property
    def draws(self) -> int | None:
        """Draws that make up the budget, None where the size of a draw in tokens is not known."""
        if any(part.size is None for part in self.parts):
            return None
        taken = self.tokens()
        return max(1, round(sum(taken[part.language] / (part.size or 1.0) for part in self.parts)))


def blend(
    allocation: Allocation,
    *,
    unit: Unit,
    paths: Mapping[str, str],
    tokens_per_document: Mapping[str, float],
    sequence_length: int | None,
    available: Mapping[str, float],
) -> Blend:
    """Check the inputs against the allocation and turn its shares into weights.

    Raises:
        InputError: an unknown language, a number out of range, two languages at one path, or a language
            whose documents' length is missing.
    """
    languages = tuple(allocation.shares)
    _check_names(paths, languages, what="paths")
    _check_numbers(tokens_per_document, languages, what="tokens_per_document", unit="tokens per document")
    _check_numbers(available, languages, what="available", unit="tokens")
    if sequence_length is not None and not sequence_length > 0:
        raise InputError(f"sequence_length: {sequence_length}; expected tokens per row, 1 or more")

    counts = allocation.token_counts()
    used = [name for name in languages if counts[name] > 0]
    where = {name: paths.get(name, f"data/{name}") for name in used}
    _check_distinct(where)
    size: dict[str, float]
    if unit is Unit.DOCUMENTS:
        missing = [name for name in used if name not in tokens_per_document]
        if missing:
            raise InputError(
                f"tokens_per_document: {', '.join(missing)} not given; expected the mean tokens per document "
                f"of every language that gets tokens ({', '.join(used)}), under the trainer's tokenizer"
            )
        size = {name: float(tokens_per_document[name]) for name in used}
    else:
        size = dict.fromkeys(used, float(sequence_length or 1.0))
    weights = draw_weights({name: allocation.shares[name] for name in used}, size)
    size_known = unit is Unit.DOCUMENTS or (unit is Unit.ROWS and sequence_length is not None)
    return Blend(
        allocation=allocation,
        unit=unit,
        parts=tuple(
            Part(
                language=name,
                path=where[name],
                # Twelve digits: readable, and a sum of 1 as closely as any trainer checks it.
                weight=float(f"{weights[name]:.12g}"),
                size=size[name] if size_known else None,
                available=available.get(name),
            )
            for name in used
        ),
    )


def _check_names(names: Iterable[str], languages: tuple[str, ...], *, what: str) -> None:
    for name in names:
        if name not in languages:
            raise InputError(f"{what}: unknown language {name!r}; expected one of {', '.join(languages)}")


def _check_numbers(numbers: Mapping[str, float], languages: tuple[str, ...], *, what: str, unit: str) -> None:
    _check_names(numbers, languages, what=what)
    for name, value in numbers.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{what}: {name} is {value}; expected a finite number of {unit} above 0")


def _check_distinct(paths: Mapping[str, str]) -> None:
    """Two languages at one path would be trained on as if they were one, with both weights."""
    seen: dict[str, str] = {}
    for name, path in paths.items():
        if not path.strip() or "\n" in path:
            raise InputError(f"paths: {name} is {path!r}; expected one path on one line")
        if path in seen:
            raise InputError(
                f"paths: {seen[path]} and {name} are both at {path!r}; give every language its own data"
            )
        seen[path] = name
