"""From a map and the names that a source offers to a map in which every reference is explicit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from langmix.errors import InputError
from langmix.runs.importers._map import FAMILIES, REFERENCES, ImportMap
from langmix.runs.importers._reference import Place, Reference, parse_reference
from langmix.runs.importers._tracked import Names, Tracked

_NAME: Final = r"(?P<name>[^/.]+?)"

LOSS_PATTERNS: Final = (
    rf"loss[./]{_NAME}",
    rf"(?:eval|val|valid|validation|test)[_/.]{_NAME}[_/.](?:ce_)?loss",
    rf"(?:eval|val|valid|validation|test)[_/.](?:ce_)?loss[_/.]{_NAME}",
    rf"(?:val|valid|validation|test|eval)_loss/{_NAME}",
    rf"{_NAME}[_/.](?:eval|val|valid|validation|test)_loss",
)
"""Names that trackers and trainers give to the loss of one validation set; the first that fits any metric."""

SHARE_PATTERNS: Final = (
    rf"shares?[./]{_NAME}",
    rf"(?:.*\.)?shares?\.{_NAME}",
    rf"(?:.*\.)?(?:mixture|mixture_weights|data_mixture|data_mix|domain_weights)\.{_NAME}",
)

GUESSES: Final[dict[str, tuple[str, ...]]] = {
    "step": ("train/global_step", "trainer/global_step", "global_step"),
    "params": ("params", "params_non_embedding", "non_embedding_params", "num_non_embedding_params"),
    "params_total": (
        *("params_total", "total_params", "num_parameters", "model/num_parameters", "n_params", "num_params"),
        *("train/model_params", "model_params"),
    ),
    "embedding_params": ("embedding_params", "num_embedding_params"),
    "vocab_size": ("vocab_size", "model.vocab_size", "model_config.vocab_size"),
    "d_model": ("d_model", "hidden_size", "n_embd", "model.d_model", "model.hidden_size"),
    "tied_embeddings": ("tied_embeddings", "tie_word_embeddings", "model.tie_word_embeddings"),
    "tokens": (
        *("tokens", "num_input_tokens_seen", "train/num_input_tokens_seen", "tokens_seen", "train/tokens"),
        *("train/tokens_seen", "consumed_tokens", "throughput/total_tokens", "n_tokens"),
    ),
    "tokens_per_step": ("tokens_per_step", "batch_tokens", "global_batch_tokens", "tokens_per_batch"),
    "seed": ("seed",),
    "tokenizer": ("tokenizer",),
    "organisation": ("organisation",),
}
"""Names that mean one thing only. A count of parameters without a further word is the total in the trackers
that log it by themselves (the Hugging Face trainer in W&B), except ``params``, langmix's own word."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A map without patterns and gaps, and what had to be guessed for it."""

    mapping: ImportMap
    guessed: tuple[str, ...]


def resolve(mapping: ImportMap, names: Names, *, source: str) -> Resolved:
    """Expand patterns, fill gaps by the names that are there, and check that every name exists.

    Raises:
        InputError: a name that the source lacks, a pattern that nothing fits, or no losses at all.
    """
    update: dict[str, object] = {}
    guessed: list[str] = []
    for family in FAMILIES:
        given: dict[str, str] = getattr(mapping, family)
        if given:
            found = _expanded(family, given, names, source)
        else:
            found = _guessed_family(family, names, source)
            if found:
                shown = ", ".join(f"{name}={text}" for name, text in found.items())
                guessed.append(f"{family}: {shown}")
        update[family] = _renamed(family, found, mapping.rename, source)
    for field in REFERENCES:
        text = getattr(mapping, field)
        if text is not None:
            update[field] = str(_located(field, parse_reference(text, field=field), names, source))
        elif (reference := _guess(field, mapping, names)) is not None:
            update[field] = str(reference)
            guessed.append(f"{field}: {reference}")
    resolved = mapping.model_copy(update={**update, "rename": {}})
    if not resolved.loss:
        raise InputError(
            f"{source}: no metric is mapped to a loss, and none is named like loss.<target> or "
            f"eval/<target>_loss; {listing(names)}. Say which with --loss TARGET=METRIC (in a map: `loss:`), "
            "for example --loss python=eval/python_loss or --loss '*=eval/*_loss'"
        )
    return Resolved(mapping=resolved, guessed=tuple(guessed))


def metrics_needed(mapping: ImportMap, names: Names, *, source: str) -> frozenset[str]:
    """The metrics whose history a map reads; the others need not be fetched.

    Raises:
        InputError: see `resolve`.
    """
    resolved = resolve(mapping, names, source=source).mapping
    texts = [text for family in FAMILIES for text in getattr(resolved, family).values()]
    texts += [text for field in REFERENCES if (text := getattr(resolved, field)) is not None]
    references = [parse_reference(text, field="map") for text in texts]
    return frozenset(
        reference.name
        for reference in references
        if reference.place in (Place.METRIC, Place.ANY) and reference.name in names.metrics
    )


def listing(names: Names, *, metrics: int = 24, config: int = 12) -> str:
    """The names of a source in one phrase, losses first."""
    ranked = sorted(names.metrics, key=lambda name: ("loss" not in name, "train" in name, name))
    found = [f"metrics found: {some(ranked, metrics)}"]
    if names.config:
        found.append(f"config found: {some(sorted(names.config), config)}")
    return "; ".join(found)


def some(names: Iterable[str], limit: int) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    if not listed:
        return "none"
    return ", ".join(listed[:limit]) + (f", … {len(listed) - limit} more" if len(listed) > limit else "")


def check_faults(reference: Reference, tracked: Tracked, *, field: str) -> None:
    """Refuse a column that holds text where numbers are needed.

    Raises:
        InputError: with the place of the first such cell.
    """
    if reference.place is not Place.VALUE and (place := (tracked.faults or {}).get(reference.name)):
        raise InputError(f"{tracked.source}: {field}: {place}; expected a number")


def _expanded(family: str, given: dict[str, str], names: Names, source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in given.items():
        field = f"{family} {name}"
        reference = parse_reference(text, field=field)
        if not reference.wildcard:
            found[name] = str(_located(field, reference, names, source, metric_only=family == "loss"))
            continue
        head, tail = reference.name.split("*")
        pattern = re.escape(head) + _NAME + re.escape(tail)
        matched = _matches(pattern, reference.place, names, source, metric_only=family == "loss")
        if not matched:
            raise InputError(f"{source}: {field}: nothing fits {reference.name!r}; {listing(names)}")
        for key, (place, full) in matched.items():
            if key not in given:
                found[key] = str(reference.at(place, full))
    return found


def _guessed_family(family: str, names: Names, source: str) -> dict[str, str]:
    patterns = {
        "loss": LOSS_PATTERNS,
        "share": SHARE_PATTERNS,
        "unique": (rf"unique[./]{_NAME}",),
        "bytes_per_token": (rf"bytes_per_token[./]{_NAME}",),
    }[family]
    for pattern in patterns:
        matched = _matches(pattern, Place.ANY, names, source, metric_only=family == "loss", guess=True)
        if matched:
            return {name: str(Reference(place=place, name=full)) for name, (place, full) in matched.items()}
    return {}


def _matches(
    pattern: str, place: Place, names: Names, source: str, *, metric_only: bool, guess: bool = False
) -> dict[str, tuple[Place, str]]:
    """Captured name to where it was found; config before metrics, as for single names."""
    compiled = re.compile(pattern)
    found: dict[str, tuple[Place, str]] = {}
    taken: dict[str, str] = {}
    for where, candidates in ((Place.CONFIG, names.config), (Place.METRIC, names.metrics)):
        if place not in (Place.ANY, where) or (metric_only and where is not Place.METRIC):
            continue
        for full in sorted(candidates):
            match = compiled.fullmatch(full)
            if not match or (guess and match["name"] in ("train", "total", "avg", "mean")):
                continue
            key = match["name"]
            if key in found and found[key][0] is where:
                raise InputError(
                    f"{source}: {key!r} is named by both {taken[key]!r} and {full!r}; map it yourself, or "
                    "use a pattern"
                )
            if key not in found:
                found[key], taken[key] = (where, full), full
    return found


def _renamed(family: str, found: dict[str, str], rename: dict[str, str], source: str) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for name, text in found.items():
        # A direction such as js>java is two names.
        new = rename.get(name) or ">".join(rename.get(part, part) for part in name.split(">"))
        if new in renamed:
            raise InputError(f"{source}: {family}: two names become {new!r} after renaming; keep one of them")
        renamed[new] = text
    return renamed


def _located(
    field: str, reference: Reference, names: Names, source: str, *, metric_only: bool = False
) -> Reference:
    if reference.place is Place.VALUE and not metric_only:
        return reference
    if reference.place is Place.VALUE:
        raise InputError(f"{source}: {field}: {reference.name!r} is a number; expected the name of a metric")
    order = (
        [Place.METRIC]
        if metric_only
        else [Place.CONFIG, Place.METRIC]
        if reference.place is Place.ANY
        else [reference.place]
    )
    if metric_only and reference.place is Place.CONFIG:
        raise InputError(
            f"{source}: {field}: {reference}; expected a metric, since losses change with the step"
        )
    for place in order:
        if reference.name in (names.config if place is Place.CONFIG else names.metrics):
            return (
                reference
                if reference.place is Place.ANY and not metric_only
                else reference.at(place, reference.name)
            )
    known = sorted(
        (names.metrics if Place.METRIC in order else frozenset())
        | (names.config if Place.CONFIG in order else frozenset())
    )
    close = difflib.get_close_matches(reference.name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    what = " or ".join("config entry" if place is Place.CONFIG else "metric" for place in order)
    raise InputError(f"{source}: {field}: no {what} is named {reference.name!r}{hint}; {listing(names)}")


def _guess(field: str, mapping: ImportMap, names: Names) -> Reference | None:
    """A name that means this field, where the map leaves a gap that matters."""
    if field == "tokens" and mapping.tokens_per_step is not None:
        return None
    if field == "tokens_per_step" and (
        mapping.tokens is not None or _guess("tokens", mapping, names) is not None
    ):
        return None
    derived = ("embedding_params", "vocab_size", "d_model", "tied_embeddings")
    if field in derived and (mapping.params is not None or _guess("params", mapping, names) is not None):
        return None
    if field in derived[1:] and mapping.embedding_params is not None:
        return None
    for name in GUESSES.get(field, ()):
        if name in names.config and field != "step":
            return Reference(place=Place.CONFIG, name=name)
        if name in names.metrics:
            return Reference(place=Place.METRIC, name=name)
    return None
