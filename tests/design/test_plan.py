from __future__ import annotations

import dataclasses
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from langmix.design import Plan, Prior, plan, plan_json, read_plan, study_yaml, write_plan
from langmix.design._belief import Belief, from_laws, from_prior
from langmix.design._candidates import Candidate, candidates
from langmix.design._greedy import expected_regret, local_regret, purchases
from langmix.errors import InputError
from langmix.laws import Laws

NAMES = ("python", "go", "rust")
SIZES = {"10M": 10e6, "40M": 40e6}
BUDGETS = (1e8, 4e8, 16e8)
PAST = np.full(3, np.inf)


def small(**changes: object) -> Plan:
    return planned(**changes) if changes else usual()


@cache
def usual() -> Plan:
    return planned()


def planned(**changes: object) -> Plan:
    given: dict[str, object] = {
        "params": 1e9,
        "tokens": 20e9,
        "sizes": SIZES,
        "budgets": BUDGETS,
        "languages": NAMES,
        "budget": 1e18,
        "random_mixtures": 4,
        "worlds": 6,
    }
    return plan(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pool() -> list[Candidate]:
    lengths = {size: [round(b) for b in BUDGETS] for size in SIZES}
    return candidates(
        NAMES, sizes=SIZES, budgets=lengths, repetition=True, random_mixtures=3, concentration=1.0, seed=0
    )


@pytest.fixture(scope="module")
def belief(pool: list[Candidate]) -> Belief:
    return from_prior(
        Prior(),
        pool,
        languages=NAMES,
        params=1e9,
        tokens=20e9,
        weights=np.full(3, 1 / 3),
        supply=np.array([1e9, np.inf, np.inf]),
        noise=0.01,
        worlds=4,
        seed=0,
    )


def test_the_prior_draws_convex_laws_with_right_derivatives() -> None:
    law = Prior().draw(5, 3, np.random.default_rng(0), middle=(1e8, 1e9))
    shares, supply = np.array([0.5, 0.2, 0.3]), np.array([2e9, np.inf, np.inf])
    loss, gradient, factor, diagonal = law.derivatives(1e9, 20e9, shares, supply)
    hessian = factor[..., :, None] * factor[..., None, :] + diagonal[..., None] * np.eye(3)
    assert loss.shape == (5, 3)
    assert np.linalg.eigvalsh(hessian).min() >= -1e-9 * np.abs(hessian).max()
    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        above = law.derivatives(1e9, 20e9, shares + step, supply)
        below = law.derivatives(1e9, 20e9, shares - step, supply)
        np.testing.assert_allclose((above[0] - below[0]) / 2e-5, gradient[..., k], rtol=1e-5)
        np.testing.assert_allclose((above[1] - below[1]) / 2e-5, hessian[..., k], rtol=1e-4, atol=1e-8)


def test_one_language_is_chinchilla() -> None:
    law = Prior().draw(3, 1, np.random.default_rng(0), middle=(1e8, 1e9))
    E, A, alpha, B, beta = np.exp(law.theta[..., :5]).transpose(2, 0, 1)
    drift = law.theta[..., 7]
    expected = E + A * 10.0**-alpha + B * 10.0**drift * 4.0**-beta
    np.testing.assert_allclose(law.derivatives(1e9, 4e9, np.ones(1), np.full(1, np.inf))[0], expected)


def test_the_regret_after_purchases_is_that_of_the_information_of_their_rows(
    pool: list[Candidate], belief: Belief
) -> None:
    prices = np.array([[c.flops(k) for k in (1, 2, 3)] for c in pool])
    bought = list(purchases(belief, prices, budget=0.2 * prices[:, -1].sum()))
    levels = {one.candidate: one.budgets for one in bought}
    assert any(one.extends for one in bought)
    rows = np.concatenate([belief.responses[:, :, c, :k] for c, k in levels.items()], axis=2)
    information = np.einsum("mtrp,mtrq->mtpq", rows, rows) + np.eye(rows.shape[-1])
    covariance = np.linalg.inv(information)
    local = np.einsum("mtvp,mtpq,mtvq->m", belief.decision, covariance, belief.decision)
    assert bought[-1].regret == pytest.approx(float(expected_regret(local, belief.ceiling)), rel=1e-6)
    assert sum(one.flops for one in bought) == pytest.approx(sum(pool[c].flops(k) for c, k in levels.items()))


def test_a_better_first_purchase_does_not_exist(pool: list[Candidate], belief: Belief) -> None:
    prices = np.array([[c.flops(k) for k in (1, 2, 3)] for c in pool])
    first = next(purchases(belief, prices, budget=np.inf))
    before = float(expected_regret(local_regret(belief.decision), belief.ceiling))

    def worth(c: int, k: int) -> float:
        rows = belief.responses[:, :, c, :k]
        information = np.einsum("mtrp,mtrq->mtpq", rows, rows) + np.eye(rows.shape[-1])
        local = np.einsum("mtvp,mtpq,mtvq->m", belief.decision, np.linalg.inv(information), belief.decision)
        return (before - float(expected_regret(local, belief.ceiling))) / prices[c, k - 1]

    best = max(worth(c, k) for c in range(len(pool)) for k in (1, 2, 3))
    assert (before - first.regret) / first.flops == pytest.approx(best, rel=1e-6)


def test_a_run_tells_nothing_about_languages_that_it_lacks(pool: list[Candidate], belief: Belief) -> None:
    alone = next(k for k, c in enumerate(pool) if c.run.run == "plan-grid-go-10M-s0")
    told = np.abs(belief.responses[:, :, alone]).max(axis=(0, 2, 3))
    assert told[1] > 0
    assert told[0] == told[2] == 0


def test_a_plan_keeps_its_budget_and_its_regret_only_falls() -> None:
    found = small()
    regrets = [found.regret, *(step.regret for step in found.steps)]
    assert all(a > b for a, b in pairwise(regrets))
    assert 0.5e18 < found.flops <= 1e18
    assert found.flops == pytest.approx(sum(6 * SIZES[r.size] * r.trained_tokens for r in found.runs))
    assert found.least_regret < found.final_regret
    assert len({run.run for run in found.runs}) == len(found.runs)


def test_no_run_costs_more_than_the_largest_allowed() -> None:
    found = small(largest=3e16)
    assert max(6 * SIZES[r.size] * r.trained_tokens for r in found.runs) <= 3e16


def test_asked_for_a_regret_the_plan_ends_where_it_is_reached() -> None:
    full = small()
    found = small(budget=None, regret=full.steps[20].regret * 1.0001)
    assert found.steps == full.steps[:21]
    assert any("is not reached" in w for w in small(budget=1e16, regret=1e-6).warnings)


def test_a_plan_from_nothing_has_the_checkpoints_of_a_fit_or_says_so() -> None:
    found = small(budget=None, regret=0.5)
    assert found.regret < 0.5
    for name in NAMES:
        assert sum(len(r.budgets) for r in found.runs if r.shares.get(name, 0) > 0) >= 16
    assert any("a law needs at least 16" in w for w in small(budget=2e16).warnings)


def test_the_same_seed_gives_the_same_plan_and_another_names_other_runs() -> None:
    assert plan_json(planned()) == plan_json(usual())
    assert not {r.run for r in small().runs} & {r.run for r in small(seed=1).runs}


def test_units_do_not_matter() -> None:
    one = small()
    other = small(
        params=1e12,
        tokens=20e10,
        sizes={name: 1000 * n for name, n in SIZES.items()},
        budgets=[10 * b for b in BUDGETS],
        budget=1e22,
    )
    assert [s.run.run for s in one.steps] == [s.run.run for s in other.steps]
    np.testing.assert_allclose([s.regret for s in one.steps], [s.regret for s in other.steps], rtol=1e-6)


def test_noise_makes_runs_worth_less_and_a_plan_in_vain_says_so() -> None:
    assert small(noise=0.05).final_regret > small(noise=0.005).final_regret
    assert any("removes" in w for w in small(budget=1e16, noise=0.9).warnings)


def test_far_targets_carry_a_warning() -> None:
    assert [w for w in small().warnings if "times the largest candidate" in w]


def test_repetition_is_planned_for_where_the_training_run_repeats() -> None:
    assert not any(r.unique for r in small().runs)
    scarce = small(available={"rust": 3e8}, budget=1e19)
    assert any("rust" in r.unique for r in scarce.runs)


def test_fitted_laws_are_planned_from(planted_fit: Laws) -> None:
    found = plan(
        planted_fit,
        params=1e6,
        tokens=1e7,
        sizes={"50k": 50e3, "200k": 200e3},
        budgets=[4e5, 16e5],
        budget=2e13,
        random_mixtures=4,
    )
    assert found.based_on == planted_fit.provenance.runs_sha256
    assert found.steps[-1].regret < found.regret
    assert found.noise == {s.target: s.noise for s in planted_fit.summaries}


def test_what_the_law_may_leave_out_makes_larger_sizes_worth_their_price(planted_fit: Laws) -> None:
    def bought(drift: float) -> Plan:
        return plan(
            planted_fit,
            params=1e9,
            tokens=1e10,
            sizes={"50k": 50e3, "5M": 5e6},
            budgets=[4e5, 16e5],
            budget=2e14,
            random_mixtures=2,
            prior=Prior(drift=drift),
        )

    trusting, doubting = bought(0.0), bought(0.3)
    assert doubting.regret > trusting.regret

    def first(found: Plan) -> int:
        return next((k for k, s in enumerate(found.steps) if s.run.size == "5M"), len(found.steps))

    assert first(doubting) < first(trusting)


def test_the_regret_of_deciding_now_is_that_of_the_bootstrap_laws(planted_fit: Laws) -> None:
    pool = candidates(
        planted_fit.languages,
        sizes={"50k": 50e3},
        budgets={"50k": [400_000]},
        repetition=False,
        random_mixtures=2,
        concentration=1.0,
        seed=0,
    )
    belief = from_laws(
        planted_fit, pool, params=1e6, tokens=1e7, weights=None, available=None, noise=None, drift=0.0
    )
    from langmix.allocate import allocate

    p = planted_fit.share_vector(allocate(planted_fit, params=1e6, tokens=1e7).shares)
    mean = float(planted_fit.best.loss(1e6, 1e7, p).mean())
    rng = np.random.default_rng(0)
    # No mixture near it is so much better under the draws, on average, as the best one of each draw.
    draws = planted_fit.draws.loss(1e6, 1e7, p).mean(axis=-1)
    near = [0.9 * p + 0.1 * rng.dirichlet(np.ones(7)) for _ in range(50)]
    better = draws - np.min([planted_fit.draws.loss(1e6, 1e7, q).mean(axis=-1) for q in near], axis=0)
    regret = float(expected_regret(local_regret(belief.decision), belief.ceiling))
    assert float(np.maximum(better, 0).mean()) / mean <= regret < 0.05


def test_a_plan_is_written_read_and_refused_when_damaged(tmp_path: Path) -> None:
    found, path = small(), tmp_path / "plan.json"
    write_plan(found, path)
    assert read_plan(path) == dataclasses.replace(found)
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(InputError, match="newer than this langmix"):
        read_plan(path)


def test_a_study_trains_the_planned_runs(tmp_path: Path) -> None:
    from langmix.study import read_study

    found = small()
    study = {
        "title": "planned",
        "corpus": {"sources": [{"kind": "registry"}], "languages": list(NAMES)},
        "sizes": [{"name": s, "d_model": 64, "n_layers": 2, "n_heads": 2, "d_ff": 176} for s in SIZES],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study) + study_yaml(found))
    runs = read_study(tmp_path).runs()
    assert [(r.run, r.budgets, r.size) for r in runs] == [(r.run, r.budgets, r.size) for r in found.runs]
    for one, other in zip(runs, found.runs, strict=True):
        assert {n: s for n, s in other.shares.items() if s} == pytest.approx(dict(one.shares))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"budget": None}, "budget: not given"),
        ({"budget": 1e9}, "the cheapest run costs"),
        ({"largest": 1e9}, "the cheapest run costs"),
        ({"sizes": {}}, "sizes: none"),
        ({"sizes": {"10M": -1.0}}, "size 10M"),
        ({"budgets": [0.0]}, "budgets"),
        ({"languages": ["go"]}, "at least 2"),
        ({"regret": 2.0}, "regret: 2.0"),
        ({"noise": 0.0}, "noise: 0.0"),
        ({"weights": {"cobol": 1.0}}, "'cobol'"),
        ({"available": {"cobol": 1.0}}, "'cobol'"),
        ({"worlds": 0}, "worlds: 0"),
    ],
)
def test_wrong_arguments_are_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        small(**changes)


def test_laws_without_draws_are_refused(planted_fit: Laws) -> None:
    bare = dataclasses.replace(planted_fit, draws=planted_fit.draws[:0])
    with pytest.raises(InputError, match="0 bootstrap draws"):
        small(laws=bare, languages=None)


def test_a_prior_is_checked() -> None:
    with pytest.raises(InputError, match="drift"):
        Prior(drift=-1.0)
