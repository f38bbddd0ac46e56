from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest


def test_the_shipped_run_table_is_that_of_the_study_of_seven_languages() -> None:
    study = Path(__file__).parents[2] / "studies" / "seven-languages" / "runs.csv"
    if not study.exists():
        pytest.skip("the studies are not beside the package")
    assert resources.files("langmix.data").joinpath("seven-languages.csv").read_bytes() == study.read_bytes()
