from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from allocations import D, N, laws_of, oracle, random_laws

from langmix.allocate import allocate
from langmix.errors import InfeasibleError, InputError
from planted import NAMES

CURRENT = dict(zip(NAMES, (0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05), strict=True))


def distance(one: object, other: object) -> float:
    return 0.5 * sum(abs(one[name] - other[name]) for name in NAMES)  # type: ignore[index]


@pytest.mark.filterwarnings("ignore")  # of the oracle
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("worst", [False, True])
@pytest.mark.parametrize(
    ("fixed", "near", "no_worse"),
    [
        ({"go": 0.125}, None, None),
        ({}, 0.05, None),
        ({"go": 0.06}, 0.2, 0.05),
    ],
)
def test_fixed_shares_and_distances_are_those_of_an_independent_solver(
    seed: int, worst: bool, fixed: dict[str, float], near: float | None, no_worse: float | None
) -> None:
    laws = random_laws(seed)
    mix = allocate(
        laws,
        params=N,
        tokens=D,
        objective="worst" if worst else "nats_per_token",
        fixed=fixed,
        near={} if near is None else {"current": near},
        no_worse_than={} if no_worse is None else {"uniform": no_worse},
        mixtures={"current": CURRENT},
    )
    shares, value = oracle(
        laws, fixed=fixed, near=None if near is None else (CURRENT, near), no_worse=no_worse, worst=worst
    )
    losses = [loss.value for loss in mix.losses.values()]
    assert (max(losses) if worst else np.mean(losses)) == pytest.approx(value, rel=1e-6)
    assert [mix.shares[name] for name in NAMES] == pytest.approx(shares, abs=5e-5)
    assert mix.kkt_residual < 1e-8
    for name, share in fixed.items():
        assert mix.shares[name] == pytest.approx(share, abs=1e-9)
    if near is not None:
        assert distance(mix.shares, CURRENT) <= near + 1e-7


def test_no_distance_keeps_the_mixture_and_a_large_one_lets_all_go() -> None:
    laws = random_laws(4)
    mixtures = {"current": CURRENT}
    kept = allocate(laws, params=N, tokens=D, near={"current": 0.0}, mixtures=mixtures)
    free = allocate(laws, params=N, tokens=D, near={"current": 1.0}, mixtures=mixtures)
    assert kept.shares == pytest.approx(CURRENT)
    assert free.shares == pytest.approx(allocate(laws, params=N, tokens=D).shares, abs=1e-5)


def test_two_distances_hold_together() -> None:
    mix = allocate(
        random_laws(4),
        params=N,
        tokens=D,
        near={"current": 0.2, "uniform": 0.15},
        mixtures={"current": CURRENT},
    )
    assert distance(mix.shares, CURRENT) <= 0.2 + 1e-7
    assert distance(mix.shares, mix.against["uniform"].shares) <= 0.15 + 1e-7


def test_uniform_and_proportional_keep_fixed_shares() -> None:
    available = dict(zip(NAMES, (1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6), strict=True))
    mix = allocate(random_laws(1), params=N, tokens=D, fixed={"go": 0.3}, available=available)
    uniform, proportional = (mix.against[name].shares for name in ("uniform", "proportional"))
    assert (uniform["go"], proportional["go"]) == (pytest.approx(0.3), pytest.approx(0.3))
    assert uniform["rust"] == pytest.approx(0.7 / 6)
    assert proportional["rust"] / proportional["python"] == pytest.approx(7)
    part = allocate(random_laws(1), params=N, tokens=D, available={"rust": 1e6})
    assert "proportional" not in part.against


def test_default_floors_give_way_to_what_the_user_asks() -> None:
    laws = random_laws(2)
    reach = dataclasses.replace(laws.reach, least_share=dict.fromkeys(NAMES, 0.07))
    laws = dataclasses.replace(laws_of(laws.best), reach=reach)
    mix = allocate(laws, params=N, tokens=D, fixed={"go": 0.9})
    assert mix.shares["go"] == pytest.approx(0.9)
    small = {**dict.fromkeys(NAMES, 0.16), "rust": 0.04}
    close = allocate(laws, params=N, tokens=D, near={"current": 0.01}, mixtures={"current": small})
    assert distance(close.shares, small) <= 0.01 + 1e-7


def test_colliding_limits_are_explained_in_tokens() -> None:
    laws, ask = random_laws(1), {"params": N, "tokens": D}
    with pytest.raises(InfeasibleError, match=r"of 4M tokens .*floors ask for 4\.4M .*by 400k tokens"):
        allocate(laws, **ask, floors={"go": 0.6, "rust": 0.5})
    with pytest.raises(InfeasibleError, match=r"floor of rust asks for 400k, but 200k of rust can be had"):
        allocate(laws, **ask, floors={"rust": 0.1}, available={"rust": 1e5}, max_epochs=2)
    with pytest.raises(InfeasibleError, match=r"but the fixed share of go is 2\.8M: .*by 400k tokens"):
        allocate(laws, **ask, floors={"rust": 0.4}, fixed={"go": 0.7})
    with pytest.raises(InfeasibleError, match=r"3\.5M can be had at 1 epochs .*by 500k tokens"):
        allocate(laws, **ask, available=dict.fromkeys(NAMES, 5e5), max_epochs=1)
    with pytest.raises(
        InfeasibleError,
        match=r"rust asks for 1\.2M, but near current lets 400k \(10%\) move .*rust has 200k.*by 600k",
    ):
        allocate(laws, **ask, floors={"rust": 0.3}, near={"current": 0.1}, mixtures={"current": CURRENT})


def test_a_limit_that_takes_no_part_in_a_collision_is_not_blamed() -> None:
    with pytest.raises(InfeasibleError) as raised:
        allocate(
            random_laws(1),
            params=N,
            tokens=D,
            floors={"go": 0.6, "rust": 0.5, "java": 0.01},
            ceilings={"csharp": 0.3},
        )
    assert "java" not in str(raised.value)
    assert "csharp" not in str(raised.value)


def test_collisions_that_are_independent_are_all_told() -> None:
    with pytest.raises(InfeasibleError) as raised:
        allocate(
            random_laws(1),
            params=N,
            tokens=D,
            floors={"rust": 0.1, "go": 0.2},
            ceilings={"go": 0.1},
            available={"rust": 1e5},
            max_epochs=1,
        )
    assert re.search(r"\(1\).*rust.*100k of rust.*\(2\).*go.*ceiling of go", str(raised.value)) or re.search(
        r"\(1\).*go.*ceiling of go.*\(2\).*rust.*100k of rust", str(raised.value)
    )


def test_loss_limits_out_of_reach_say_what_would_have_to_give_way() -> None:
    laws, ask = random_laws(1), {"params": N, "tokens": D}
    with pytest.raises(InfeasibleError, match=r"no_worse_than .*loosen .*share of rust by [\d.]+[kM] tokens"):
        allocate(laws, **ask, floors={"rust": 0.9}, no_worse_than={"uniform": 0.0})
    with pytest.raises(InfeasibleError, match="the distance from skew by"):
        allocate(
            laws,
            **ask,
            mixtures={"skew": {**dict.fromkeys(NAMES, 0.02), "rust": 0.88}},
            near={"skew": 0.05},
            no_worse_than={"uniform": 0.01},
        )
    each = {f"only {name}": {**dict.fromkeys(NAMES, 0.01), name: 0.94} for name in NAMES}
    with pytest.raises(InfeasibleError, match="no mixture at all"):
        allocate(laws, **ask, mixtures=each, no_worse_than=dict.fromkeys(each, 0.0))


def test_the_tokens_that_an_explanation_names_are_enough() -> None:
    laws, ask = random_laws(1), {"params": N, "tokens": D}
    with pytest.raises(InfeasibleError) as raised:
        allocate(laws, **ask, floors={"rust": 0.6}, no_worse_than={"uniform": 0.0})
    told = re.search(r"least share of rust by ([\d.]+)M tokens", str(raised.value))
    assert told
    enough = 0.6 - float(told[1]) * 1e6 / D
    allocate(laws, **ask, floors={"rust": enough - 0.003}, no_worse_than={"uniform": 0.0})
    with pytest.raises(InfeasibleError):
        allocate(laws, **ask, floors={"rust": enough + 0.003}, no_worse_than={"uniform": 0.0})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"floors": {"cobol": 0.1}}, r"floors: unknown language 'cobol'; expected one of python"),
        ({"fixed": {"go": 1.5}}, r"fixed: go is 1\.5"),
        ({"fixed": {"go": 0.5}, "floors": {"go": 0.1}}, "floors: go has a fixed share"),
        ({"near": {"current": 0.1}}, r"near: unknown mixture 'current'; expected one of uniform"),
        ({"near": {"uniform": -0.1}}, r"near: uniform is -0\.1"),
        ({"near": {"proportional": 0.1}}, "needs the available tokens of every language"),
        ({"max_epochs": 4}, r"max_epochs: 4 limits nothing.*--available"),
        ({"max_epochs": -1}, r"max_epochs: -1; expected a number above 0"),
        ({"max_epochs": -1, "available": {"go": 1e6}, "floors": {"go": 0.1}}, r"max_epochs: -1"),
        ({"baseline": "mine"}, r"baseline: unknown mixture 'mine'"),
        ({"robust": "mean"}, r"robust: mean is over bootstrap laws.*--draws"),
        ({"robust": "luck"}, r"robust: 'luck' is not known"),
        ({"mixtures": {"mine": {"go": 0.4}}}, r"mixtures: mine: shares: .* sum to 0\.4"),
        ({"objective": "bits_per_byte"}, "bits_per_byte needs the column bytes_per_token"),
        ({"params": -1}, "params"),
    ],
)
def test_wrong_arguments_are_named(asked: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        allocate(random_laws(1), **{"params": N, "tokens": D, **asked})  # type: ignore[arg-type]
