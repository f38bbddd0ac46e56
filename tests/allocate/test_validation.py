from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import planted
from langmix.allocate import Allocation, allocate, validate
from langmix.errors import InputError
from langmix.laws import Coefficients, Laws, fit
from langmix.runs import RunTable

PARAMS, TOKENS = 1e6, 4e6


@pytest.fixture(scope="module")
def fitted() -> tuple[Coefficients, Laws, Allocation]:
    rng = np.random.default_rng(3)
    law = planted.truth(rng, count=3)
    laws = fit(planted.plant(law, rng, noise=0.002), law="ces", draws=50)
    return law, laws, allocate(laws, params=PARAMS, tokens=TOKENS)


def measured(
    law: Coefficients, laws: Laws, mixtures: dict[str, dict[str, float]], *, noise: float, seeds: int = 3
) -> RunTable:
    """What runs of the mixtures would measure; runs of one seed are lucky alike."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        luck = np.exp(noise * rng.standard_normal())
        for name, shares in mixtures.items():
            losses = law.loss(PARAMS, TOKENS, laws.share_vector(shares), np.full(3, np.inf)) * luck
            rows.append(
                {"run": f"{name}-{seed}", "seed": seed, "params": PARAMS, "tokens": TOKENS}
                | {f"share.{n}": shares[n] for n in laws.languages}
                | {f"loss.{n}": losses[k] for k, n in enumerate(laws.languages)}
            )
    return RunTable.from_frame(pd.DataFrame(rows), source="planted truth")


def both(mix: Allocation) -> dict[str, dict[str, float]]:
    return {"uniform": dict(mix.against["uniform"].shares), "recommended": dict(mix.shares)}


def test_the_gain_of_the_runs_is_that_of_the_planted_law(
    fitted: tuple[Coefficients, Laws, Allocation],
) -> None:
    law, laws, mix = fitted
    found = validate(laws, mix, measured(law, laws, both(mix), noise=0.01))
    weights = np.array([mix.weights[t] for t in laws.targets])
    true = [
        law.loss(PARAMS, TOKENS, laws.share_vector(s), np.full(3, np.inf)) @ weights
        for s in both(mix).values()
    ]
    # Seeds are paired: what they have in common does not blur the gain.
    assert found.measured_gain.value == pytest.approx(1 - true[1] / true[0], rel=1e-9)
    assert found.measured_gain.high - found.measured_gain.low < 1e-9
    assert found.predicted_gain.value == pytest.approx(mix.expected_gain.value, rel=1e-9)
    assert found.times_params == pytest.approx(PARAMS / 300e3)
    for target, mean in found.uniform.measured.items():
        assert found.uniform.predicted.loss[target] == pytest.approx(mean.value, rel=0.05)
    assert found.verdict == "the recommended mixture is better than uniform"


def test_one_seed_has_no_interval_and_says_so(fitted: tuple[Coefficients, Laws, Allocation]) -> None:
    law, laws, mix = fitted
    found = validate(laws, mix, measured(law, laws, both(mix), noise=0.01, seeds=1))
    assert np.isnan(found.measured_gain.low)
    assert "not known" in found.verdict


def test_runs_of_another_mixture_do_not_count(fitted: tuple[Coefficients, Laws, Allocation]) -> None:
    law, laws, mix = fitted
    other = {"uniform": both(mix)["uniform"], "other": {"python": 0.98, "java": 0.01, "javascript": 0.01}}
    with pytest.raises(InputError, match="none is of the recommended mixture"):
        validate(laws, mix, measured(law, laws, other, noise=0.01))
