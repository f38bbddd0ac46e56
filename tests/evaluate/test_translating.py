from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("rensa")
pytest.importorskip("sacrebleu")
pytest.importorskip("pygments")
pytest.importorskip("transformers")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from sacrebleu.metrics import BLEU  # noqa: E402

from langmix.corpus import Corpus, open_corpus  # noqa: E402
from langmix.corpus.pairing import Item, held_out, write_items  # noqa: E402
from langmix.errors import InputError  # noqa: E402
from langmix.evaluate import bleu, lex, translation_losses, translations  # noqa: E402
from langmix.evaluate._generate import greedy, open_model  # noqa: E402
from langmix.lab import Recipe  # noqa: E402
from langmix.lab._checkpoints import read_checkpoint  # noqa: E402
from langmix.lab._windows import mean_loss, validation_sets  # noqa: E402
from langmix.languages import LANGUAGES  # noqa: E402
from terminal import langmix  # noqa: E402

NAMES = ("python", "java", "go")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of parallel texts and a model trained on its pairs, by the commands."""
    folder = tmp_path_factory.mktemp("translation")
    written = [
        Item(f"i{k}", {name: f"{name} = {'abcdefgh'[k % 8]}{k * 37 % 101} + {k}" for name in NAMES})
        for k in range(30)
    ]
    write_items(folder / "items.jsonl", written)
    at = [str(folder / name) for name in ("items.jsonl", "corpus")]
    outcome = langmix(
        *("parallel-corpus", *at, "--hold-out", "5", "--sequence", "64", "--vocab-size", "300", "--json"),
        cwd=folder,
    )
    assert outcome.returncode == 0, outcome.stderr
    outcome = langmix(
        *("train", at[1], "--share", "paired=1", "--tokens", "20k", "--size", "25k", "--batch", "4"),
        *("--learning-rate", "1e-2", "--out", str(folder / "model")),
        cwd=folder,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "langmix evaluate translation" in outcome.stdout
    return folder


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return open_corpus(folder / "corpus")


def test_losses_are_those_of_the_trainer_with_intervals_over_items(folder: Path, corpus: Corpus) -> None:
    found = translation_losses(folder / "model", corpus)
    model = read_checkpoint(folder / "model", corpus=corpus)
    (sets,) = validation_sets(corpus, [{"paired": 1.0}], recipe=Recipe(sequence=64), device="cpu")
    assert [one.target for one in found] == list(corpus.targets)
    for one in found:
        assert one.nats_per_token == pytest.approx(mean_loss(model, sets[one.target])[0], rel=1e-5)
        assert one.low < one.nats_per_token < one.high
    kinds = {one.target: one.kind for one in found}
    assert kinds["python"] == "alone"
    assert kinds["python>go"] == kinds["go>python"] == "seen"
    assert kinds["java>go"] == kinds["go>java"] == "unseen"


def test_pairs_can_be_read_in_another_organisation(folder: Path, corpus: Corpus) -> None:
    plain = {one.target: one for one in translation_losses(folder / "model", corpus)}
    prompt = {
        one.target: one for one in translation_losses(folder / "model", corpus, organisation="paired-prompt")
    }
    assert prompt["python"].nats_per_token == plain["python"].nats_per_token
    assert prompt["python>go"].nats_per_token != plain["python>go"].nats_per_token
    assert prompt["python>go"].tokens == plain["python>go"].tokens
    with pytest.raises(InputError, match="organisation 'woven'"):
        translation_losses(folder / "model", corpus, organisation="woven")


def test_greedy_text_is_the_most_likely_token_after_the_other(folder: Path, corpus: Corpus) -> None:
    """transformers with a cache, prompts filled up on the left, against our model without either."""
    model, ours = open_model(folder / "model"), read_checkpoint(folder / "model", corpus=corpus)
    held = held_out(corpus, "paired")
    prompts = [list(held.encode(text)) for text in ("go = a", "python = b12 + 4\n\njava", "x")]
    found = greedy(model, prompts, end=held.end, batch=2)
    for prompt, written in zip(prompts, found, strict=True):
        ids, expected = list(prompt), []
        with torch.no_grad():
            while len(ids) < 64:
                hidden = ours(torch.tensor([[ids]]))[0, -1]
                ids.append(int((hidden @ ours.embedding_RVD[0].mT).argmax()))
                if ids[-1] == held.end:
                    break
                expected.append(ids[-1])
        assert written == expected  # whatever stands beside it in a batch


def test_a_corpus_of_another_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    write_items(tmp_path / "items.jsonl", [Item(f"i{k}", {n: f"{n} + {k}" for n in NAMES}) for k in range(9)])
    outcome = langmix(
        *("parallel-corpus", "items.jsonl", "other", "--hold-out", "2", "--sequence", "64"),
        *("--vocab-size", "290"),
        cwd=tmp_path,
    )
    assert outcome.returncode == 0, outcome.stderr
    other = open_corpus(tmp_path / "other")
    for measure in (translation_losses, translations):
        with pytest.raises(InputError, match="was trained with tokenizer"):
            measure(folder / "model", other)


def test_verbs_of_text_say_what_to_do_with_parallel_texts(folder: Path) -> None:
    outcome = langmix("evaluate", "losses", "model", "corpus", cwd=folder)
    assert outcome.returncode == 2
    assert "langmix evaluate translation" in outcome.stderr
    outcome = langmix("export-corpus", "corpus", "--out", "megatron", cwd=folder)
    assert outcome.returncode == 2
    assert "langmix pair" in outcome.stderr
    assert not (folder / "megatron").exists()


def test_translations_are_scored_in_their_own_language(folder: Path, corpus: Corpus) -> None:
    ((scored, texts),) = translations(folder / "model", corpus, directions=["python>java"], items=3)
    assert (scored.target, scored.kind, scored.bleu.items, len(texts)) == ("python>java", "seen", 3, 3)
    assert "lex:pygments-Java-" in scored.bleu.signature
    references = [
        d.text[slice(*d.target_span)] for d in held_out(corpus, "paired").documents["python>java"][:3]
    ]
    assert scored.bleu == bleu(list(texts.values()), references, "java")
    with pytest.raises(InputError, match="direction 'python>rust'"):
        translations(folder / "model", corpus, directions=["python>rust"])


CODE = {
    "python": "def f(x):\n    return x+1  # add one\n",
    "java": 'int f(int x) { return x + 1; /* add one */ }\nString s = "a b";',
    "javascript": "const f = (x) => x + 1;",
    "typescript": "const f = (x: number): number => x + 1;",
    "csharp": "int F(int x) => x + 1;",
    "go": "func f(x int) int { return x + 1 }",
    "rust": "fn f(x: i32) -> i32 { x + 1 }",
}


@pytest.mark.parametrize("language", [one.name for one in LANGUAGES])
def test_how_code_is_spaced_does_not_change_its_score(language: str) -> None:
    code = CODE[language]
    if language != "python":  # whose lines end statements
        assert lex(code, language) == lex(code.replace(" + ", "+").replace("; ", ";\n\n   "), language)
    assert "".join(lex(code, language)) == "".join(code.split())
    same = bleu([code] * 3, [code] * 3, language)
    assert (same.score, same.low, same.high) == pytest.approx((100, 100, 100))


@given(
    st.lists(
        st.tuples(st.text("ab +(", min_size=1, max_size=30), st.text("ab +(", max_size=30)),
        min_size=1,
        max_size=6,
    )
)
def test_bleu_is_that_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    ours, theirs = ([pair[k] for pair in pairs] for k in (0, 1))
    lines = [[" ".join(lex(text, "python")) for text in texts] for texts in (ours, theirs)]
    found = bleu(ours, theirs, "python")
    assert found.score == pytest.approx(
        BLEU(tokenize="none", force=True).corpus_score(lines[0], [lines[1]]).score
    )
    assert 0 <= found.low <= found.score <= found.high <= 100 + 1e-9


def test_the_interval_of_bleu_is_that_of_resampled_items() -> None:
    """Against scores that sacrebleu itself gives to resampled sets."""
    rng = np.random.default_rng(0)
    ours = [" ".join(rng.choice(list("abcd"), 12)) for _ in range(20)]
    theirs = [" ".join(rng.choice(list("abcd"), 12)) for _ in range(20)]
    found = bleu(ours, theirs, "python")
    metric, drawn = BLEU(tokenize="none", force=True), []
    for _ in range(400):
        chosen = rng.integers(20, size=20)
        drawn.append(metric.corpus_score([ours[k] for k in chosen], [[theirs[k] for k in chosen]]).score)
    low, high = np.percentile(drawn, [5, 95])
    assert found.low == pytest.approx(low, abs=1.0)
    assert found.high == pytest.approx(high, abs=1.0)


def test_the_command_prints_and_keeps_what_it_measured(folder: Path) -> None:
    at = [str(folder / name) for name in ("model", "corpus")]
    out = folder / "translations.jsonl"
    outcome = langmix(
        *("evaluate", "translation", *at, "--bleu", "--direction", "java>go", "--items", "2"),
        *("--out", str(out), "--json"),
        cwd=folder,
    )
    assert outcome.returncode == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert [one["target"] for one in told["losses"]] == [
        *NAMES,
        *("python>java", "python>go", "java>python", "go>python", "java>go", "go>java"),
    ]
    assert [one["target"] for one in told["bleu"]] == ["java>go"]
    assert all(math.isfinite(one["nats_per_token"]) for one in told["losses"])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["direction"] for row in rows] == ["java>go", "java>go"]
    assert len({row["item"] for row in rows}) == 2
    outcome = langmix("evaluate", "translation", *at, cwd=folder)
    assert "Python → Java" in outcome.stdout
    assert "unseen" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--items", "3"], "--items: is of translations; add --bleu"),
        (["--bleu", "--direction", "java>rust"], "--direction: 'java>rust' is none of the corpus"),
        (["--organisation", "woven"], "organisation 'woven'"),
    ],
)
def test_wrong_options_are_told(folder: Path, arguments: list[str], told: str) -> None:
    outcome = langmix("evaluate", "translation", "model", "corpus", *arguments, cwd=folder)
    assert outcome.returncode == 2
    assert told in outcome.stderr


def test_a_folder_without_a_model_is_told(folder: Path, tmp_path: Path) -> None:
    outcome = langmix("evaluate", "translation", str(tmp_path), "corpus", cwd=folder)
    assert outcome.returncode == 2
    assert "model.json" in outcome.stderr
    with pytest.raises(InputError, match=r"has no config\.json"):
        open_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no causal language model"):
        open_model(tmp_path)
