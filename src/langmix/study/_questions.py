"""What a study asks of its laws, and how the answers are put to the test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from langmix.config import Config, Count, WholeCount
from langmix.evaluate._complete import Sampling
from langmix.evaluate._continuations import DOCUMENTS
from langmix.evaluate.execution import Profile
from langmix.laws import Laws
from langmix.study._plan import Seed

Weights = Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
"""Of the losses in an objective, by language; those left out weigh nothing."""


class Validation(Config):
    """Runs that test answers: uniform against recommended, at a size that no law was fitted to.

    Attributes:
        size: of the model.
        tokens: of each run.
        seeds: of the runs of each mixture.
        objectives: further ones to recommend for and test, by name; the first is all languages alike.
    """

    size: str
    tokens: WholeCount = Field(gt=0)
    seeds: list[Seed] = Field(default=[0, 1, 2], min_length=1)
    objectives: dict[Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")], Weights] = Field(default={})


class Problems(Config):
    """Problems of MultiPL-E that validation's models complete, judged in the sandbox.

    Attributes:
        paths: JSONL files, or folders of them.
        seeds: of validation, whose models complete them; absent is all.
        samples: of each problem, by each model.
        temperature, top_p, tokens: of a completion, see `Sampling`.
        profile: of commands, see `Harness`.
    """

    paths: list[Path] = Field(min_length=1)
    seeds: list[Seed] | None = Field(default=None, min_length=1)
    samples: int = Field(default=1, gt=0)
    temperature: float = Field(default=0.2, ge=0)
    top_p: float = Field(default=0.95, gt=0, le=1)
    tokens: int = Field(default=512, gt=0)
    profile: Profile = "multiple"

    @property
    def sampling(self) -> Sampling:
        """How completions are drawn."""
        return Sampling(
            samples=self.samples, temperature=self.temperature, top_p=self.top_p, tokens=self.tokens
        )


class Evaluation(Config):
    """What validation's models can do, beside the losses that laws predict.

    Attributes:
        arms: mixtures whose models are measured, uniform among them; absent is all that validation trains.
        documents: held-out ones of each language that models go on from, scored by BLEU; 0 is none.
        problems: to complete, for pass@1; absent is none.
    """

    arms: list[str] | None = None
    documents: int = Field(default=DOCUMENTS, ge=0)
    problems: Problems | None = None

    def beside(self, folder: Path) -> Evaluation:
        """The same with paths relative to a folder."""
        if self.problems is None:
            return self
        paths = [folder / path for path in self.problems.paths]
        return self.model_copy(update={"problems": self.problems.model_copy(update={"paths": paths})})


class Question(Config):
    """An allocation to solve for: parameters and tokens, given or as a multiple of the largest run; for all
    languages alike, or by weights."""

    params: Count | None = Field(default=None, gt=0)
    tokens: Count | None = Field(default=None, gt=0)
    times_largest: float | None = Field(default=None, gt=0)
    weights: Weights | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Question:
        given = (self.params is not None) + (self.tokens is not None)
        if given != (2 if self.times_largest is None else 0):
            raise ValueError("expected either times_largest, or both params and tokens")
        return self

    def target(self, laws: Laws) -> tuple[float, float]:
        """Parameters and tokens."""
        if self.times_largest is not None:
            return self.times_largest * laws.reach.params[1], self.times_largest * laws.reach.tokens[1]
        assert self.params is not None
        assert self.tokens is not None
        return self.params, self.tokens


QUESTIONS: Final = (Question(times_largest=10), Question(params=1.5e9, tokens=350e9))
"""What is asked by default: ten times the largest run, and the scale of the reference study."""
