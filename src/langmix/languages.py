"""The seven programming languages of the built-in studies: names, labels and file suffixes."""

from __future__ import annotations

from typing import Final, NamedTuple


class ProgrammingLanguage(NamedTuple):
    """How a language is named in tables, shown to people, and recognised on disk."""

    name: str
    label: str
    suffixes: tuple[str, ...]


LANGUAGES: Final = (
    ProgrammingLanguage("python", "Python", (".py",)),
    ProgrammingLanguage("java", "Java", (".java",)),
    ProgrammingLanguage("javascript", "JavaScript", (".js", ".mjs", ".cjs", ".jsx")),
    ProgrammingLanguage("typescript", "TypeScript", (".ts", ".tsx", ".mts", ".cts")),
    ProgrammingLanguage("csharp", "C#", (".cs",)),
    ProgrammingLanguage("go", "Go", (".go",)),
    ProgrammingLanguage("rust", "Rust", (".rs",)),
)

_LABELS: Final = {language.name: language.label for language in LANGUAGES}


def label(name: str) -> str:
    """The name shown to people: ``csharp`` gives ``C#``; unknown names are shown as they are."""
    return _LABELS.get(name, name)
