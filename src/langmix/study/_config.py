"""study.yaml: what a study builds, trains and asks."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError

from langmix import files
from langmix.config import Config, Count
from langmix.corpus import CorpusConfig
from langmix.corpus.pairing import ParallelConfig
from langmix.design import PlannedRun, grid, mixtures, pairs, repeats, simulate_epochs
from langmix.errors import InputError
from langmix.lab import Local, ModelSize, Ray, Recipe
from langmix.study._plan import Plan, Seed
from langmix.study._questions import QUESTIONS, Evaluation, Question, Validation

CONFIG: Final = "study.yaml"
_TEXT: Final = "text"
ALIKE: Final = "all languages alike"
"""The objective that every validation has."""
UNIFORM: Final = "uniform"
RECOMMENDED: Final = "recommended"


class Target(Config):
    """The training run that the study is for: proxies repeat each language's data as often as it will.

    Attributes:
        tokens: that it trains on.
        available: distinct tokens per language that it has; those left out are without limit.
    """

    tokens: Count = Field(gt=0, allow_inf_nan=False)
    available: dict[str, Annotated[Count, Field(gt=0)]]


class Size(Config):
    """Shape of a model; see `ModelSize`."""

    name: str
    d_model: int = Field(gt=0)
    n_layers: int = Field(gt=0)
    n_heads: int = Field(gt=0)
    d_ff: int = Field(gt=0)


AnyEngine = Annotated[
    Local | Ray,
    Discriminator(
        "kind", custom_error_type="engine_kind", custom_error_message="expected kind: local or kind: ray"
    ),
]


def _corpus_kind(content: Any) -> str:
    kind = content.get("kind") if isinstance(content, dict) else getattr(content, "kind", None)
    return _TEXT if kind is None else str(kind)


AnyCorpus = Annotated[
    Annotated[CorpusConfig, Tag(_TEXT)] | Annotated[ParallelConfig, Tag("parallel")],
    Discriminator(
        _corpus_kind,
        custom_error_type="corpus_kind",
        custom_error_message="expected kind: parallel, or no kind for code in languages",
    ),
]


class StudyConfig(Config):
    """Content of study.yaml.

    Attributes:
        title: of the page.
        notes: caveats that the page carries.
        corpus: sources, filters, tokenizer.
        sizes: models.
        recipe: hyperparameters of all runs.
        plan: which runs to train.
        target: the training run that the study is for, where its data are limited.
        questions: allocations to solve for.
        validation: runs that test the answer.
        evaluation: what their models can do.
        engine: where runs are trained; it goes into no result.
        draws: bootstrap draws.
        seed: of the plan, the weights and data orders, and the bootstrap.
    """

    title: str
    notes: list[str] = Field(default=[])
    corpus: AnyCorpus = CorpusConfig()
    sizes: list[Size]
    recipe: Recipe = Recipe()
    plan: Plan
    target: Target | None = None
    questions: list[Question] = Field(default=list(QUESTIONS), min_length=1)
    validation: Validation | None = None
    evaluation: Evaluation | None = None
    engine: AnyEngine = Local()
    draws: int = Field(default=200, ge=0)
    seed: Seed = 0

    @property
    def arms(self) -> dict[str, str]:
        """Mixtures that validation trains, by name, with the objective that each is recommended for."""
        objectives = self.validation.objectives if self.validation else {}
        return {UNIFORM: ALIKE, RECOMMENDED: ALIKE, **{f"{RECOMMENDED}-{name}": name for name in objectives}}

    def models(self) -> dict[str, ModelSize]:
        """Sizes by name."""
        return {size.name: ModelSize(**size.model_dump()) for size in self.sizes}

    def runs(self) -> list[PlannedRun]:
        """The plan, run by run."""
        languages, plan, seed = self.corpus.domains, self.plan, self.seed
        planned: list[PlannedRun] = []
        if plan.grid:
            planned += grid(languages, sizes=plan.grid.sizes, budgets=plan.grid.budgets, seed=seed)
        for scale in plan.pairs if isinstance(plan.pairs, list) else [plan.pairs]:
            chosen = combinations(languages, 2) if scale.pairs == "all" else scale.pairs
            planned += pairs(chosen, size=scale.size, tokens_each=scale.tokens_each, seed=seed)
        for part in plan.mixtures:
            mixed = mixtures(
                languages,
                count=part.count,
                size=part.size,
                budgets=part.budgets,
                concentration=part.concentration,
                seed=seed,
            )
            if self.target:
                mixed = simulate_epochs(mixed, available=self.target.available, tokens=self.target.tokens)
            planned += mixed
        planned += [listed.planned() for listed in plan.runs]
        for again in plan.repeats:
            chosen_runs = [run for run in planned if run.arm == again.arm and run.size == again.size]
            planned += repeats(chosen_runs, again.seeds)
        _check(self, planned)
        return planned


def read_study(folder: Path) -> StudyConfig:
    """Read ``study.yaml``; paths of sources in it are relative to the folder.

    Raises:
        InputError: no such file, not YAML, or a field that is not what was expected.
    """
    path = folder / CONFIG
    text = files.read_text(path, what="the configuration of a study")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: is not YAML ({reason}); correct the indentation, brackets or quotes there"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected title, sizes and plan; see the configuration page of the docs")
    try:
        config = StudyConfig.model_validate(content)
        config = config.model_copy(
            update={
                "corpus": config.corpus.beside(folder),
                "evaluation": config.evaluation and config.evaluation.beside(folder),
            }
        )
        config.runs()
        config.models()
    except (ValidationError, AttributeError, TypeError) as error:
        message = files.validation_message(path, error, remedy="correct it and run again")
        # Which kind of corpus it is stands in no place of the file that a user would look for.
        raise InputError(re.sub(r": corpus\.(text|parallel)\b", ": corpus", message, count=1)) from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return config


def _check(config: StudyConfig, planned: list[PlannedRun]) -> None:
    """Refuse sizes of one name; a plan of unknown sizes or languages, of runs of one name, or of none."""
    sizes = [size.name for size in config.sizes]
    if repeated := [name for name in sizes if sizes.count(name) > 1]:
        raise InputError(f"sizes: two are named {repeated[0]!r}; give each a name of its own")
    for language in config.target.available if config.target else ():
        if language not in config.corpus.domains:
            raise InputError(f"target: {language!r} is not a language of the corpus")
    names: set[str] = set()
    for run in planned:
        if run.size not in sizes:
            raise InputError(f"plan: unknown size {run.size!r}; expected one of {', '.join(sorted(sizes))}")
        for language in (*run.shares, *run.unique):
            if language not in config.corpus.domains:
                raise InputError(f"plan: {language!r} is not a language of the corpus")
        try:
            steps = [config.recipe.steps(budget) for budget in run.budgets]
        except InputError as error:
            raise InputError(f"plan: run {run.run!r}: {error}") from None
        for k in range(1, len(steps)):
            if steps[k] == steps[k - 1]:
                raise InputError(
                    f"plan: run {run.run!r}: budgets of {run.budgets[k - 1]} and {run.budgets[k]} tokens "
                    f"are the same {steps[k]} steps of {config.recipe.batch_tokens} tokens; expected them "
                    "further apart"
                )
        if run.run in names:
            raise InputError(f"plan: two runs are named {run.run!r}; repeat other seeds or sizes")
        names.add(run.run)
    if isinstance(config.corpus, ParallelConfig) and config.corpus.sequence != config.recipe.sequence:
        raise InputError(
            f"corpus: sequences of {config.corpus.sequence} tokens, and recipe.sequence is "
            f"{config.recipe.sequence}; pairs are packed whole, so expected the same: change one of them"
        )
    if not planned:
        raise InputError("plan: has no runs; expected a grid, pairs, mixtures or runs")
    weighted = {f"questions: weights of number {k}": q.weights for k, q in enumerate(config.questions, 1)}
    for name, each in (config.validation.objectives if config.validation else {}).items():
        weighted[f"validation: objective {name!r}"] = each
    for what, weights in weighted.items():
        for language in weights or ():
            if language not in config.corpus.targets:
                raise InputError(f"{what}: {language!r} is not a language of the corpus")
    if config.validation:
        try:
            config.recipe.steps(config.validation.tokens)
        except InputError as error:
            raise InputError(f"validation: tokens: {error}") from None
        if len(set(config.validation.seeds)) < len(config.validation.seeds):
            raise InputError(f"validation: seeds: {config.validation.seeds}; expected each once")
    if config.validation and config.validation.size not in sizes:
        raise InputError(
            f"validation: unknown size {config.validation.size!r}; expected one of {', '.join(sorted(sizes))}"
        )
    if config.evaluation:
        _check_evaluation(config, config.evaluation)


def _check_evaluation(config: StudyConfig, asked: Evaluation) -> None:
    """Refuse an evaluation of models, mixtures or seeds that there are not."""
    if config.validation is None:
        raise InputError("evaluation: is of the models that validation trains; add validation, or remove it")
    if isinstance(config.corpus, ParallelConfig):
        raise InputError(
            "evaluation: is of text, and the corpus is of parallel texts; remove it: `langmix train` and "
            "`langmix evaluate translation` measure a model on them"
        )
    if asked.arms is not None:
        for name in asked.arms:
            if name not in config.arms:
                raise InputError(
                    f"evaluation: arms: {name!r} is not trained; expected some of {', '.join(config.arms)}"
                )
        if UNIFORM not in asked.arms:
            raise InputError(
                f"evaluation: arms: {asked.arms}; expected {UNIFORM} too, which the others are compared with"
            )
    if asked.problems is None:
        return
    for seed in asked.problems.seeds or ():
        if seed not in config.validation.seeds:
            raise InputError(
                f"evaluation: problems: seed {seed} is none of validation's; expected some of "
                f"{', '.join(map(str, config.validation.seeds))}"
            )
    try:
        asked.problems.sampling  # noqa: B018
    except InputError as error:
        raise InputError(f"evaluation: problems: {error}") from None
