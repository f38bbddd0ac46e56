from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langmix.errors import InputError
from langmix.explore import ExportScenario, Scenario

counts = st.floats(1e-30, 1e30)
parts = st.floats(0, 1)
names = st.text(min_size=1, max_size=12)
mappings = st.dictionaries(names, parts, max_size=4)


@given(
    params=counts,
    tokens=counts,
    objective=st.none() | st.text(min_size=1, max_size=40),
    max_epochs=st.none() | counts,
    available=st.dictionaries(names, counts, max_size=4),
    floors=mappings,
    weights=mappings,
    near=mappings,
    current=mappings,
)
def test_a_query_reads_back_as_its_scenario_to_the_bit(**fields: object) -> None:
    scenario = Scenario(**fields)  # type: ignore[arg-type]
    assert Scenario.from_query(scenario.query()) == scenario


def test_counts_take_units_and_mappings_take_names() -> None:
    scenario = Scenario.from_query(
        "params=1.5B&tokens=350e9&available.rust=20G&floors.c%2B%2B=0.02&max_epochs=4"
    )
    assert (scenario.params, scenario.tokens, scenario.max_epochs) == (1.5e9, 350e9, 4)
    assert scenario.available == {"rust": 20e9}
    assert scenario.floors == {"c++": 0.02}
    assert scenario.asked()["mixtures"] is None
    assert scenario.asked()["weights"] is None


def test_an_export_asks_for_more() -> None:
    scenario = ExportScenario.from_query(
        "params=1&tokens=2&packed=true&sequence_length=4096&paths.go=/data/go"
    )
    assert (scenario.packed, scenario.sequence_length, scenario.paths) == (True, 4096, {"go": "/data/go"})
    with pytest.raises(InputError, match=r"packed: is not known"):
        Scenario.from_query("params=1&tokens=2&packed=true")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("params=1", "tokens: is missing"),
        ("", "params: is missing"),
        ("params=1&tokens=2&params=1", "params: is given twice"),
        ("params=1&tokens=2&floors.a=0&floors.a=0", "floors.a: is given twice"),
        ("params=1&tokens=2&floor.a=0", "floor.a: is not known; expected one of params, tokens"),
        ("params=1&tokens=2&floors=0", "floors: is not known"),
        ("params=1&tokens=2&floors.=0", "floors.: is not known"),
        ("params.a=1&tokens=2", "params.a: is not known"),
        ("params=nan&tokens=2", "params: 'nan': expected a number such as"),
        ("params=inf&tokens=2", "params: 'inf': expected a number such as"),
        ("params=1e999&tokens=2", "params: '1e999': "),
        ("params=-1&tokens=2", "params: '-1': expected a number such as"),
        ("params=0&tokens=2", "params: '0': Input should be greater than"),
        ("params=1&tokens=2&floors.a=1.5", "floors.a: '1.5': Input should be less than or equal to 1"),
        ("params=1&tokens=2&available.a=", "available.a: '': expected a number such as"),
        ("params=1&tokens=2&objective=" + "x" * 50, "objective: '" + "x" * 50),
        ("params=1&tokens=2&a%0Ab=1", "'a\\nb': is not known"),
        ("params=%ff&tokens=2", "the query cannot be read"),
        ("params=" + "9" * 5000 + "x&tokens=2", "params: '999"),
    ],
)
def test_what_is_amiss_is_one_line_with_the_field_and_its_value(query: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Scenario.from_query(query)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_numbers_that_are_not_finite_are_refused_from_python_too() -> None:
    for value in (math.nan, math.inf, -1.0):
        with pytest.raises(ValueError, match="params"):
            Scenario(params=value, tokens=1.0)
