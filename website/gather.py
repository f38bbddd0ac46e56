"""Copy the pages to where the site is built from, each at its path in the repository.

So a link between two files leads to the same page on the site as in the repository. The reference of the
command line is written beside them, from the command line itself.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from command_line import reference

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/**/*.md", "docs/**/*.svg", "studies/*/*.md", "studies/*/figures/*.svg")


def gather(to: Path) -> None:
    """Write all pages below a folder, which is emptied first."""
    shutil.rmtree(to, ignore_errors=True)
    for path in sorted(found for pattern in PAGES for found in ROOT.glob(pattern)):
        copy = to / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (to / "docs" / "command-line.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
