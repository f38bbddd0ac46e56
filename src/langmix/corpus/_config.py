"""What a corpus is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from langmix.config import Config
from langmix.corpus._sources import RegistrySource, Source, TableSource, TokensSource
from langmix.errors import InputError
from langmix.languages import LANGUAGES


class CorpusConfig(Config):
    """How to build a corpus.

    Attributes:
        sources: of the documents; or one of token files, which stands alone.
        languages: to keep; default: all seven, or those of the token files.
        bytes_per_language: most training text to keep of each language; absent is all.
        validation_bytes: text to hold out of each language, in whole packages or repositories.
        validation_groups: packages or repositories to hold out at least, where the language has them; with
            more than one, each counts for as many bytes.
        vocab_size: of the byte-level BPE.
        tokenizer_bytes: text per language that the BPE is trained on.
        seed: of the order of groups and files.
    """

    sources: list[Source] = Field(default=[RegistrySource(kind="registry")], min_length=1)
    languages: list[str] = Field(default=[language.name for language in LANGUAGES], min_length=1)
    bytes_per_language: int | None = Field(default=None, gt=0)
    validation_bytes: int = Field(default=400_000, gt=0)
    validation_groups: int = Field(default=3, gt=0)
    vocab_size: int = Field(default=4096, ge=257, lt=2**31)
    tokenizer_bytes: int = Field(default=1_000_000, gt=0)
    seed: int = 0

    @model_validator(mode="before")
    @classmethod
    def _languages_of_token_files(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "languages" in content:
            return content
        sources = content.get("sources")
        for source in sources if isinstance(sources, list) else []:
            keys = source if isinstance(source, dict) else getattr(source, "__dict__", {})
            if keys.get("kind") == "tokens" and isinstance(keys.get("languages"), dict):
                return {**content, "languages": list(keys["languages"])}
        return content

    @model_validator(mode="after")
    def _token_files_stand_alone(self) -> CorpusConfig:
        if self.tokens is None:
            return self
        if len(self.sources) > 1:
            raise InputError(
                "sources: token files stand beside another source, whose text has another tokenizer; "
                "expected them alone; build two corpora, or tokenise that text with their tokenizer first"
            )
        for name in (
            "bytes_per_language",
            "validation_bytes",
            "validation_groups",
            "vocab_size",
            "tokenizer_bytes",
        ):
            if name in self.model_fields_set:
                raise InputError(
                    f"{name}: says how to cut text, and the source is token files; leave it out (the source "
                    "has vocab_size and validation_tokens of its own)"
                )
        if without := [name for name in self.languages if name not in self.tokens.languages]:
            raise InputError(
                f"language {without[0]!r} has no token files; the source has "
                f"{', '.join(self.tokens.languages)}; add its prefix or leave the language out"
            )
        return self

    @model_validator(mode="after")
    def _known_languages(self) -> CorpusConfig:
        """Tables name languages as they like; elsewhere a language is known by the suffix of its files."""
        known = [language.name for language in LANGUAGES]
        unknown = [name for name in self.languages if name not in known]
        if unknown and not any(isinstance(source, TableSource | TokensSource) for source in self.sources):
            raise InputError(
                f"language {unknown[0]!r} is not one that packages and folders have files of; expected "
                f"one of {', '.join(known)}, or a table with a column of languages as a source"
            )
        return self

    @property
    def domains(self) -> list[str]:
        """What runs are trained on."""
        return self.languages

    @property
    def targets(self) -> list[str]:
        """What losses are measured on."""
        return self.languages

    @property
    def tokens(self) -> TokensSource | None:
        """The source of token files, if it is one."""
        return next((source for source in self.sources if isinstance(source, TokensSource)), None)

    def beside(self, folder: Path) -> CorpusConfig:
        """The same with the paths of its sources relative to a folder."""
        return self.model_copy(update={"sources": [source.beside(folder) for source in self.sources]})
