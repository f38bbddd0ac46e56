from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest


def test_the_shipped_run_table_is_that_of_the_laptop_study() -> None:
    study = Path(__file__).parents[2] / "studies" / "laptop" / "runs.csv"
    if not study.exists():
        pytest.skip("the studies are not beside the package")
    assert resources.files("langmix.data").joinpath("laptop.csv").read_bytes() == study.read_bytes()
