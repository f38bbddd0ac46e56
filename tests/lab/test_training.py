from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from tiny import RECIPE, SIZE, random_model, run  # noqa: E402

from langmix.corpus import Corpus, CorpusConfig, build_corpus, open_corpus  # noqa: E402
from langmix.corpus._megatron import write_token_file  # noqa: E402
from langmix.design import PlannedRun  # noqa: E402
from langmix.errors import InputError  # noqa: E402
from langmix.evaluate import losses  # noqa: E402
from langmix.lab import (  # noqa: E402
    _saved,
)
from langmix.lab._checkpoints import read_checkpoint, write_checkpoint  # noqa: E402
from langmix.lab._data import Sequences, schedule  # noqa: E402
from langmix.lab._model import Model  # noqa: E402
from langmix.lab._optimizer import AdamW  # noqa: E402
from langmix.lab._results import fingerprint, run_row  # noqa: E402
from langmix.lab._saved import Saved  # noqa: E402
from langmix.lab._train import train, train_packed  # noqa: E402


@pytest.mark.parametrize("runs", [1, 3])
def test_the_fused_head_gives_the_loss_and_gradients_of_the_plain_one(runs: int) -> None:
    model = random_model(runs)
    tokens, targets = torch.randint(300, (2, runs, 80, 64))
    fused = model.loss(tokens, targets)
    fused.sum().backward()
    gradients = [w.grad.clone() for w in model.parameters()]
    model.zero_grad()
    logits = model(tokens) @ model.embedding_RVD.mT
    plain = torch.stack(
        [torch.nn.functional.cross_entropy(z, y.flatten()) for z, y in zip(logits, targets, strict=True)]
    )
    plain.sum().backward()
    torch.testing.assert_close(fused, plain, rtol=1e-6, atol=0)
    for ours, weight in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(ours, weight.grad, rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(model.loss(tokens, targets), plain, rtol=1e-6, atol=0)


def test_a_position_does_not_see_what_comes_after_it() -> None:
    model = random_model(sequence=32)
    first, second = torch.randint(300, (2, 1, 1, 32))
    second[..., :20] = first[..., :20]
    torch.testing.assert_close(model(first)[:, :20], model(second)[:, :20])


def test_parameters_are_counted_as_they_are() -> None:
    model = Model(SIZE, 300, 32)
    assert sum(w.numel() for w in model.parameters()) == SIZE.params_total(300)
    assert SIZE.params == SIZE.params_total(300) - 300 * 16


def test_our_adamw_is_that_of_torch_with_clipped_gradients() -> None:
    ours, theirs = random_model(), random_model()
    optimizer = AdamW(ours, beta2=0.95, weight_decay=0.1, clip=0.5)
    groups = [
        {"params": [w for w in theirs.parameters() if (w.dim() == 3) == matrix], "weight_decay": decay}
        for matrix, decay in ((True, 0.1), (False, 0.0))
    ]
    oracle = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95))
    for _ in range(5):
        tokens, targets = torch.randint(300, (2, 1, 4, 64))
        optimizer.step(ours.loss(tokens, targets), torch.tensor([3e-3]))
        oracle.zero_grad()
        theirs.loss(tokens, targets).sum().backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        oracle.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_packed_runs_have_the_losses_that_they_have_alone(corpus: Corpus) -> None:
    """Other data, seeds, shares, caps and rates beside a run change nothing in it, nor does a failed one."""
    budgets = (1280, 2560)
    runs = [
        PlannedRun(run="a", arm="grid", size="tiny", budgets=budgets, shares={"python": 1.0}),
        PlannedRun(
            run="b",
            arm="pair",
            size="tiny",
            budgets=budgets,
            shares={"python": 0.5, "rust": 0.5},
            seed=5,
            unique={"rust": 320},
            learning_rate=1e-2,
        ),
        PlannedRun(
            run="c", arm="grid", size="tiny", budgets=budgets, shares={"rust": 1.0}, learning_rate=1e20
        ),
    ]
    packed = list(train_packed(runs, size=SIZE, corpus=corpus, recipe=RECIPE))
    for k, planned in enumerate(runs[:2]):
        for together, alone in zip(
            packed, train(planned, size=SIZE, corpus=corpus, recipe=RECIPE), strict=True
        ):
            assert together[k].losses == pytest.approx(alone.losses, rel=1e-4)
            assert together[k].distinct == alone.distinct
    assert math.isnan(packed[-1][2].losses["python"])


def test_products_in_bfloat16_lose_little(corpus: Corpus) -> None:
    """Weights and moments stay in float32: training goes on where bfloat16 steps would be rounded away."""
    planned = PlannedRun(run="r", arm="grid", size="tiny", budgets=(12800,), shares={"python": 1.0})
    half = RECIPE.model_copy(update={"precision": "bfloat16"})
    (low,), (full,) = (train(planned, size=SIZE, corpus=corpus, recipe=each) for each in (half, RECIPE))
    assert low.losses != full.losses
    assert low.losses == pytest.approx(full.losses, rel=0.01)


def test_the_precision_is_part_of_a_runs_fingerprint_and_the_older_runs_had_float32(corpus: Corpus) -> None:
    planned = PlannedRun(run="r", arm="grid", size="tiny", budgets=(1280,), shares={"python": 1.0})
    half = RECIPE.model_copy(update={"precision": "bfloat16"})
    marks = [fingerprint(planned, size=SIZE, corpus=corpus, recipe=recipe) for recipe in (RECIPE, half)]
    assert marks[0] != marks[1]
    content = {
        "planned": asdict(planned),
        "size": asdict(SIZE),
        "corpus": {k: v for k, v in corpus.card.model_dump().items() if k != "parallel"},  # came later too
        "recipe": {name: value for name, value in RECIPE.model_dump().items() if name != "precision"},
    }
    assert marks[0] == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_a_checkpoint_has_the_logits_of_hugging_faces_llama(corpus: Corpus, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = random_model()
    write_checkpoint(tmp_path / "m", model, corpus=corpus, shares={"python": 1.0}, tokens=1, seed=0)
    llama = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "m")
    tokens = torch.randint(300, (1, 2, 64))
    with torch.no_grad():
        ours = model(tokens) @ model.embedding_RVD.mT
        theirs = llama(tokens[0]).logits
    torch.testing.assert_close(ours.view_as(theirs), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.01, 0.29, 0.7], [1 / 7] * 7, [0.0, 1.0]])
def test_every_prefix_of_the_schedule_realises_the_shares(shares: list[float]) -> None:
    order = schedule(shares, 4000)
    for index, share in enumerate(shares):
        realised = np.cumsum(order == index)
        due = share * np.arange(1, 4001)
        assert np.abs(realised - due).max() <= 2
    # At 4,000 sequences within 0.1% of tokens.
    counts = np.bincount(order, minlength=len(shares)) / 4000
    assert counts == pytest.approx(shares, abs=1e-3)


def test_data_repeat_only_when_all_have_been_seen(corpus: Corpus) -> None:
    planned = Sequences.of(corpus, shares={"rust": 1.0}, unique={"rust": 640}, count=50, length=32, seed=3)
    epochs = np.split(planned.start, range(20, 50, 20))
    assert planned.distinct == {"rust": 640}
    for epoch in epochs[:2]:
        assert len(set(epoch)) == 20
    assert set(epochs[0]) == set(epochs[1])
    assert list(epochs[0]) != list(epochs[1])


def test_a_smaller_cap_is_a_part_of_a_larger_one(corpus: Corpus) -> None:
    small, large = (
        set(
            Sequences.of(
                corpus, shares={"rust": 1.0}, unique={"rust": cap}, count=40, length=32, seed=3
            ).start
        )
        for cap in (320, 1280)
    )
    assert small < large


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(corpus: Corpus) -> None:
    assert run(corpus) == run(corpus)
    assert run(corpus, seed=1) != run(corpus)


def test_training_learns_the_language_that_it_is_trained_on(corpus: Corpus) -> None:
    first, last = run(corpus, budgets=(128, 12800))
    assert first.losses["python"] == pytest.approx(math.log(300), abs=0.3)
    assert last.losses["python"] < first.losses["python"] - 1.0


def test_a_branch_is_the_run_that_would_have_been_trained_for_its_budget(corpus: Corpus) -> None:
    """Until its cooldown the trunk is that run, to the bit: trunks save tokens and change nothing."""
    budgets = (640, 1280, 2560)
    for k, branch in enumerate(run(corpus, budgets=budgets)):
        assert branch == run(corpus, budgets=budgets[k : k + 1])[0]


def test_a_run_that_diverges_is_recorded_as_such(corpus: Corpus) -> None:
    planned = PlannedRun(run="r", arm="grid", size="tiny", budgets=(1280,), shares={"python": 1.0})
    wild = RECIPE.model_copy(update={"learning_rate": 1e20, "clip": 1e30})
    (checkpoint,) = train(planned, size=SIZE, corpus=corpus, recipe=wild)
    assert math.isnan(checkpoint.losses["python"])


def test_a_checkpoint_reads_back_and_is_measured(corpus: Corpus, tmp_path: Path) -> None:
    model = Model(SIZE, corpus.vocab_size, 32)
    model.initialise([0])
    write_checkpoint(tmp_path, model, corpus=corpus, shares={"python": 1.0}, tokens=0, seed=0)
    again = read_checkpoint(tmp_path, corpus=corpus)
    tokens = torch.randint(300, (1, 1, 32))
    torch.testing.assert_close(again(tokens), model(tokens), rtol=0, atol=0)
    for one in losses(tmp_path, corpus):
        assert one.nats_per_token == pytest.approx(math.log(300), abs=0.2)
        bytes_per_token = corpus.bytes_per_token[one.language]
        assert one.bits_per_byte == pytest.approx(one.nats_per_token / math.log(2) / bytes_per_token)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="are not the weights of"):
        losses(tmp_path, corpus)


class Killed(Exception):
    """Stands for a kill -9 at a step: nothing after it happens."""


@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 9, 11, 15, 20, 22])
def test_a_run_goes_on_from_its_trunk_to_the_same_bits(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed at any of its 22 steps; a trunk is kept at each step here, a minute apart in truth."""
    planned = PlannedRun(
        run="r", arm="grid", size="tiny", budgets=(640, 1280, 2560), shares={"python": 0.4, "rust": 0.6}
    )
    whole = list(train(planned, size=SIZE, corpus=corpus, recipe=RECIPE))
    monkeypatch.setattr(_saved, "_EVERY", 0.0)
    steps = 0

    def count(tokens: int) -> None:
        nonlocal steps
        steps += tokens // RECIPE.batch_tokens
        if steps == step:
            raise Killed

    saved = Saved(path=tmp_path / "trunk", mark="this run")
    with pytest.raises(Killed):
        list(train(planned, size=SIZE, corpus=corpus, recipe=RECIPE, saved=saved, advance=count))
    told: list[int] = []
    again = list(train(planned, size=SIZE, corpus=corpus, recipe=RECIPE, saved=saved, advance=told.append))
    assert again == whole
    assert sum(told) == 22 * RECIPE.batch_tokens
    assert (told[0] > 0) == (step > 1)
    other = Saved(path=tmp_path / "trunk", mark="another run")
    assert list(train(planned, size=SIZE, corpus=corpus, recipe=RECIPE, saved=other)) == whole


def test_what_is_realised_is_what_was_asked_to_a_thousandth() -> None:
    """From 4,000 sequences on, whatever the shares."""

    class Tokens:
        def train(self, language: str) -> np.ndarray:
            return np.zeros(1000, np.uint16)

        def counted(self, language: str) -> None:
            return None

    rng = np.random.default_rng(0)
    names = ("python", "java", "javascript", "typescript", "csharp", "go", "rust")
    for k in range(20):
        shares = dict(zip(names, rng.dirichlet(np.full(7, 0.5)).tolist(), strict=True))
        if k % 2:  # a language that is left out
            shares = {
                "python": 0.0,
                **{n: s / (1 - shares["python"]) for n, s in shares.items() if n != "python"},
            }
        planned = Sequences.of(
            Tokens(),  # type: ignore[arg-type]
            shares=shares,
            unique={},
            count=9000,
            length=8,
            seed=k,
        )
        for count in (4000, 4001, 6543, 9000):
            realised = planned.realised(count)
            assert realised == pytest.approx({n: s for n, s in shares.items() if s}, abs=1e-3)
            assert sum(realised.values()) == pytest.approx(1)


def test_a_corpus_of_token_files_is_trained_on_and_bits_per_byte_are_unknown(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        listed = [np.append(rng.integers(1, 300, 40), 0) for _ in range(100)]
        write_token_file(tmp_path / name, listed, np.dtype(np.uint16))
    source = {
        "kind": "tokens",
        "languages": {"cobol": [str(tmp_path / "a"), str(tmp_path / "b")]},
        "vocab_size": 300,
        "end_of_document": 0,
        "validation_tokens": 200,
    }
    corpus = build_corpus(CorpusConfig.model_validate({"sources": [source]}), tmp_path / "corpus")
    planned = PlannedRun(run="r", arm="grid", size="tiny", budgets=(1280,), shares={"cobol": 1.0})
    kept: list[Model] = []
    (checkpoint,) = train(
        planned, size=SIZE, corpus=corpus, recipe=RECIPE, keep=lambda budget, model: kept.append(model)
    )
    assert 0 < checkpoint.losses["cobol"] < 10
    row = run_row(
        planned,
        size=SIZE,
        corpus=corpus,
        checkpoint=checkpoint,
    )
    assert not [column for column in row if column.startswith("bytes_per_token")]
    write_checkpoint(tmp_path / "model", kept[0], corpus=corpus, shares={"cobol": 1.0}, tokens=1280, seed=0)
    (found,) = losses(tmp_path / "model", corpus, tokens=RECIPE.evaluation_tokens)
    assert found.nats_per_token == pytest.approx(checkpoint.losses["cobol"], rel=1e-5)
    assert math.isnan(found.bits_per_byte)


def test_a_corpus_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corpus\.json: there is no such file.*`langmix corpus`"):
        open_corpus(tmp_path)
    (tmp_path / "corpus.json").write_text(json.dumps({"kind": "corpus", "schema_version": 9}))
    with pytest.raises(InputError, match="schema version 9 is newer"):
        open_corpus(tmp_path)


def test_budgets_are_measured_in_order(corpus: Corpus) -> None:
    tokens = [checkpoint.tokens for checkpoint in run(corpus, budgets=(640, 1280, 2560))]
    assert all(a < b for a, b in pairwise(tokens))
