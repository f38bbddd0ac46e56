"""The parts of a study's plan: which runs to train."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from langmix.config import Config, WholeCount
from langmix.design import PlannedRun
from langmix.lab import MAX_EPOCHS

Seed = Annotated[int, Field(ge=0)]


class GridPlan(Config):
    """Every language alone, at each size; ``budgets`` are branches of one trunk."""

    sizes: list[str]
    budgets: list[WholeCount]


class PairsPlan(Config):
    """Pairs i + j at twice ``tokens_each``, with i + i and i alone; ``pairs`` lists them or says all."""

    size: str
    tokens_each: WholeCount = Field(gt=0)
    pairs: Literal["all"] | list[tuple[str, str]] = "all"


class MixturesPlan(Config):
    """The uniform mixture and ``count`` random ones."""

    size: str
    count: int = Field(ge=0)
    budgets: list[WholeCount]
    concentration: float = Field(default=1.0, gt=0)


class RepeatsPlan(Config):
    """Runs of the other parts, by arm and size, under further seeds."""

    arm: Literal["grid", "self", "pair", "mixture"]
    size: str
    seeds: list[Seed]


class ListedRun(Config):
    """One run in full, as `langmix plan` lists them; see `PlannedRun`."""

    run: str
    arm: Literal["grid", "self", "pair", "mixture", "seed"]
    size: str
    budgets: list[WholeCount]
    shares: dict[str, float]
    seed: Seed = 0
    unique: dict[str, Annotated[WholeCount, Field(gt=0)]] = Field(default={})
    learning_rate: float | None = Field(default=None, gt=0)

    def planned(self) -> PlannedRun:
        """The run to train."""
        return PlannedRun(**{**self.model_dump(), "budgets": tuple(self.budgets)})


class Plan(Config):
    """Which runs to train; parts that are left out are not trained."""

    grid: GridPlan | None = None
    pairs: PairsPlan | list[PairsPlan] = Field(default=[])
    mixtures: list[MixturesPlan] = Field(default=[])
    repeats: list[RepeatsPlan] = Field(default=[])
    runs: list[ListedRun] = Field(default=[])
    max_epochs: float = Field(default=MAX_EPOCHS, gt=0)
