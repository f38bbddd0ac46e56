"""One run on two processes: gloo on the CPU, which is what a machine without GPUs can tell about FSDP2."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tiny import RECIPE, SIZE  # noqa: E402

from langmix.corpus import Corpus  # noqa: E402
from langmix.design import PlannedRun  # noqa: E402
from langmix.errors import InputError, WorkerLostError  # noqa: E402
from langmix.lab import ModelSize, Recipe  # noqa: E402
from langmix.lab._checkpoints import read_checkpoint  # noqa: E402
from langmix.lab._sharded import train_sharded  # noqa: E402
from langmix.lab._train import train  # noqa: E402
from langmix.lab._windows import mean_loss, windows  # noqa: E402

PLANNED = PlannedRun(
    run="r",
    arm="pair",
    size="tiny",
    budgets=(128, 1280, 2560),  # the first branch leaves at step 0, where there are no moments yet
    shares={"python": 0.5, "rust": 0.5},
    seed=3,
    learning_rate=1e-2,
)


@pytest.mark.slow
def test_a_sharded_run_has_the_losses_that_it_has_on_one_process(corpus: Corpus, tmp_path: Path) -> None:
    """Clipping, warmup, branches, decay and the parts of a batch: each would show here."""
    steps: list[int] = []
    sharded = list(
        train_sharded(
            PLANNED, size=SIZE, corpus=corpus, recipe=RECIPE, ranks=2, advance=steps.append, keep=tmp_path
        )
    )
    alone = list(train(PLANNED, size=SIZE, corpus=corpus, recipe=RECIPE))
    for ours, theirs in zip(sharded, alone, strict=True):
        assert ours.losses == pytest.approx(theirs.losses, rel=1e-4)
        assert (ours.tokens, ours.step, ours.distinct) == (theirs.tokens, theirs.step, theirs.distinct)
    assert (
        alone[-1].losses["python"] < alone[0].losses["python"] - 0.1
    )  # it has learnt: not equal by idleness
    assert set(steps) == {RECIPE.batch_tokens}
    model = read_checkpoint(tmp_path / "2560", corpus=corpus)
    text = windows(corpus.validation("rust"), RECIPE.evaluation_tokens, RECIPE.sequence)
    assert mean_loss(model, text)[0] == pytest.approx(sharded[-1].losses["rust"], rel=1e-6)


@pytest.mark.slow
def test_a_lost_process_is_told_and_leaves_none_behind(corpus: Corpus) -> None:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("needs /proc to find the processes")
    before = set(children.read_text().split())

    def ranks() -> list[str]:
        found = set(children.read_text().split()) - before
        return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    long = PlannedRun(run="long", arm="grid", size="tiny", budgets=(10_000_000,), shares={"rust": 1.0})
    killed: list[int] = []

    def kill(tokens: int) -> None:
        if not killed:
            killed.append(int(ranks()[0]))
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(WorkerLostError, match="run 'long': a process of its 2 was lost"):
        list(train_sharded(long, size=SIZE, corpus=corpus, recipe=RECIPE, ranks=2, advance=kill))
    assert ranks() == []


@pytest.mark.parametrize(
    ("size", "recipe", "told"),
    [
        (SIZE, RECIPE.model_copy(update={"batch": 3}), "batch of the recipe is 3"),
        (
            ModelSize(name="odd", d_model=18, n_layers=1, n_heads=1, d_ff=30),
            RECIPE,
            "d_model of size 'odd' is 18",
        ),
    ],
)
def test_what_cannot_be_shared_in_equal_parts_is_named(
    corpus: Corpus, size: ModelSize, recipe: Recipe, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        next(train_sharded(PLANNED, size=size, corpus=corpus, recipe=recipe, ranks=4))


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2])
def test_masked_tokens_weigh_the_same_on_all_ranks(tmp_path: Path, ranks: int) -> None:
    """Ranks have unequal numbers of tokens that count; a step is that of one process all the same."""
    pytest.importorskip("rensa")
    from test_parallel import config, items, planned

    from langmix.corpus.pairing import build_parallel_corpus, write_items

    write_items(tmp_path / "items.jsonl", items(40))
    corpus = build_parallel_corpus(config(tmp_path, counted="target"), tmp_path / "corpus")
    recipe = Recipe(sequence=96, batch=4, warmup_steps=2)
    run = planned("paired", learning_rate=1e-2)
    sharded = list(train_sharded(run, size=SIZE, corpus=corpus, recipe=recipe, ranks=ranks))
    alone = list(train(run, size=SIZE, corpus=corpus, recipe=recipe))
    for ours, theirs in zip(sharded, alone, strict=True):
        assert ours.losses == pytest.approx(theirs.losses, rel=1e-4)
    assert alone[-1].losses["go"] < alone[0].losses["go"] - 0.1
