"""Every command and snippet of the documentation does what it says."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest

pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("page", pages.PAGES)
def test_what_a_page_shows_is_what_happens(page: str, tmp_path: Path) -> None:
    assert not pages.commands_outside_blocks(page)
    pages.run(page, tmp_path, "quick")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages.PAGES if "slow" in pages.levels(page)])
def test_what_takes_longer_too(page: str, tmp_path: Path) -> None:
    pages.run(page, tmp_path, "slow")


@pytest.mark.network
@pytest.mark.parametrize("page", [page for page in pages.PAGES if "network" in pages.levels(page)])
def test_what_is_fetched_too(page: str, tmp_path: Path) -> None:
    pages.run(page, tmp_path, "network")
