"""Where a corpus is built, and how it takes the place of an older one: half of one is never a corpus."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from langmix import files
from langmix.corpus._shards import CARD, EVALUATION, CorpusCard, write_card
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
    """Exchange an older corpus for the one in ``scratch``: from here to the last line there is no card."""
    (folder / CARD).unlink(missing_ok=True)
    new = [path.relative_to(scratch) for path in _files(scratch)]
    for path in _files(folder):
        if path.relative_to(folder) not in new:
            path.unlink()
    for path in new:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / path).replace(folder / path)
    write_card(folder, card)


def _files(folder: Path) -> list[Path]:
    """Those of a corpus, beside its card."""
    beside = (folder / "tokenizer.json", folder / EVALUATION)
    return [*(folder / "tokens").glob("*"), *(path for path in beside if path.exists())]
