"""Planted truth, shared by the rooms' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from browser import Browser, chromium
from langmix.laws import Coefficients, Laws, fit
from langmix.runs import RunTable
from planted import plant, truth

os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("the public run tables (../shared/data) are not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def planted_law() -> Coefficients:
    return truth(np.random.default_rng(1))


@pytest.fixture(scope="session")
def planted_runs(planted_law: Coefficients) -> RunTable:
    return plant(planted_law, np.random.default_rng(2))


@pytest.fixture(scope="session")
def planted_fit(planted_runs: RunTable) -> Laws:
    return fit(planted_runs, law="transfer")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests; a page that is opened says nothing of the one before."""
    with chromium() as started:
        yield started
