"""Train one run on several processes of one machine, its model sharded over them: larger than a GPU.

- FSDP2 (`torch.distributed.fsdp.fully_shard`): weights, gradients and moments lie in equal parts on the
  ranks; a block's weights are whole on a rank only while it computes. Activations are not sharded.
- Data parallel: a rank takes an equal part of each step's sequences, so a step is the recipe's.
- The same mathematics as `train_packed` for one run, by torch's AdamW: ours keeps a run's weights in one row,
  and these are DTensors. Sums are formed in another order: losses agree to rounding, not to the bit.
- The trunk waits in host memory while its branch cools down, so that a GPU holds one model.

Limits: one machine (no ranks on other nodes), no torch.compile, no packing; a run that is killed starts
over. Every rank holds the whole model in host memory while it starts, and measures all validation
text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, start_processes

from langmix.corpus import Corpus, open_corpus
from langmix.design import COOLDOWN, PlannedRun
from langmix.errors import InputError, WorkerLostError
from langmix.lab._checkpoints import write_checkpoint
from langmix.lab._model import Model
from langmix.lab._optimizer import BETA1
from langmix.lab._recipe import Recipe
from langmix.lab._results import Checkpoint
from langmix.lab._sizes import ModelSize
from langmix.lab._train import (
    branch_start,
    checkpoint,
    planned_sequences,
    precision,
    rate_at,
)
from langmix.lab._windows import mean_loss, validation_sets

_SILENCE: Final = timedelta(minutes=10)  # of a rank that others wait for: they give up


def train_sharded(
    planned: PlannedRun,
    *,
    size: ModelSize,
    corpus: Corpus,
    recipe: Recipe,
    ranks: int,
    device: str = "cpu",
    cooldown: float = COOLDOWN,
    advance: Callable[[int], None] = lambda tokens: None,
    keep: Path | None = None,
) -> Iterator[Checkpoint]:
    """Train a planned run on ``ranks`` new processes; yields a checkpoint per budget, ascending.

    Args:
        planned: the run.
        size: of the model; its widths and the vocabulary are multiples of ``ranks``.
        corpus: token shards, in a folder.
        recipe: hyperparameters; its batch is a multiple of ``ranks``.
        ranks: processes; on GPUs one each.
        device: ``cpu`` (gloo) or ``cuda`` (NCCL).
        cooldown: part of a budget over which its learning rate falls.
        advance: told the tokens of every step.
        keep: folder for the models, one Llama folder per budget, named by its tokens.

    Raises:
        InputError: something is not a multiple of ``ranks``.
        WorkerLostError: a process died.
    """
    _check(size, corpus, recipe, ranks)
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    with TemporaryDirectory() as folder:
        order = _Order(
            planned=planned,
            size=size,
            folder=corpus.folder,
            recipe=recipe,
            ranks=ranks,
            device=device,
            threads=torch.get_num_threads(),
            meeting=f"file://{folder}/ranks",
            cooldown=cooldown,
            keep=keep,
        )
        processes = start_processes(  # type: ignore[no-untyped-call]
            _rank,
            args=(order, sender),
            nprocs=ranks,
            join=False,
            start_method="spawn",
        )
        sender.close()
        try:
            for message in _messages(receiver, processes):
                if isinstance(message, Checkpoint):
                    yield message
                else:
                    advance(message)
        except ProcessExitedException as error:
            raise WorkerLostError(
                f"run {planned.run!r}: a process of its {ranks} was lost ({error}); most often memory ran out"
            ) from None
        except ProcessRaisedException as error:
            told = str(error)
            if "OutOfMemoryError" in told:
                raise InputError(
                    f"run {planned.run!r}: size {size.name!r} does not fit into the memory of {ranks} GPUs; "
                    "give it more (--gpus-per-run), or lower recipe.batch"
                ) from None
            if "Connection closed by peer" in told or "Connection reset" in told:  # before its end was seen
                raise WorkerLostError(f"run {planned.run!r}: a process of its {ranks} was lost") from None
            raise
        finally:
            for process in processes.processes:
                process.kill()
                process.join()


def _messages(receiver: Connection, processes: Any) -> Iterator[Any]:
    """What rank 0 sends; ends when all ranks have."""
    while not processes.join(timeout=0):  # raises what a rank raised, or that one died
        if receiver.poll(0.2):
            try:
                yield receiver.recv()
            except EOFError:
                processes.join()
                return
    while receiver.poll():
        try:
            yield receiver.recv()
        except EOFError:
            return


def _check(size: ModelSize, corpus: Corpus, recipe: Recipe, ranks: int) -> None:
    parts = {
        f"d_model of size {size.name!r}": size.d_model,
        f"twice d_ff of size {size.name!r}": 2 * size.d_ff,
        "the vocabulary of the corpus": corpus.vocab_size,
        "batch of the recipe": recipe.batch,
    }
    for name, count in parts.items():
        if count % ranks:
            raise InputError(
                f"{name} is {count}, which {ranks} processes cannot share in equal parts; expected a "
                f"multiple of {ranks}, or train with another number of GPUs per run"
            )


class Loss(nn.Module):
    """A model's loss as one forward pass: FSDP makes weights whole in there, and the head needs them too.

    It has what `mean_loss` asks of a model.
    """

    runs = 1

    def __init__(self, model: Model, ranks: int, device: str) -> None:
        super().__init__()
        self.model = model
        mesh = init_device_mesh(device, (ranks,))
        for module in (*model.blocks, self):
            # The run dimension has one entry: the next one is shared out.
            fully_shard(
                module, mesh=mesh, reshard_after_forward=True, shard_placement_fn=lambda weight: Shard(1)
            )

    def forward(self, tokens_RBT: Tensor, targets_RBT: Tensor, counted_RBT: Tensor | None) -> Tensor:
        """Mean nats per token, shape (1,)."""
        return self.model.loss(tokens_RBT, targets_RBT, counted_RBT)

    def loss(self, tokens_RBT: Tensor, targets_RBT: Tensor, counted_RBT: Tensor | None = None) -> Tensor:
        """The same."""
        loss_R: Tensor = self(tokens_RBT, targets_RBT, counted_RBT)
        return loss_R


class _Trunk:
    """Weights and moments of this rank, in host memory."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.kept = [
            (weight, _kept(weight), {name: _kept(value) for name, value in optimizer.state[weight].items()})
            for weight in model.parameters()
        ]

    @torch.no_grad()
    def restore(self) -> None:
        for weight, kept, moments in self.kept:
            _here(weight).copy_(kept)
            state = self.optimizer.state[weight]
            for name, value in moments.items():
                _here(state[name]).copy_(value)
            if not moments:  # the branch left at the first step
                state.clear()


def _here(tensor: Tensor) -> Tensor:
    """This rank's part of a DTensor; any other tensor as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _kept(tensor: Tensor) -> Tensor:
    return _here(tensor).detach().to("cpu", copy=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What the ranks are told; see `train_sharded`.

    Attributes:
        threads: per rank.
        meeting: where they find each other.
    """

    planned: PlannedRun
    size: ModelSize
    folder: Path
    recipe: Recipe
    ranks: int
    device: str
    threads: int
    meeting: str
    cooldown: float
    keep: Path | None


def _rank(rank: int, order: _Order, sender: Connection) -> None:
    torch.set_num_threads(order.threads)
    if order.device == "cuda":
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        "nccl" if order.device == "cuda" else "gloo",
        init_method=order.meeting,
        rank=rank,
        world_size=order.ranks,
        timeout=_SILENCE,
    )
    try:
        _train(rank, order, sender if rank == 0 else None)
    finally:
        distributed.destroy_process_group()


def _train(rank: int, order: _Order, sender: Connection | None) -> None:
    """What one rank does; the first tells the parent of every step and checkpoint."""
    planned, size, recipe, device = order.planned, order.size, order.recipe, order.device
    corpus = open_corpus(order.folder)
    steps = [recipe.steps(budget) for budget in planned.budgets]
    sequences = planned_sequences(planned, corpus=corpus, recipe=recipe, steps=steps[-1])
    (validation,) = validation_sets(corpus, [planned.shares], recipe=recipe, device=device)
    model = Model(size, corpus.vocab_size, recipe.sequence)
    model.initialise([planned.seed])
    loss = Loss(model, order.ranks, device)
    optimizer = torch.optim.AdamW(
        [
            {"params": [w for w in loss.parameters() if (w.dim() == 3) == matrix], "weight_decay": decay}
            for matrix, decay in ((True, recipe.weight_decay), (False, 0.0))
        ],
        betas=(BETA1, recipe.beta2),
    )
    peak = planned.learning_rate or recipe.peak(size.params)
    mine = recipe.batch // order.ranks

    def run(first: int, last: int, *, cool: bool) -> None:
        for step in range(first, last):
            place = step * recipe.batch + rank * mine, mine
            batch_RBT = torch.from_numpy(sequences.batch(*place))[None].to(device)
            counts = sequences.counts(*place)
            counted_RBT = None if counts is None else torch.from_numpy(counts)[None].to(device)
            # Of a step's tokens that count, each weighs the same, on whichever rank it is.
            whole = sequences.counts(step * recipe.batch, recipe.batch)
            weight = (
                1.0 if counts is None or whole is None else order.ranks * counts.sum() / max(1, whole.sum())
            )
            with precision(recipe, device):
                loss_R = loss.loss(batch_RBT[..., :-1], batch_RBT[..., 1:], counted_RBT)
            # FSDP takes the mean of the ranks' gradients: that of the whole batch.
            (weight * loss_R.sum()).backward()
            nn.utils.clip_grad_norm_(loss.parameters(), recipe.clip)
            for group in optimizer.param_groups:
                group["lr"] = peak * rate_at(step, first, last, cool=cool, recipe=recipe)
            optimizer.step()
            optimizer.zero_grad()
            if sender:
                sender.send(recipe.batch_tokens)

    done = 0
    for budget, last in zip(planned.budgets, steps, strict=True):
        start = branch_start(done, last, order.cooldown)
        run(done, start, cool=False)
        done = start
        trunk = _Trunk(loss, optimizer) if last < steps[-1] else None
        run(start, last, cool=True)
        with precision(recipe, device):
            losses = {name: mean_loss(loss, each)[0] for name, each in validation.items()}
        if order.keep is not None:
            _keep(model, order.keep / str(budget), order, corpus=corpus, tokens=budget)
        if sender:
            sender.send(checkpoint(sequences, last, recipe, losses))
        if trunk is not None:
            trunk.restore()


def _keep(model: Model, folder: Path, order: _Order, *, corpus: Corpus, tokens: int) -> None:
    """Gather the model on the first rank, which writes it."""
    gathered = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(model, options=gathered)
    if distributed.get_rank() > 0:
        return
    whole = Model(order.size, corpus.vocab_size, order.recipe.sequence)
    whole.load_state_dict(weights)
    planned = order.planned
    write_checkpoint(
        folder, whole, corpus=corpus, shares=dict(planned.shares), tokens=tokens, seed=planned.seed
    )
