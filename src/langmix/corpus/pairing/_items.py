"""Aligned items: one snippet in several languages, from tables that are wide or long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langmix.corpus._rows import LANGUAGE, ROW_READERS, TEXT, language_named
from langmix.errors import InputError
from langmix.languages import LANGUAGES

_ID: Final = ("id", "item", "item_id", "task_id", "snippet_id", "name")
_NESTED: Final = "texts"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One snippet.

    Attributes:
        id: its name.
        texts: its text per language.
    """

    id: str
    texts: Mapping[str, str]


def read_items(
    path: str | Path, *, languages: Sequence[str] | None = None, partial: bool = False
) -> list[Item]:
    """Read aligned items from a JSONL, Parquet or Arrow file.

    Wide: a row per item, with its id and a column per language (or an object ``texts`` of them). Long: a row
    per item and language, with columns id, language and text. A text that is null or blank is missing.

    Args:
        path: of the file.
        languages: to read; default: all that a column is named after, in a wide table, or that a row is of.
        partial: keep items that lack some of the languages, with those that they have, two or more.

    Raises:
        InputError: no such file, no ids, ids that occur twice, or an item that lacks a language.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}; expected aligned items "
            f"in {', '.join(ROW_READERS)}"
        )
    if path.suffix not in ROW_READERS:
        raise InputError(f"{path}: is no file of aligned items; expected {', '.join(ROW_READERS)}")
    if languages and len(set(languages)) < len(languages):
        raise InputError(f"languages: {', '.join(languages)}; expected each once")
    rows = list(ROW_READERS[path.suffix](path))
    if not rows:
        raise InputError(f"{path}: has no rows; expected an item each")
    long = any(name in rows[0][1] for name in LANGUAGE)
    found = _long(rows) if long else _wide(rows, languages)
    wanted = list(languages or dict.fromkeys(name for texts in found.values() for name in texts))
    for name in wanted:
        if not any(name in texts for texts in found.values()):
            raise InputError(f"{path}: no item is in {name!r}; leave the language out, or correct its name")
    if len(wanted) < 2:
        raise InputError(
            f"{path}: has {' and '.join(wanted) or 'no language'}; expected items in two languages or more: "
            "columns named after them, or name them (--language)"
        )
    items = []
    for key, texts in found.items():
        have = {name: texts[name] for name in wanted if name in texts}
        if len(have) < len(wanted) and not partial:
            lacks = next(name for name in wanted if name not in have)
            raise InputError(
                f"{path}: item {key!r} has no {lacks} text; add it, remove the item, or allow partial items "
                "(--partial; `partial: true` in a study)"
            )
        if len(have) > 1:
            items.append(Item(key, have))
    if not items:
        raise InputError(f"{path}: no item is in two of {', '.join(wanted)}")
    return items


def _wide(rows: Iterable[tuple[str, Row]], languages: Sequence[str] | None) -> dict[str, dict[str, str]]:
    known = languages or [language.name for language in LANGUAGES]
    found: dict[str, dict[str, str]] = {}
    for place, row in rows:
        key = _named(row, _ID, place, "id")
        if key in found:
            raise InputError(f"{place}: the id {key!r} occurs a second time; expected one row per item")
        nested = row.get(_NESTED)
        texts = nested if isinstance(nested, Mapping) else {name: row[name] for name in known if name in row}
        found[key] = {name: text for name, value in texts.items() if (text := _text(value, place, name, key))}
    return found


def _long(rows: Iterable[tuple[str, Row]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for place, row in rows:
        key = _named(row, _ID, place, "id")
        language = language_named(_named(row, LANGUAGE, place, "language"))
        column = next((name for name in TEXT if name in row), None)
        if column is None:
            raise InputError(f"{place}: item {key!r} has no text column; expected one of {', '.join(TEXT)}")
        texts = found.setdefault(key, {})
        if language in texts:
            raise InputError(
                f"{place}: item {key!r} has a second {language} text; expected one per item and language"
            )
        if text := _text(row[column], place, language, key):
            texts[language] = text
    return found


def _named(row: Row, names: tuple[str, ...], place: str, what: str) -> str:
    for name in names:
        if name in row and row[name] is not None and str(row[name]).strip():
            return str(row[name])
    raise InputError(f"{place}: has no {what}; expected a column {' or '.join(names)} with a value")


def _text(value: Any, place: str, language: str, key: str) -> str:
    """The text, or nothing where it is missing."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if not isinstance(value, str):
        raise InputError(f"{place}: item {key!r}: the {language} text is {value!r}; expected a string")
    return value if value.strip() else ""
