"""The site: every page can be reached, and a reader's browser asks no other host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pages import PAGES, ROOT

_FETCHED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?(https?:[^\"'> ]+)")
WRITTEN_BY_THE_BUILD = {"docs/command-line.md"}


class _Loader(yaml.SafeLoader):
    """Takes names of Python functions as text."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, suffix, node: suffix)


def _pages(nav: Any) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            yield from _pages(target) if isinstance(target, list) else [target]


def test_every_page_is_in_the_navigation_once() -> None:
    configured = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)
    listed = list(_pages(configured["nav"]))
    assert sorted(listed) == sorted(
        {page for page in PAGES if not page.startswith("src/")} | WRITTEN_BY_THE_BUILD
    )


@pytest.mark.slow
def test_the_site_is_built_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    for needed in ("zensical", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(needed)
    site = ROOT / "build" / "site"
    subprocess.run([sys.executable, "website/gather.py", "build/pages"], cwd=ROOT, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["website", os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "<math" in (site / "docs" / "laws" / "index.html").read_text()
    for page in site.rglob("*.html"):
        assert _FETCHED.findall(page.read_text()) == [], page
