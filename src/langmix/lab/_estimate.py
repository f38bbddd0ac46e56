"""What a plan costs, told before it starts: tokens, FLOPs, and the time that this machine takes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from langmix.design import PlannedRun, separate_tokens
from langmix.errors import MissingExtraError
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import ModelSize

_MEASURED: Final = 1.0  # seconds per size
_STEP: Final = 2e11  # FLOPs of a step that is timed


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The cost of a plan.

    Attributes:
        runs, checkpoints: how many.
        tokens: trained on, cooldown branches included.
        separate_tokens: that the same checkpoints would take as runs of their own.
        flops: of training.
        seconds: on this machine; evaluations included. NaN where nothing was measured.
    """

    runs: int
    checkpoints: int
    tokens: int
    separate_tokens: int
    flops: float
    seconds: float


def price(planned: PlannedRun, *, size: ModelSize, vocab_size: int, recipe: Recipe) -> float:
    """FLOPs of a run with its cooldown branches; its evaluations, forward only, are not counted."""
    return planned.trained_tokens * size.flops_per_token(vocab_size, recipe.sequence)


def estimate(
    runs: Sequence[PlannedRun],
    *,
    sizes: Mapping[str, ModelSize],
    vocab_size: int,
    evaluation_tokens: int,
    recipe: Recipe,
    speeds: Mapping[str, float] | None = None,
    workers: int = 1,
) -> Estimate:
    """Add up a plan.

    Args:
        runs: the plan, or what is left of it.
        sizes: models by name.
        vocab_size: of the corpus.
        evaluation_tokens: that each checkpoint reads.
        recipe: hyperparameters.
        speeds: FLOP/s of one worker by size, from `speeds`; without them no time is told.
        workers: that train at once.
    """
    flops = seconds = 0.0
    for run in runs:
        size = sizes[run.size]
        training = price(run, size=size, vocab_size=vocab_size, recipe=recipe)
        # A forward pass is a third of a step.
        evaluated = len(run.budgets) * evaluation_tokens
        evaluating = evaluated * size.flops_per_token(vocab_size, recipe.sequence) / 3
        flops += training
        seconds += (training + evaluating) / speeds[run.size] if speeds else float("nan")
    return Estimate(
        runs=len(runs),
        checkpoints=sum(len(run.budgets) for run in runs),
        tokens=sum(run.trained_tokens for run in runs),
        separate_tokens=separate_tokens(runs),
        flops=flops,
        seconds=seconds / workers,
    )


def speeds(sizes: Iterable[ModelSize], *, vocab_size: int, recipe: Recipe) -> dict[str, float]:
    """FLOP/s at which one thread trains each size, by name; a second each, in a process of its own.

    Runs that are long enough to be compiled are faster than that.

    Raises:
        MissingExtraError: torch is not installed.
    """
    check_torch()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return {
            size.name: pool.submit(_speed, size, vocab_size=vocab_size, recipe=recipe).result()
            for size in sizes
        }


def check_torch() -> None:
    """Refuse to train without torch.

    Raises:
        MissingExtraError: it is not installed.
    """
    for module in ("torch", "safetensors"):
        if find_spec(module) is None:
            raise MissingExtraError(extra="lab", module=module, purpose="training")


def _speed(size: ModelSize, *, vocab_size: int, recipe: Recipe) -> float:
    import torch

    from langmix.lab._model import Model
    from langmix.lab._optimizer import AdamW

    torch.set_num_threads(1)
    model = Model(size, vocab_size, recipe.sequence)
    model.initialise([0])
    optimizer = AdamW(model, beta2=recipe.beta2, weight_decay=recipe.weight_decay, clip=recipe.clip)
    sequences = _timed_sequences(size, vocab_size=vocab_size, recipe=recipe)
    batch_RBT = torch.randint(vocab_size, (1, sequences, recipe.sequence + 1))
    rate_R = torch.tensor([recipe.peak(size.params)])

    def step() -> None:
        optimizer.step(model.loss(batch_RBT[..., :-1], batch_RBT[..., 1:]), rate_R)

    step()  # the first one allocates
    steps, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < _MEASURED or not steps:
        step()
        steps += 1
    done = steps * sequences * recipe.sequence
    return done * size.flops_per_token(vocab_size, recipe.sequence) / passed


def _timed_sequences(size: ModelSize, *, vocab_size: int, recipe: Recipe) -> int:
    """Of a step that is timed: some seconds' worth at most, which is as fast per token as the whole batch."""
    per_sequence = size.flops_per_token(vocab_size, recipe.sequence) * recipe.sequence
    return max(1, min(recipe.batch, int(_STEP // per_sequence)))
