from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

import langmix as lm
from langmix.design import PRIORS
from langmix.languages import LANGUAGES

STUDY = lm.published()
ASKED = {"params": 1.5e9, "tokens": 350e9, "sizes": {"50M": 5e7}, "budget": 1e17, "languages": ("go", "rust")}


def test_tables_are_complete_and_in_one_order() -> None:
    names = tuple(language.name for language in LANGUAGES)
    assert STUDY.languages == tuple(STUDY.synergy.index) == tuple(STUDY.synergy.columns) == names
    assert tuple(STUDY.loss_twice.index) == names
    for table in (STUDY.exponents, STUDY.synergy, STUDY.translation, STUDY.multipl_e):
        assert table.notna().all().all()
    assert (np.diag(STUDY.synergy) == 0).all()
    assert len(STUDY.grid["params"]) * len(STUDY.grid["tokens"]) * len(names) == 420
    assert STUDY.pairs["self_repetitions"] == 7
    assert STUDY.pairs["pairs"] == 21


def test_irreducible_losses_stand_in_the_printed_order() -> None:
    order = ["csharp", "java", "rust", "go", "typescript", "javascript", "python"]
    assert STUDY.exponents["L_inf"].loc[order].is_monotonic_increasing
    assert STUDY.exponents["L_inf"]["java"] == STUDY.exponents["L_inf"]["rust"]


def test_the_reading_of_table_1_agrees_with_itself() -> None:
    pairs = STUDY.pair_losses
    assert ((pairs > 0.3) & (pairs < 1.0)).all().all()
    assert pairs.loc["java", "csharp"] == pytest.approx(0.9034 * (1 - 0.2058))
    assert (STUDY.synergy.drop("python") >= 0).all().all()  # all but Python gain from every other language


def test_inconsistencies_that_numbers_show_are_there() -> None:
    exponents = STUDY.exponents
    assert exponents["alpha_N"].idxmin() == "python"
    assert exponents.rank(ascending=False).loc["rust", ["alpha_N", "alpha_D"]].tolist() == [3, 3]
    assert all(STUDY.equation_8[name] < exponents[name].min() for name in exponents)
    below = STUDY.loss_twice < exponents["L_inf"]
    assert below.index[below].tolist() == ["javascript", "rust"]
    assert len(STUDY.inconsistencies) == 7
    assert all(one.where and one.what and one.reading for one in STUDY.inconsistencies)


def test_the_published_prior_is_centred_on_the_figures() -> None:
    prior = lm.Prior.published()
    assert prior.alpha.median == 0.447  # Java's, the fourth of seven
    assert prior.beta.median == 1.247
    assert prior.E.median == 0.414
    assert prior.beta.spread == pytest.approx(np.log(STUDY.exponents["alpha_D"]).std())
    default = lm.Prior()
    assert (prior.A, prior.B, prior.s, prior.R, prior.tau) == (
        default.A,
        default.B,
        default.s,
        default.R,
        default.tau,
    )


def test_the_published_prior_is_used_only_when_asked_for() -> None:
    plain = lm.plan(**ASKED)
    assert plain == lm.plan(**ASKED, prior=PRIORS["default"]())
    assert plain.based_on == "prior"
    asked = lm.plan(**ASKED, prior=PRIORS["published"]())
    assert asked.based_on == "prior published"
    assert asked.regret != plain.regret


def test_the_data_are_resources_of_the_package() -> None:
    names = {file.name for file in resources.files("langmix.published").iterdir()}
    assert {"README.md", "languages.csv", "synergy.csv", "translation.csv", "study.json"} <= names
