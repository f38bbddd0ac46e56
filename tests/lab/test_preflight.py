from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from langmix.corpus import Corpus
from langmix.design import PlannedRun, simulate_epochs
from langmix.errors import InputError
from langmix.lab import ModelSize, Recipe, check_data, check_machine, estimate
from langmix.lab import _preflight as preflight

RECIPE = Recipe(sequence=32, batch=4, evaluation_tokens=512)
SIZE = ModelSize(name="tiny", d_model=16, n_layers=1, n_heads=2, d_ff=32)


def planned(tokens: int, **unique: int) -> PlannedRun:
    return PlannedRun(
        run="r",
        arm="mixture",
        size="tiny",
        budgets=(1280, tokens),
        shares={"python": 0.25, "rust": 0.75},
        unique=unique,
    )


def test_too_little_data_is_told_by_how_many_tokens_and_epochs(corpus: Corpus) -> None:
    have = corpus.card.languages["rust"].train_tokens
    check_data([planned(4 * have)], corpus, recipe=RECIPE)  # three epochs of rust
    with pytest.raises(InputError) as caught:
        check_data([planned(8 * have)], corpus, recipe=RECIPE)
    assert "'r' reads them 6.0 times" in str(caught.value)
    assert f"{have / 2 / 1e3:.3g}k more keep it to 4 epochs" in str(caught.value)
    check_data([planned(8 * have)], corpus, recipe=RECIPE, max_epochs=6)


def test_a_cap_above_the_data_is_told_and_one_below_may_repeat(corpus: Corpus) -> None:
    have = corpus.card.languages["rust"].train_tokens
    check_data([planned(100 * have, rust=320, python=320)], corpus, recipe=RECIPE)
    with pytest.raises(InputError, match=r"needs .* distinct ones, 1k more"):
        check_data([planned(100 * have, rust=have + 1000)], corpus, recipe=RECIPE)
    check_data([planned(2560, rust=have + 1000)], corpus, recipe=RECIPE)  # it reads fewer than the cap


def test_text_shorter_than_a_sequence_is_told(corpus: Corpus) -> None:
    have = corpus.card.languages["rust"].validation_tokens
    with pytest.raises(InputError, match=r"validation tokens of \w+, less than one sequence of \d+ and"):
        check_data([planned(2560)], corpus, recipe=Recipe(sequence=have))


def test_too_little_memory_is_told_with_the_workers_that_fit(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "available_memory", lambda: 1.2e9)
    given = {"sizes": {"tiny": SIZE}, "corpus": corpus, "recipe": Recipe(), "folder": tmp_path}
    check_machine(3 * [planned(2560)], workers=2, **given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"3 training processes need about 1.4 GB .* use 2 \(--workers 2\)"):
        check_machine(3 * [planned(2560)], workers=3, **given)  # type: ignore[arg-type]
    check_machine(2 * [planned(2560)], workers=3, **given)  # type: ignore[arg-type]


def test_too_little_disk_is_told(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 5000})
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage)
    usage.free = int(24 * SIZE.params_total(corpus.vocab_size) + 7999)  # a trunk twice, not both rows
    given = {
        "sizes": {"tiny": SIZE},
        "corpus": corpus,
        "recipe": Recipe(),
        "folder": tmp_path / "not" / "there",
    }
    with pytest.raises(InputError, match=r"need about 0 MB, 0 MB are free on that disk"):
        check_machine([planned(2560)], workers=1, **given)  # type: ignore[arg-type]
    usage.free += 1
    check_machine([planned(2560)], workers=1, **given)  # type: ignore[arg-type]
    usage.free += 8 * SIZE.params_total(corpus.vocab_size) - 1  # two models, but for a byte
    with pytest.raises(InputError, match="are free on that disk"):
        check_machine([planned(2560)], workers=1, keep=True, **given)  # type: ignore[arg-type]
    usage.free += 1
    check_machine([planned(2560)], workers=1, keep=True, **given)  # type: ignore[arg-type]


def test_an_estimate_adds_up_what_sweeps_train() -> None:
    runs = [planned(2560), planned(12800)]
    recipe = Recipe(sequence=32, batch=4, evaluation_tokens=512)
    given = {"sizes": {"tiny": SIZE}, "vocab_size": 300, "evaluation_tokens": 2 * 512, "recipe": recipe}
    found = estimate(runs, speeds={"tiny": 1e9}, workers=2, **given)  # type: ignore[arg-type]
    per_token = SIZE.flops_per_token(300, 32)
    assert (found.runs, found.checkpoints) == (2, 4)
    assert found.tokens == sum(run.trained_tokens for run in runs) < found.separate_tokens
    assert found.flops == pytest.approx(found.tokens * per_token)
    evaluated = 4 * 2 * 512 / 3 * per_token
    assert found.seconds == pytest.approx((found.flops + evaluated) / 1e9 / 2)


def test_simulated_epochs_repeat_as_often_as_the_target_would() -> None:
    run = planned(12800)
    (cut,) = simulate_epochs([run], available={"rust": 3e6}, tokens=1e7)
    passes = run.shares["rust"] * run.budgets[-1] / cut.unique["rust"]
    assert passes == pytest.approx(run.shares["rust"] * 1e7 / 3e6, rel=1e-3)
    assert "python" not in cut.unique
    (lower,) = simulate_epochs([planned(12800, rust=100)], available={"rust": 3e6}, tokens=1e7)
    assert lower.unique["rust"] == 100
