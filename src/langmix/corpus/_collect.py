"""The documents of all sources, one at a time, and what is kept of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from langmix.corpus._config import CorpusConfig
from langmix.corpus._document import Document
from langmix.corpus._duplicates import mark_duplicates
from langmix.corpus._filters import fault
from langmix.corpus._packages import ClientMissingError, fetch_package, read_package
from langmix.corpus._sources import FolderSource, RegistrySource, TableSource, read_folder, read_table
from langmix.corpus._spill import Spill
from langmix.corpus._split import order_key


@dataclass(frozen=True, kw_only=True)
class Collected(AbstractContextManager["Collected"]):
    """What was kept, on disk; closed at the end of its block.

    Attributes:
        kept: documents of each language.
        counts: files of each language, kept, and left out by reason.
        sources: what they came from.
        missing: which clients of packages were missing.
    """

    kept: Mapping[str, Spill]
    counts: Mapping[str, Counter[str]]
    sources: list[dict[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __exit__(self, *error: Any) -> None:
        for spill in self.kept.values():
            spill.close()


def collect(config: CorpusConfig, folder: Path, progress: Progress) -> Collected:
    """Read all sources once; what passes the filters and repeats nothing goes to files in ``folder``."""
    folder.mkdir(parents=True)
    collected = Collected(
        kept={name: Spill(folder / str(k)) for k, name in enumerate(config.languages)},
        counts={name: Counter() for name in config.languages},
    )
    try:
        passed = _passed(_documents(config, collected, progress), collected.counts, progress)
        for document, reason in mark_duplicates(passed):
            collected.counts[document.language][reason or "kept"] += 1
            if reason is None:
                collected.kept[document.language].add(document, order_key(document, config.seed))
    except BaseException:
        collected.__exit__()
        raise
    return collected


def _documents(config: CorpusConfig, collected: Collected, progress: Progress) -> Iterator[Document]:
    for source in config.sources:
        if isinstance(source, RegistrySource):
            packages = source.chosen(config.languages)
            task = progress.add_task("packages", total=len(packages))
            for package in packages:
                progress.update(task, description=f"packages: {package.name}")
                try:
                    archive = fetch_package(package)
                except ClientMissingError as error:
                    collected.missing.append(str(error))
                    continue
                yield from read_package(package, archive)
                collected.sources.append(
                    {"package": str(package), "sha256": package.sha256, "licence": package.licence}
                )
                progress.advance(task)
            progress.update(task, description="packages")
        elif isinstance(source, FolderSource):
            yield from read_folder(source)
            collected.sources.append({"folder": source.path.name})
        elif isinstance(source, TableSource):
            yield from read_table(source)
            collected.sources.append({"table": source.path.name})


def _passed(
    documents: Iterable[Document], counts: Mapping[str, Counter[str]], progress: Progress
) -> Iterator[Document]:
    """Documents of the wanted languages that pass the filters; the others are counted."""
    task = progress.add_task("files read", total=None)
    for document in documents:
        if document.language not in counts:
            continue
        progress.advance(task)
        reason = fault(document)
        if reason is None:
            yield document
        else:
            counts[document.language][reason] += 1
    progress.update(task, total=sum(count.total() for count in counts.values()))
