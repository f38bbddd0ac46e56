"""The seven programming languages of the built-in studies, and what people are shown in place of names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class ProgrammingLanguage(NamedTuple):
    """How a language is named in tables, shown to people, and recognised on disk."""

    name: str
    label: str
    short: str
    suffixes: tuple[str, ...]


LANGUAGES: Final = (
    ProgrammingLanguage("python", "Python", "Py", (".py",)),
    ProgrammingLanguage("java", "Java", "Java", (".java",)),
    ProgrammingLanguage("javascript", "JavaScript", "JS", (".js", ".mjs", ".cjs", ".jsx")),
    ProgrammingLanguage("typescript", "TypeScript", "TS", (".ts", ".tsx", ".mts", ".cts")),
    ProgrammingLanguage("csharp", "C#", "C#", (".cs",)),
    ProgrammingLanguage("go", "Go", "Go", (".go",)),
    ProgrammingLanguage("rust", "Rust", "Rust", (".rs",)),
)

_LABELS: Final = {language.name: language.label for language in LANGUAGES}
_SHORT: Final = {language.name: language.short for language in LANGUAGES}


def label(name: str) -> str:
    """The name shown to people: ``csharp`` gives ``C#``, ``go>csharp`` ``Go → C#``, others themselves."""
    return " → ".join(_LABELS.get(part, part) for part in name.split(">"))


def short_label(name: str) -> str:
    """A label for narrow columns: ``typescript`` gives ``TS``."""
    return "→".join(_SHORT.get(part, part) for part in name.split(">"))


ORGANISATIONS: Final = ("shuffled", "paired", "paired-prompt")
"""Ways to put texts and their translations into contexts: a parallel study mixes these, not languages."""


def kind_of(names: Iterable[str]) -> str:
    """What the parts of a mixture are: ``organisation`` or ``language``."""
    return "organisation" if set(names) <= set(ORGANISATIONS) else "language"
