"""Train runs of one shape: a trunk at a constant learning rate, and a cooldown branch for each token budget.

- Warmup-stable-decay (arXiv 2405.18392): the trunk never cools down, so one trunk serves all budgets.
- A branch copies weights and optimiser at (1 - c) D tokens, continues the trunk's data, and lets the learning
  rate fall linearly to 0 over the last c D.
- Runs of one shape and the same budgets may train packed, as one program; each has the loss that it has
  alone.
- Every validation set is measured at every checkpoint, in nats per token.
- The same seed gives the same bits on the same device and number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache

import numpy as np
import torch
from torch import Tensor

from langmix.corpus import Corpus
from langmix.design import COOLDOWN, PlannedRun
from langmix.lab._data import Sequences
from langmix.lab._model import Model
from langmix.lab._optimizer import AdamW
from langmix.lab._recipe import Recipe
from langmix.lab._results import Checkpoint
from langmix.lab._saved import Saved
from langmix.lab._sizes import ModelSize
from langmix.lab._windows import Measured, Windows, mean_loss, validation_sets


def train(
    planned: PlannedRun,
    *,
    size: ModelSize,
    corpus: Corpus,
    recipe: Recipe,
    device: str = "cpu",
    compiled: bool = False,
    saved: Saved | None = None,
    advance: Callable[[int], None] = lambda tokens: None,
    keep: Callable[[int, Model], None] = lambda tokens, model: None,
) -> Iterator[Checkpoint]:
    """Train one planned run; yields a checkpoint per budget, ascending. See `train_packed`."""
    for checkpoints in train_packed(
        [planned],
        size=size,
        corpus=corpus,
        recipe=recipe,
        device=device,
        compiled=compiled,
        saved=saved,
        advance=advance,
        keep=keep,
    ):
        yield checkpoints[0]


def train_packed(
    planned: Sequence[PlannedRun],
    *,
    size: ModelSize,
    corpus: Corpus,
    recipe: Recipe,
    device: str = "cpu",
    compiled: bool = False,
    cooldown: float = COOLDOWN,
    saved: Saved | None = None,
    advance: Callable[[int], None] = lambda tokens: None,
    keep: Callable[[int, Model], None] = lambda tokens, model: None,
) -> Iterator[list[Checkpoint]]:
    """Train planned runs as one program; yields the checkpoints of a budget, in the order of the runs.

    Args:
        planned: runs of the same budgets; shares, seeds, caps on distinct tokens and learning rates may
            differ.
        size: of all models.
        corpus: token shards.
        recipe: hyperparameters; a budget is rounded to whole steps.
        device: of torch.
        compiled: translate the forward and backward pass into one program first (torch.compile): seconds to
            half a minute per shape, which later runs on this machine find in its cache.
        cooldown: part of a budget over which its learning rate falls.
        saved: where the trunk is kept as it goes, and gone on from if there is one of these runs.
        advance: told the tokens of every step of one run, for progress; those of a saved trunk at once.
        keep: given each budget and its models, to save them; not those of checkpoints that were saved.
    """
    budgets = planned[0].budgets
    assert all(run.budgets == budgets for run in planned)
    steps = [recipe.steps(budget) for budget in budgets]
    sequences = [planned_sequences(run, corpus=corpus, recipe=recipe, steps=steps[-1]) for run in planned]
    validation = validation_sets(corpus, [run.shares for run in planned], recipe=recipe, device=device)
    peak_R = torch.tensor([run.learning_rate or recipe.peak(size.params) for run in planned], device=device)

    def fresh() -> tuple[Model, AdamW]:
        model = Model(size, corpus.vocab_size, recipe.sequence, len(planned)).to(device)
        optimizer = AdamW(model, beta2=recipe.beta2, weight_decay=recipe.weight_decay, clip=recipe.clip)
        return model, optimizer

    def run(model: Model, optimizer: AdamW, first: int, last: int, *, cool: bool) -> None:
        for step in range(first, last):
            rate = rate_at(step, first, last, cool=cool, recipe=recipe)
            place = step * recipe.batch, recipe.batch
            batch_RBT = torch.from_numpy(np.stack([each.batch(*place) for each in sequences])).to(device)
            counts = [counts for each in sequences if (counts := each.counts(*place)) is not None]
            counted_RBT = torch.from_numpy(np.stack(counts)).to(device) if counts else None
            with precision(recipe, device):
                hidden_RND = forward(model, batch_RBT[..., :-1].contiguous())
                loss_R = model.head(hidden_RND, batch_RBT[..., 1:], counted_RBT)
            optimizer.step(loss_R, peak_R * rate)
            advance(recipe.batch_tokens)
            if saved and not cool and saved.due:
                saved.write(optimizer, step + 1, measured)

    forward = compiled_forward() if compiled else Model.forward
    trunk, branch = fresh(), fresh()
    trunk[0].initialise([run.seed for run in planned])
    done, measured = saved.read(trunk[1]) if saved else (0, [])
    branched = sum(last - branch_start(0, last, cooldown) for last in steps[: len(measured)])
    advance((done + branched) * recipe.batch_tokens)
    yield from measured
    for budget, last in list(zip(budgets, steps, strict=True))[len(measured) :]:
        start = branch_start(done, last, cooldown)
        run(*trunk, done, start, cool=False)
        done = start
        branch[1].copy_from(trunk[1])
        run(*branch, start, last, cool=True)
        keep(budget, branch[0])
        with precision(recipe, device):
            losses = measure(branch[0], validation)
        measured.append([checkpoint(sequences[k], last, recipe, losses[k]) for k in range(len(planned))])
        if saved and last < steps[-1]:
            saved.write(trunk[1], done, measured)
        yield measured[-1]


def measure(model: Measured, validation: Sequence[Mapping[str, Windows]]) -> list[dict[str, float]]:
    """The losses of each run on its validation sets; runs that read the same ones are measured together."""
    read: dict[int, dict[str, list[float]]] = {}
    for sets in validation:
        if id(sets) not in read:
            read[id(sets)] = {name: mean_loss(model, windows) for name, windows in sets.items()}
    return [
        {name: values[run] for name, values in read[id(sets)].items()} for run, sets in enumerate(validation)
    ]


def checkpoint(sequences: Sequences, step: int, recipe: Recipe, losses: dict[str, float]) -> Checkpoint:
    """What a run of these sequences came to at a step."""
    return Checkpoint(
        tokens=step * recipe.batch_tokens,
        step=step,
        losses=losses,
        shares=sequences.realised(step * recipe.batch),
        distinct=dict(sequences.distinct),
    )


def precision(recipe: Recipe, device: str) -> AbstractContextManager[None]:
    """Products of matrices in the recipe's precision."""
    return torch.autocast(
        torch.device(device).type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"
    )


def planned_sequences(planned: PlannedRun, *, corpus: Corpus, recipe: Recipe, steps: int) -> Sequences:
    """The training sequences of a run of so many steps."""
    return Sequences.of(
        corpus,
        shares=planned.shares,
        unique=planned.unique,
        count=steps * recipe.batch,
        length=recipe.sequence,
        seed=planned.seed,
    )


def branch_start(done: int, last: int, cooldown: float) -> int:
    """The step at which the branch that ends at step ``last`` leaves a trunk of ``done`` steps or more."""
    return max(done, last - max(1, round(cooldown * last)))


def rate_at(step: int, first: int, last: int, *, cool: bool, recipe: Recipe) -> float:
    """Part of the peak learning rate at a step of a trunk, or of a branch from ``first`` to ``last``."""
    rate = (last - step) / (last - first) if cool else 1.0
    return rate * min(1.0, (step + 1) / max(1, recipe.warmup_steps))


@cache
def compiled_forward() -> Callable[[Model, Tensor], Tensor]:
    """`Model.forward`, compiled for each shape that it meets; models of one shape share a program."""
    torch._dynamo.config.recompile_limit = 256  # shapes of a sweep, not a function that never settles
    compiled: Callable[[Model, Tensor], Tensor] = torch.compile(Model.forward, dynamic=False)
    return compiled
