"""Training on parallel texts: whole sequences, masks, and losses of directions."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("rensa")

from code_samples import write_code  # noqa: E402
from tiny import SIZE, random_model  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from langmix.corpus import Corpus, CorpusConfig, build_corpus, open_corpus, source_of  # noqa: E402
from langmix.corpus.pairing import (  # noqa: E402
    Item,
    ParallelConfig,
    build_parallel_corpus,
    held_out,
    read_as,
    write_items,
)
from langmix.design import PlannedRun  # noqa: E402
from langmix.errors import InputError  # noqa: E402
from langmix.lab import Local, Recipe, check_data, sweep  # noqa: E402
from langmix.lab._data import Sequences  # noqa: E402
from langmix.lab._train import train, train_packed  # noqa: E402
from langmix.lab._windows import mean_loss, validation_sets  # noqa: E402

LANGUAGES = ["python", "java", "go"]
DOMAINS = ["shuffled", "paired", "paired-prompt"]
RECIPE = Recipe(sequence=96, batch=4, warmup_steps=2)


def words(seed: int, count: int = 8) -> str:
    drawn = random.Random(seed)
    return " ".join("".join(drawn.choices("abcdefgh", k=4)) for _ in range(count))


def items(count: int) -> list[Item]:
    return [Item(f"i{k}", {name: f"{name} {words(k)}" for name in LANGUAGES}) for k in range(count)]


def config(folder: Path, **changes: object) -> ParallelConfig:
    return ParallelConfig.model_validate(
        {
            "kind": "parallel",
            "items": str(folder / "items.jsonl"),
            "languages": LANGUAGES,
            "pivot": "python",
            "hold_out": 6,
            "sequence": 96,
            "vocab_size": 300,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("parallel")
    write_items(folder / "items.jsonl", items(40))
    return build_parallel_corpus(config(folder), folder / "corpus")


def planned(domain: str | None = None, **changes: object) -> PlannedRun:
    shares = {domain: 1.0} if domain else {"shuffled": 0.5, "paired": 0.5}
    return PlannedRun(
        **{  # type: ignore[arg-type]
            "run": f"grid-{domain}",
            "arm": "grid",
            "size": "tiny",
            "budgets": (1536, 3072),
            "shares": shares,
            **changes,
        }
    )


@pytest.mark.parametrize("runs", [1, 3])
def test_the_masked_head_is_cross_entropy_over_the_tokens_that_count(runs: int) -> None:
    model = random_model(runs)
    tokens, targets = torch.randint(300, (2, runs, 80, 64))
    counted = torch.rand(runs, 80, 64) < 0.3
    counted[0, 5:] = False  # sequences that do not count at all
    masked = model.loss(tokens, targets, counted)
    masked.sum().backward()
    gradients = [w.grad.clone() for w in model.parameters()]
    model.zero_grad()
    logits = model(tokens) @ model.embedding_RVD.mT
    ignored = torch.where(counted, targets, -100)
    plain = torch.stack(
        [torch.nn.functional.cross_entropy(z, y.flatten()) for z, y in zip(logits, ignored, strict=True)]
    )
    plain.sum().backward()
    torch.testing.assert_close(masked, plain, rtol=1e-6, atol=0)
    for ours, weight in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(ours, weight.grad, rtol=1e-4, atol=1e-6)
    everything = torch.ones_like(counted)
    torch.testing.assert_close(model.loss(tokens, targets, everything), model.loss(tokens, targets))


def test_a_batch_without_a_token_that_counts_changes_nothing() -> None:
    model = random_model()
    tokens, targets = torch.randint(300, (2, 1, 2, 64))
    loss = model.loss(tokens, targets, torch.zeros(1, 2, 64, dtype=torch.bool))
    loss.sum().backward()
    assert loss.item() == 0
    assert all(not weight.grad.any() for weight in model.parameters())


@pytest.mark.parametrize("domain", DOMAINS)
def test_runs_read_whole_sequences_with_their_masks(corpus: Corpus, domain: str) -> None:
    length = RECIPE.sequence
    stored = np.asarray(corpus.train(domain)).reshape(-1, length + 1)
    masks = np.asarray(corpus.counted(domain)).reshape(-1, length)
    count = 2 * len(stored) + 3  # two epochs and a part of a third
    found = Sequences.of(corpus, shares={domain: 1.0}, unique={}, count=count, length=length, seed=5)
    read, counts = found.batch(0, count), found.counts(0, count)
    assert counts is not None
    place = {row.tobytes(): k for k, row in enumerate(stored)}
    rows = [place[row.astype(stored.dtype).tobytes()] for row in read]
    assert sorted(rows[: len(stored)]) == list(range(len(stored)))  # each once before any again
    assert rows[: len(stored)] != rows[len(stored) : 2 * len(stored)]
    for mask, row in zip(counts, rows, strict=True):
        assert (mask == masks[row]).all()
    assert found.distinct == {domain: len(stored) * length}


def test_a_mixture_of_organisations_reads_from_each_in_its_share(corpus: Corpus) -> None:
    shares = {"shuffled": 0.75, "paired": 0.25}
    found = Sequences.of(corpus, shares=shares, unique={}, count=20, length=96, seed=0)
    assert found.realised(20) == shares
    of = {name: np.asarray(corpus.train(name)).reshape(-1, 97) for name in shares}
    for k, row in enumerate(found.batch(0, 20)):
        name = list(shares)[found.language[k]]
        assert (of[name] == row).all(axis=1).any()


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_loss_of_a_direction_is_that_of_the_target_given_the_source(corpus: Corpus, domain: str) -> None:
    """Against each pair by itself, with torch's cross-entropy on the tokens of the target and its end."""
    model = random_model(sequence=96)
    (sets,) = validation_sets(corpus, [{domain: 1.0}], recipe=RECIPE, device="cpu")
    assert tuple(sets) == corpus.targets
    assert len(sets) == 3 + 6
    found = held_out(corpus, domain)
    for target in ("go", "python>java", "java>go"):
        nats, tokens = 0.0, 0
        for each in found.documents[target]:
            before, text = each.text[: each.target_span[0]], each.text[slice(*each.target_span)]
            # What stands before it is encoded part by part, as `encode_document` has it.
            source = each.text[slice(*each.source_span)] if each.source_span else ""
            between = before[each.source_span[1] :] if each.source_span else ""
            prompt = before[: each.source_span[0]] if each.source_span else before
            context = [i for part in (prompt, source, between) if part for i in found.encode(part)]
            ids = [*context, *found.encode(text), found.end]
            first = max(1, len(context))
            with torch.no_grad():
                hidden = model(torch.tensor([[ids[:-1]]]))[0]
            logits = hidden @ model.embedding_RVD[0].mT
            nats += torch.nn.functional.cross_entropy(
                logits[first - 1 :], torch.tensor(ids[first:]), reduction="sum"
            ).item()
            tokens += len(ids) - first
        assert mean_loss(model, sets[target])[0] == pytest.approx(nats / tokens, rel=1e-5)


def test_a_run_has_a_loss_per_direction_and_its_organisation(corpus: Corpus, tmp_path: Path) -> None:
    runs = [planned(domain, seed=k) for k, domain in enumerate(DOMAINS)] + [planned(run="mixed")]
    check_data(runs, corpus, recipe=RECIPE, max_epochs=100)
    table = sweep(
        runs,
        sizes={"tiny": SIZE},
        corpus=corpus,
        recipe=RECIPE,
        folder=tmp_path,
        engine=Local(device="cpu", workers=2),
    )
    assert table.languages == tuple(DOMAINS)
    assert table.targets == (
        *LANGUAGES,
        *("python>java", "python>go", "java>python", "go>python"),
        *("java>go", "go>java"),
    )
    assert list(table.frame["organisation"]) == [name for name in [*DOMAINS, "mixed"] for _ in range(2)]
    assert np.isfinite(table.losses).all()
    first, last = table.losses[0::2].mean(), table.losses[1::2].mean()
    assert last < first < math.log(300) + 0.5


def test_packed_runs_of_other_organisations_have_the_losses_that_they_have_alone(corpus: Corpus) -> None:
    runs = [planned("paired", seed=1), planned("paired-prompt", seed=2), planned("shuffled", seed=1)]
    together = list(train_packed(runs, size=SIZE, corpus=corpus, recipe=RECIPE))
    for k, one in enumerate(runs):
        alone = list(train(one, size=SIZE, corpus=corpus, recipe=RECIPE))
        for ours, theirs in zip((each[k] for each in together), alone, strict=True):
            assert ours.losses == pytest.approx(theirs.losses, rel=1e-5)


def test_organisations_have_the_same_texts_equally_often(corpus: Corpus, tmp_path: Path) -> None:
    """Whatever stands between them: what is too long for one is left out of all."""
    long = [*items(40), Item("long", {name: words(99, 400) for name in LANGUAGES})]
    # One that fits as a pair and not with a prompt.
    known = held_out(corpus, "paired").encode
    edge = next(
        Item("edge", {name: f"{name} {words(7, n)}" for name in LANGUAGES})
        for n in range(1, 60)
        if len(known(f"java {words(7, n)}")) * 2 > 85
    )
    write_items(tmp_path / "items.jsonl", [*long, edge])
    made = build_parallel_corpus(config(tmp_path, hold_out=3), tmp_path / "corpus")
    card = made.card.parallel
    assert card is not None
    assert set(card.left_out) == {"long", "edge"}
    assert card.items + card.evaluation_items == 40
    texts = {}
    decode = Tokenizer.from_file(str(made.folder / "tokenizer.json")).decode
    for name in DOMAINS:
        rows = np.asarray(made.train(name)).reshape(-1, 97).tolist()
        read = "\n".join(decode(row, skip_special_tokens=False) for row in rows)
        texts[name] = Counter(re.findall(r"(?:python|java|go)(?: [a-h]{4}){8}", read))
    assert texts["shuffled"] == texts["paired"] == texts["paired-prompt"]
    assert sum(texts["paired"].values()) == 2 * 4 * card.items


def test_sequences_of_another_length_are_refused(corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"sequences of 96 tokens, and recipe.sequence is 64"):
        check_data([planned("paired")], corpus, recipe=RECIPE.model_copy(update={"sequence": 64}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"languages": ["python", "cobol"]}, "cobol"),
        ({"pivot": "rust"}, "pivot 'rust': is none of the languages"),
        ({"template": "{source} only"}, r"template: has 0 slots \{target\}"),
        ({"organisations": ["paired", "paired"]}, "expected each once"),
        ({"seen": ["python>rust"]}, r"direction 'python>rust'"),
        ({"sequence": 8}, "take longer sequences"),
        ({"hold_out": 40}, "none is left to train on"),
        ({"template": "{source} {target} end"}, r"template: has text after \{target\}"),
        ({"languages": ["python", "java", "go", "rust"]}, "no item is in 'rust'"),
        ({"items": "nowhere.jsonl"}, "nowhere.jsonl"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    write_items(tmp_path / "items.jsonl", items(10))
    with pytest.raises((InputError, ValueError), match=told):
        build_parallel_corpus(config(tmp_path, **changes), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_a_corpus_takes_the_place_of_one_of_another_kind_and_of_nothing_else(tmp_path: Path) -> None:
    write_items(tmp_path / "items.jsonl", items(12))
    folder = tmp_path / "corpus"
    (folder / "tokens" / "mine").mkdir(parents=True)
    (folder / "tokens" / "mine.txt").write_text("kept")
    (folder / "evaluation.jsonl").write_text("kept")
    text = CorpusConfig(
        sources=[source_of(str(write_code(tmp_path / "code")))],
        languages=["python", "rust"],
        vocab_size=300,
        validation_bytes=5_000,
    )
    build_corpus(text, folder)
    assert (folder / "evaluation.jsonl").read_text() == "kept"
    build_parallel_corpus(config(tmp_path, hold_out=2), folder)
    assert not list((folder / "tokens").glob("python.*"))
    build_corpus(text, folder)
    assert sorted(path.name for path in (folder / "tokens").iterdir()) == [
        *("mine", "mine.txt", "python.train.npy", "python.validation.npy"),
        *("rust.train.npy", "rust.validation.npy"),
    ]
    assert not (folder / "evaluation.jsonl").exists()  # it was the parallel corpus'
    assert open_corpus(folder).languages == ("python", "rust")


def test_items_that_lack_a_language_are_told_or_kept(tmp_path: Path) -> None:
    some = items(14)
    lacking = [
        Item(i.id, {n: t for n, t in i.texts.items() if n != "go"}) if k % 2 else i
        for k, i in enumerate(some)
    ]
    write_items(tmp_path / "items.jsonl", lacking)
    with pytest.raises(InputError, match="item 'i1' has no go text"):
        build_parallel_corpus(config(tmp_path, hold_out=3), tmp_path / "corpus")
    made = build_parallel_corpus(config(tmp_path, hold_out=3, partial=True), tmp_path / "corpus")
    (sets,) = validation_sets(made, [{"paired": 1.0}], recipe=RECIPE, device="cpu")
    assert len(sets["go"].tokens_NT) < len(sets["java"].tokens_NT)
    only = [Item(i.id, {n: t for n, t in i.texts.items() if n != "go" or k == 0}) for k, i in enumerate(some)]
    write_items(tmp_path / "items.jsonl", only)
    with pytest.raises(InputError, match=r"no item (held out|to train on) has go, which 'go' needs"):
        build_parallel_corpus(config(tmp_path, hold_out=3, partial=True), tmp_path / "corpus")


def test_a_corpus_of_shuffled_texts_alone_can_be_measured(tmp_path: Path) -> None:
    """Its pairs are read one after the other, and have to fit."""
    write_items(tmp_path / "items.jsonl", [*items(12), Item("long", {n: words(5, 20) for n in LANGUAGES})])
    made = build_parallel_corpus(
        config(tmp_path, hold_out=3, organisations=["shuffled"]), tmp_path / "corpus"
    )
    assert made.card.parallel is not None
    assert made.card.parallel.left_out == ["long"]
    (one,) = train(planned("shuffled", budgets=(768,)), size=SIZE, corpus=made, recipe=RECIPE)
    assert all(math.isfinite(loss) for loss in one.losses.values())


def test_other_items_held_out_are_another_corpus(tmp_path: Path) -> None:
    write_items(tmp_path / "items.jsonl", items(12))
    cards = []
    for k in (50, 60):
        write_items(
            tmp_path / "held.jsonl",
            [replace(i, id=f"{i.id}-{k}", texts={n: f"{n} {words(k)}" for n in LANGUAGES}) for i in items(1)],
        )
        made = build_parallel_corpus(
            config(tmp_path, evaluation=str(tmp_path / "held.jsonl")), tmp_path / "corpus"
        )
        cards.append(made.card)
    assert cards[0] != cards[1]


def test_a_mixture_reads_pairs_as_it_was_taught(corpus: Corpus) -> None:
    assert read_as(corpus, {"shuffled": 1.0}) == "shuffled"
    assert read_as(corpus, {"shuffled": 0.9, "paired-prompt": 0.1}) == "paired-prompt"
    for order in (["paired", "paired-prompt"], ["paired-prompt", "paired"]):
        assert read_as(corpus, dict.fromkeys(order, 0.5)) == "paired"


def test_a_corpus_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    write_items(tmp_path / "items.jsonl", items(12))
    folder = tmp_path / "corpus"
    build_parallel_corpus(config(tmp_path, hold_out=2), folder)
    build_parallel_corpus(config(tmp_path, hold_out=2, organisations=["paired"]), folder)
    assert sorted(path.name for path in (folder / "tokens").iterdir()) == [
        "paired.counted.npy",
        "paired.train.npy",
    ]
    assert open_corpus(folder).languages == ("paired",)
