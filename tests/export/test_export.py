from __future__ import annotations

import csv
import io
import json

import pytest

from langmix.allocate import Allocation, allocate
from langmix.errors import InputError
from langmix.export import export
from langmix.laws import Laws


@pytest.fixture(scope="module")
def mix(planted_fit: Laws) -> Allocation:
    return allocate(planted_fit, params=1e6, tokens=1e7)


def test_megatron_blends_are_weights_and_paths_in_turn(mix: Allocation) -> None:
    text = export(mix, "megatron", paths={name: f"/data/{name}_text" for name in mix.shares})
    flag, *parts = text.split()
    assert flag == "--data-path"
    weights, paths = [float(w) for w in parts[0::2]], parts[1::2]
    assert paths == [f"/data/{name}_text" for name in mix.shares]
    assert sum(weights) == pytest.approx(1.0, abs=1e-5)
    assert weights == pytest.approx(list(mix.shares.values()), abs=1e-6)


def test_csv_and_json_hold_the_token_counts(mix: Allocation) -> None:
    rows = list(csv.DictReader(io.StringIO(export(mix, "csv"))))
    assert {row["language"]: int(row["tokens"]) for row in rows} == mix.token_counts()
    assert json.loads(export(mix, "json"))["allocation"]["shares"] == pytest.approx(mix.shares)


def test_wrong_input_is_named(mix: Allocation) -> None:
    with pytest.raises(InputError, match="'deepspeed' is not known; expected one of"):
        export(mix, "deepspeed")
    with pytest.raises(InputError, match="cobol"):
        export(mix, "megatron", paths={"cobol": "/data"})
