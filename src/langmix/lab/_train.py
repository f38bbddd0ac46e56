"""Train one run: a trunk at a constant learning rate, and a cooldown branch for each token budget.

- Warmup-stable-decay (arXiv 2405.18392): the trunk never cools down, so one trunk serves all budgets.
- A branch copies weights and optimiser at (1 - c) D tokens, continues the trunk's data, and lets the learning
  rate fall linearly to 0 over the last c D.
- Every validation set is measured at every checkpoint, in nats per token.
- The same seed gives the same bits on the same device and number of threads.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from langmix.corpus import Corpus
from langmix.design import COOLDOWN, PlannedRun
from langmix.lab._data import Sequences
from langmix.lab._model import Model
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import ModelSize


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What was measured at the end of one cooldown branch.

    Attributes:
        tokens: trained on.
        step: optimiser steps.
        losses: nats per token of each language's validation text; NaN where training diverged.
        distinct: distinct training tokens at the run's disposal, per language of its mixture.
    """

    tokens: int
    step: int
    losses: dict[str, float]
    distinct: dict[str, int]


def train(
    planned: PlannedRun,
    *,
    size: ModelSize,
    corpus: Corpus,
    recipe: Recipe,
    advance: Callable[[int], None] = lambda tokens: None,
    keep: Callable[[int, Model], None] = lambda tokens, model: None,
) -> Iterator[Checkpoint]:
    """Train a planned run; yields a checkpoint per budget, ascending.

    Args:
        planned: shares, budgets, seed, caps on distinct tokens.
        size: of the model.
        corpus: token shards.
        recipe: hyperparameters; a budget is rounded to whole steps.
        advance: told the tokens of every step, for progress.
        keep: given each budget and its model, to save it.
    """
    torch.manual_seed(planned.seed)
    model = Model(size, corpus.vocab_size, recipe.sequence)
    optimizer = _optimizer(model, recipe)
    steps = [recipe.steps(budget) for budget in planned.budgets]
    sequences = Sequences.of(
        corpus,
        shares=planned.shares,
        unique=planned.unique,
        count=steps[-1] * recipe.batch,
        length=recipe.sequence,
        seed=planned.seed,
    )
    validation = {
        name: windows(corpus.validation(name), recipe.evaluation_tokens, recipe.sequence)
        for name in corpus.languages
    }
    peak = recipe.peak(size.params)

    def run(model: Model, optimizer: torch.optim.Optimizer, first: int, last: int, *, cool: bool) -> None:
        for step in range(first, last):
            rate = peak * ((last - step) / (last - first) if cool else 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / max(1, recipe.warmup_steps))
            batch = torch.from_numpy(sequences.batch(step * recipe.batch, recipe.batch))
            loss = model.loss(batch[:, :-1], batch[:, 1:])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            advance(recipe.batch_tokens)

    done = 0
    for budget, last in zip(planned.budgets, steps, strict=True):
        start = max(done, last - max(1, round(COOLDOWN * last)))
        run(model, optimizer, done, start, cool=False)
        done = start
        branch, branch_optimizer = _fork(model, optimizer, recipe)
        run(branch, branch_optimizer, start, last, cool=True)
        keep(budget, branch)
        yield Checkpoint(
            tokens=last * recipe.batch_tokens,
            step=last,
            losses={name: mean_loss(branch, windows) for name, windows in validation.items()},
            distinct=dict(sequences.distinct),
        )


def mean_loss(model: Model, windows_NT: Tensor) -> float:
    """Mean nats per token over validation windows, shape (N, T + 1); NaN for a diverged model."""
    with torch.no_grad():
        losses = [
            float(model.loss(part[:, :-1], part[:, 1:])) * len(part) for part in torch.split(windows_NT, 16)
        ]
    return math.fsum(losses) / len(windows_NT) if all(map(math.isfinite, losses)) else math.nan


def windows(tokens: NDArray[np.unsignedinteger], most: int, sequence: int) -> Tensor:
    """The first windows of a validation stream that hold at most ``most`` tokens, shape (N, T + 1)."""
    count = max(1, min(most, len(tokens) - 1) // sequence)
    starts = np.arange(count)[:, None] * sequence + np.arange(sequence + 1)
    return torch.from_numpy(np.asarray(tokens)[starts].astype(np.int64))


def _optimizer(model: Model, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices alone."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    gains = [weight for weight in model.parameters() if weight.dim() < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": gains, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
        fused=True,
    )


def _fork(model: Model, optimizer: torch.optim.Optimizer, recipe: Recipe) -> tuple[Model, torch.optim.AdamW]:
    branch = copy.deepcopy(model)
    branch_optimizer = _optimizer(branch, recipe)
    branch_optimizer.load_state_dict(optimizer.state_dict())
    return branch, branch_optimizer
