"""The runs that test a study's answer: which mixtures, under which seeds, and what they are compared for."""

from __future__ import annotations

from collections.abc import Mapping

from langmix.allocate import Allocation, allocate
from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.laws import Laws
from langmix.study._config import ALIKE, UNIFORM, StudyConfig
from langmix.study._questions import Validation

Arms = Mapping[tuple[str, int], PlannedRun]
"""Runs by the name of their mixture and their seed."""


def answers(config: StudyConfig, asked: Validation, laws: Laws, corpus: Corpus) -> dict[str, Allocation]:
    """The allocation of each objective, at the size and budget of the runs that test it."""
    return {
        name: allocate(
            laws,
            params=config.models()[asked.size].params,
            tokens=_tokens(config, asked),
            weights=weights,
            available={each: card.train_tokens for each, card in corpus.card.languages.items()},
            max_epochs=config.plan.max_epochs,
        )
        for name, weights in {ALIKE: None, **asked.objectives}.items()
    }


def runs_of(config: StudyConfig, asked: Validation, answered: Mapping[str, Allocation]) -> Arms:
    """Runs of the uniform mixture and of the recommended ones, each under every seed."""
    mixtures = {
        arm: answered[ALIKE].against["uniform"].shares if arm == UNIFORM else _rounded(answered[name].shares)
        for arm, name in config.arms.items()
    }
    return _runs(config, asked, mixtures)


def uniform_runs(config: StudyConfig) -> list[PlannedRun]:
    """Those that are known before any law is."""
    languages = config.corpus.domains
    uniform = dict.fromkeys(languages, 1 / len(languages))
    return list(_runs(config, config.validation, {UNIFORM: uniform}).values()) if config.validation else []


def _runs(config: StudyConfig, asked: Validation, mixtures: Mapping[str, Mapping[str, float]]) -> Arms:
    return {
        (arm, seed): PlannedRun(
            run=f"validation-{arm}-{asked.size}-s{seed}",
            arm="validation",
            size=asked.size,
            budgets=(_tokens(config, asked),),
            shares=dict(shares),
            seed=seed,
        )
        for seed in asked.seeds
        for arm, shares in mixtures.items()
    }


def _tokens(config: StudyConfig, asked: Validation) -> int:
    """Of each run: whole steps."""
    return config.recipe.steps(asked.tokens) * config.recipe.batch_tokens


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """To four decimals, so that a run is named by shares that read the same everywhere."""
    found = {name: round(share, 4) for name, share in shares.items()}
    largest = max(found, key=lambda name: found[name])
    found[largest] += 1.0 - sum(found.values())
    return found
