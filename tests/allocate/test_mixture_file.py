from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allocations import D, N, random_laws

from langmix.allocate import allocate, read_mixture, write_mixture
from langmix.errors import InputError


def test_a_mixture_reads_back_as_it_was_written(tmp_path: Path) -> None:
    mix = allocate(random_laws(1, draws=5), params=N, tokens=D)
    write_mixture(mix, tmp_path / "mixture.json")
    assert read_mixture(tmp_path / "mixture.json") == mix


def test_what_is_not_known_is_null_in_the_file(tmp_path: Path) -> None:
    write_mixture(allocate(random_laws(1), params=N, tokens=D), tmp_path / "mixture.json")
    content = json.loads((tmp_path / "mixture.json").read_text())["allocation"]
    assert content["against"]["uniform"]["probability"] is None
    assert content["intervals"]["go"] == [None, None]
    assert math.isnan(read_mixture(tmp_path / "mixture.json").expected_gain.low)


def _share(value: float) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["allocation"]["shares"].update(go=value)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_share(-3), r"allocation\.shares\.go: -3.*share from 0 to 1"),
        (_share(0.9), r"allocation\.shares: they sum to"),
        (lambda c: c["allocation"]["prices"].pop("go"), r"allocation\.prices: go is missing"),
        (lambda c: c["token_counts"].pop("go"), r"token_counts: go is missing"),
        (lambda c: c["allocation"].update(asked={"floor": {}}), r"asked\.floor: \{\}; expected one"),
        (lambda c: c["allocation"].update(asked={"floors": [1]}), r"asked\.floors: \[1\]; expected"),
        (lambda c: c["allocation"].update(asked={"weights": {"go": "a"}}), r"asked\.weights"),
        (lambda c: c["token_counts"].update(go=1), r"token_counts: they differ"),
        (lambda c: c["allocation"]["intervals"].update(cobol=[0, 1]), "cobol is not in allocation.shares"),
        (lambda c: c["allocation"]["against"].pop("uniform"), "uniform is missing"),
        (lambda c: c["allocation"].update(tokens=-1), r"allocation\.tokens: -1"),
        (lambda c: c["allocation"].update(tokens=None), r"allocation\.tokens"),
    ],
)
def test_a_damaged_mixture_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], object], told: str
) -> None:
    path = tmp_path / "mixture.json"
    write_mixture(allocate(random_laws(1, draws=5), params=N, tokens=D), path)
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=told) as raised:
        read_mixture(path)
    assert str(path) in str(raised.value)
    assert "langmix allocate" in str(raised.value)
