from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from allocations import D, N, changed, laws_of, random_laws

from langmix.allocate import _interior, allocate
from langmix.errors import InputError
from planted import NAMES

NO_RUST = {**dict.fromkeys(NAMES, 1 / 6), "rust": 0.0}


def test_a_mixture_without_a_language_is_compared_over_the_other_targets() -> None:
    laws = random_laws(1, draws=20)
    mix = allocate(laws, params=N, tokens=D, mixtures={"current": NO_RUST})
    other = mix.against["current"]
    assert other.left_out == ("rust",)
    assert "rust" not in other.losses
    ours, theirs = (
        np.mean([losses[name] for name in NAMES if name != "rust"])
        for losses in ({name: loss.value for name, loss in mix.losses.items()}, other.losses)
    )
    assert other.gain.value == pytest.approx(1 - ours / theirs)
    assert abs(other.gain.value) < 0.2  # nothing like the 504 nats of a language without tokens
    assert any("current has no rust" in warning for warning in mix.warnings)


def test_a_limit_against_a_mixture_without_a_language_holds_for_the_others() -> None:
    mix = allocate(
        random_laws(1), params=N, tokens=D, mixtures={"current": NO_RUST}, no_worse_than={"current": 0.02}
    )
    other = mix.against["current"].losses
    assert all(mix.losses[name].value <= 1.02 * other[name] + 1e-6 for name in other)


def test_a_baseline_has_to_teach_what_it_is_a_baseline_of() -> None:
    ask = {"params": N, "tokens": D, "objective": "relative", "baseline": "current"}
    with pytest.raises(InputError, match=r"baseline: the mixture 'current' has no rust"):
        allocate(random_laws(1), **ask, mixtures={"current": NO_RUST})
    others = dict.fromkeys(NAMES, 1.0) | {"rust": 0.0}
    allocate(random_laws(1), **ask, mixtures={"current": NO_RUST}, weights=others)


def test_the_baseline_of_the_relative_objective_can_be_chosen() -> None:
    laws = random_laws(1)
    current = {**dict.fromkeys(NAMES, 0.02), "rust": 0.88}
    ask = {"params": N, "tokens": D, "mixtures": {"current": current}, "objective": "relative"}
    mix = allocate(laws, **ask, baseline="current")
    at = laws.best.loss(N, D, np.array([current[name] for name in NAMES]))
    assert [mix.weights[name] for name in NAMES] == pytest.approx(1 / (7 * at))
    weighted = allocate(
        laws, params=N, tokens=D, weights={name: 1 / loss for name, loss in zip(NAMES, at, strict=True)}
    )
    assert mix.shares == pytest.approx(weighted.shares, abs=1e-6)


@pytest.mark.parametrize("above", [0.0, 1.07e-6, 5e-6])
def test_a_language_a_little_above_its_least_share_is_still_held_there(
    above: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws = random_laws(2)
    best = changed(
        laws.best,
        s=np.ones(7),
        b=np.zeros(7),
        B=np.where(np.arange(7) == 3, 2.0, 0.01),
        tau=np.where(np.eye(7, dtype=bool) | (np.arange(7) == 3), 1.0, 0.2),
    )
    reach = dataclasses.replace(laws.reach, least_share={"java": 0.02})
    held = dataclasses.replace(laws_of(best), reach=reach)
    snap = _interior._at_bounds

    def loose(v: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        snapped = snap(v, lo, hi)
        return np.where(snapped == lo, lo + above, snapped)

    monkeypatch.setattr(_interior, "_at_bounds", loose)
    mix = allocate(held, params=N, tokens=D)
    assert any("held at the smallest share" in w and "java 2%" in w for w in mix.warnings)
