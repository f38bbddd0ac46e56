"""Where a corpus is built, and how it takes the place of an older one: half of one is never a corpus."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from langmix import files
from langmix.corpus._shards import (
    CARD,
    EVALUATION,
    Corpus,
    CorpusCard,
    open_corpus,
    shard_path,
    write_card,
)
from langmix.corpus._stream import stream_path
from langmix.errors import InputError

SCRATCH: Final = ".building"


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """An empty folder inside ``folder`` to build in; where nothing comes of it, nothing is left."""
    scratch = folder / SCRATCH
    new = not folder.exists()
    files.check_writable(folder, folder=True, remedy="choose another folder")
    try:
        shutil.rmtree(scratch, ignore_errors=True)  # of a build that was killed
        scratch.mkdir(parents=True)
        yield scratch
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); a build takes as much room as the text that is "
            "kept, and as its tokens; choose another folder"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if new and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def put_in_place(scratch: Path, folder: Path, card: CorpusCard) -> None:
    """Exchange an older corpus for the one in ``scratch``: from here to the last line there is no card.

    Files that no card names are not touched.
    """
    try:
        older = _files(open_corpus(folder))
    except InputError:
        older = []
    (folder / CARD).unlink(missing_ok=True)
    new = [path.relative_to(scratch) for path in _files(Corpus(folder=scratch, card=card)) if path.exists()]
    for path in older:
        if path.relative_to(folder) not in new:
            path.unlink(missing_ok=True)
    for path in new:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / path).replace(folder / path)
    write_card(folder, card)


def _files(corpus: Corpus) -> list[Path]:
    """Those that a corpus may consist of, beside its card."""
    folder = corpus.folder
    found = [folder / "tokenizer.json", *([folder / EVALUATION] if corpus.card.parallel else [])]
    for language in corpus.languages:
        found += [shard_path(folder, language, split) for split in corpus.splits]
        found.append(stream_path(folder, language))
    return found
