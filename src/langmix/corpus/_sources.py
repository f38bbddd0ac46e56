"""Where a corpus comes from: packages, folders of code, JSONL, Parquet or Arrow tables, token files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from langmix.config import Config
from langmix.corpus._document import Document
from langmix.corpus._packages import Package, registry
from langmix.corpus._rows import LANGUAGE, ROW_READERS, TEXT, language_named
from langmix.errors import InputError
from langmix.languages import LANGUAGES

_GROUP: Final = (
    "repository",
    "repository_name",
    "repo_name",
    "repo",
    "max_stars_repo_name",
    "package",
    "group",
)
_PATH: Final = ("path", "file_path", "max_stars_repo_path", "id")


class RegistrySource(Config):
    """Packages of langmix's own registry; without ``packages``, all that hold the corpus' languages."""

    kind: Literal["registry"]
    packages: list[str] | None = None

    @field_validator("packages")
    @classmethod
    def _known(cls, packages: list[str] | None) -> list[str] | None:
        known = [package.name for package in registry()]
        if unknown := [name for name in packages or [] if name not in known]:
            raise ValueError(f"package {unknown[0]!r} is not in the registry; it has {', '.join(known)}")
        return packages

    def chosen(self, languages: list[str]) -> list[Package]:
        """The packages to fetch for these languages."""
        return [
            package
            for package in registry()
            if (self.packages is None or package.name in self.packages)
            and set(package.languages) & set(languages)
        ]

    def beside(self, folder: Path) -> RegistrySource:
        """Itself: it has no path."""
        return self


class FolderSource(Config):
    """A folder of code. Each folder directly inside it is one repository."""

    kind: Literal["folder"]
    path: Path

    def root(self) -> Path:
        """The folder.

        Raises:
            InputError: it is not there.
        """
        if not self.path.is_dir():
            raise InputError(
                f"{self.path}: is not a folder; expected a folder of code, one subfolder per repository"
            )
        return self.path

    def beside(self, folder: Path) -> FolderSource:
        """The same with its path relative to a folder."""
        return self.model_copy(update={"path": folder / self.path})


class TableSource(Config):
    """A JSONL, Parquet or Arrow file, or a folder of them, one document per row.

    Attributes:
        path: file or folder.
        text: column of the content; the usual names are tried if it is not given.
        language: column of the language.
        group: column of the repository.
        fixed_language: for tables of one language without such a column.
    """

    kind: Literal["table"]
    path: Path
    text: str | None = None
    language: str | None = None
    group: str | None = None
    fixed_language: str | None = None

    def parts(self) -> list[Path]:
        """The files of the table.

        Raises:
            InputError: there are none, or one is of another kind.
        """
        if self.path.is_dir():
            found = sorted(p for p in self.path.rglob("*") if p.suffix in ROW_READERS)
        else:
            found = [self.path] if self.path.exists() else []
        if not found:
            raise InputError(
                f"{self.path}: there is no table; expected a .jsonl, .parquet or .arrow file, or a folder of "
                "them"
            )
        if found[0].suffix not in ROW_READERS:
            raise InputError(f"{found[0]}: is not a table; expected .jsonl, .parquet or .arrow")
        return found

    def beside(self, folder: Path) -> TableSource:
        """The same with its path relative to a folder."""
        return self.model_copy(update={"path": folder / self.path})


class TokensSource(Config):
    """Text that is tokenised already, as pairs of Megatron-LM's .bin and .idx files.

    Attributes:
        languages: prefixes of each language, its training tokens.
        validation: prefixes of held-out files; of a language without them, documents are held out.
        tokenizer: tokenizer.json of the ids.
        vocab_size: ids are below it; default: that of the tokenizer.
        end_of_document: id that ends every document; needed without a tokenizer.
        validation_tokens: to hold out of each language, in whole documents.
    """

    kind: Literal["tokens"]
    languages: dict[str, list[Path]] = Field(min_length=1)
    validation: dict[str, list[Path]] = Field(default={})
    tokenizer: Path | None = None
    vocab_size: int | None = Field(default=None, gt=1, lt=2**31)
    end_of_document: int | None = Field(default=None, ge=0)
    validation_tokens: int = Field(default=100_000, gt=0)

    @field_validator("languages", "validation", mode="before")
    @classmethod
    def _one_or_several(cls, named: Any) -> Any:
        if not isinstance(named, dict):
            return named
        return {name: [one] if isinstance(one, str | Path) else one for name, one in named.items()}

    @model_validator(mode="after")
    def _whole(self) -> TokensSource:
        for named in (self.languages, self.validation):
            for name, prefixes in named.items():
                if not prefixes:
                    raise ValueError(
                        f"language {name!r} has no token files; name the prefix of a .bin and .idx"
                    )
                if wrong := [prefix for prefix in prefixes if prefix.suffix in (".bin", ".idx")]:
                    raise ValueError(
                        f"language {name!r}: {str(wrong[0])!r}; expected the prefix without .bin or .idx: "
                        f"{str(wrong[0].with_suffix(''))!r}"
                    )
        if unknown := [name for name in self.validation if name not in self.languages]:
            raise ValueError(f"validation: {unknown[0]!r} is none of the languages")
        for name, held in self.validation.items():
            if both := [prefix for prefix in held if prefix in self.languages[name]]:
                raise ValueError(f"language {name!r}: {both[0]} is both trained on and held out")
        if self.tokenizer is None and (self.vocab_size is None or self.end_of_document is None):
            raise ValueError(
                "nothing says what the token ids are; give the tokenizer (a tokenizer.json), or vocab_size "
                "and end_of_document"
            )
        return self

    def beside(self, folder: Path) -> TokensSource:
        """The same with its paths relative to a folder."""

        def moved(named: dict[str, list[Path]]) -> dict[str, list[Path]]:
            return {name: [folder / prefix for prefix in prefixes] for name, prefixes in named.items()}

        return self.model_copy(
            update={
                "languages": moved(self.languages),
                "validation": moved(self.validation),
                "tokenizer": self.tokenizer and folder / self.tokenizer,
            }
        )


Source = Annotated[RegistrySource | FolderSource | TableSource | TokensSource, Field(discriminator="kind")]


def source_of(name: str) -> Source:
    """The source that a command line means: ``registry``, a folder of code, or a table.

    Raises:
        InputError: there is nothing of that name.
    """
    path = Path(name)
    if name == "registry":
        return RegistrySource(kind="registry")
    if path.is_dir() and not any(p.suffix in ROW_READERS for p in path.iterdir()):
        return FolderSource(kind="folder", path=path)
    if path.exists():
        return TableSource(kind="table", path=path)
    raise InputError(
        f"source {name}: there is nothing of that name; expected `registry`, a folder of code, or a .jsonl, "
        ".parquet or .arrow file"
    )


def read_folder(source: FolderSource) -> Iterator[Document]:
    """Every file whose suffix names a language.

    Raises:
        InputError: no such folder, or no code in it.
    """
    root = source.root()
    suffixes = {suffix: language.name for language in LANGUAGES for suffix in language.suffixes}
    found = False
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        language = suffixes.get(path.suffix.lower())
        if language is None or any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            continue
        found = True
        group = inside.parts[0] if len(inside.parts) > 1 else root.name
        yield Document(language, group, str(inside), text)
    if not found:
        raise _no_code(root)


def languages_in(sources: Sequence[Source]) -> list[str]:
    """Languages that the files of folders are of, by suffix; all seven where any source is no folder.

    Raises:
        InputError: a folder is not there, or none holds code.
    """
    named = [language.name for language in LANGUAGES]
    folders = [source for source in sources if isinstance(source, FolderSource)]
    if len(folders) < len(sources):
        return named
    suffixes = {path.suffix.lower() for source in folders for path in source.root().rglob("*")}
    found = [language.name for language in LANGUAGES if suffixes & set(language.suffixes)]
    if not found:
        raise _no_code(folders[0].path)
    return found


def _no_code(root: Path) -> InputError:
    suffixes = sorted(suffix for language in LANGUAGES for suffix in language.suffixes)
    return InputError(
        f"{root}: holds no code; expected files ending in {' '.join(suffixes)}, in one subfolder per "
        "repository"
    )


def read_table(source: TableSource) -> Iterator[Document]:
    """Every row of the table's files.

    Raises:
        InputError: no such file, a row that is not a document, or a column that is missing.
    """
    for part in source.parts():
        for place, row in ROW_READERS[part.suffix](part):
            yield _document(row, source, place)


def _document(row: Mapping[str, Any], source: TableSource, place: str) -> Document:
    text = row[_column(row, source.text, TEXT, place, "text")]
    group = row[_column(row, source.group, _GROUP, place, "group")]
    path = next((str(row[name]) for name in _PATH if row.get(name)), place)
    if source.fixed_language is not None:
        language: Any = source.fixed_language
    else:
        language = row[_column(row, source.language, LANGUAGE, place, "language")]
    for what, value in (("text", text), ("group", group), ("language", language)):
        if not isinstance(value, str):
            raise InputError(f"{place}: the {what} is {value!r}; expected a string")
    return Document(language_named(language), group, path, text)


def _column(row: Mapping[str, Any], asked: str | None, usual: tuple[str, ...], place: str, what: str) -> str:
    for name in (asked,) if asked else usual:
        if name in row:
            return name
    raise InputError(
        f"{place}: has no column {asked!r} for the {what}; it has {', '.join(map(repr, row))}"
        if asked
        else f"{place}: has no {what} column (tried {', '.join(usual)}); it has {', '.join(map(repr, row))}; "
        f"name it with `{what}:` in the source"
    )
