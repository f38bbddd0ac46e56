from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from langmix.corpus import source_of
from langmix.errors import InputError
from langmix.lab import ModelSize, Recipe
from langmix.languages import LANGUAGES
from langmix.study import PRESETS, new_study, read_study

SEVEN = [language.name for language in LANGUAGES]
REGISTRY = [source_of("registry")]


@pytest.mark.parametrize("billions", [0.1, 0.2, 0.4, 0.6, 1.1, 1.3, 1.6, 2.0, 2.4, 3.1])
def test_the_papers_sizes_are_met_within_a_hundredth(billions: float) -> None:
    shape = ModelSize.near(billions * 1e9)
    assert shape.params == pytest.approx(billions * 1e9, rel=0.01)
    assert 30 < shape.d_model / shape.n_layers < 130


def test_a_shape_is_near_what_was_asked_for_at_any_scale() -> None:
    for k in range(200):
        params = 1e4 * 1.08**k
        shape = ModelSize.near(params)
        assert shape.params == pytest.approx(params, rel=0.05)
        assert params < 25e3 or 1.5 <= shape.d_ff / shape.d_model <= 4.5


@pytest.mark.parametrize(("params", "tokens"), [(None, None), (3.1e9, 64e9)])
def test_the_papers_preset_is_its_420_and_28(
    tmp_path: Path, params: float | None, tokens: float | None
) -> None:
    new_study(tmp_path, preset="paper", languages=SEVEN, sources=REGISTRY, params=params, tokens=tokens)
    runs = read_study(tmp_path).runs()
    grid = [run for run in runs if run.arm == "grid"]
    assert sum(len(run.budgets) for run in grid) == 420
    assert len(grid) == 70  # trunks, with six branches each
    assert len([run for run in runs if run.arm == "self"]) == 7
    assert len([run for run in runs if run.arm == "pair"]) == 21
    assert {run.budgets[-1] for run in runs if run.arm == "pair"} == {int(2 * (tokens or 1.6e6))}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_plans_for_a_languages_of_ones_own(tmp_path: Path, preset: str) -> None:
    code = tmp_path / "code"
    code.mkdir()
    new_study(
        tmp_path / "s",
        preset=preset,
        languages=["python", "go"],
        sources=[source_of(str(code))],
        params=1e9,
        tokens=2e10,
    )
    config = read_study(tmp_path / "s")
    shapes = config.models()
    assert {run.size for run in config.runs()} <= set(shapes)
    assert shapes["1B"].params == pytest.approx(1e9, rel=0.01)
    assert max(run.budgets[-1] for run in config.runs()) >= 2e10
    assert config.corpus.vocab_size == 32_768
    assert (config.validation is not None) == (preset == "standard")


def test_recipes_are_the_labs_own_at_its_scale_and_usual_ones_at_a_billion() -> None:
    assert Recipe.near(params=4e5, budgets=[100_000, 200_000, 400_000, 800_000]) == Recipe()
    large = Recipe.near(params=1e9, budgets=[10**10, 2 * 10**10])
    assert 2e-4 < large.peak(1e9) < 2e-3
    assert large.peak(1e8) > large.peak(1e9)
    assert 2e5 < large.batch_tokens < 1e6


def test_what_is_wrong_is_told_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="preset 'big' is not known; expected one of quick, standard, paper"):
        new_study(tmp_path, preset="big", languages=SEVEN, sources=REGISTRY)
    with pytest.raises(InputError, match="a model of 161 parameters: the nearest shape has"):
        new_study(tmp_path, preset="paper", languages=SEVEN, sources=REGISTRY, params=5e3)
    with pytest.raises(InputError, match="'cobol' is not one that packages"):
        new_study(tmp_path, languages=["python", "cobol"], sources=REGISTRY)
    with pytest.raises(InputError, match="budget of 125 tokens is less than one batch"):
        new_study(tmp_path, languages=SEVEN, sources=REGISTRY, tokens=1e3)
    assert not list(tmp_path.iterdir())


def test_budgets_of_no_token_are_told_and_no_folder_is_left(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--tokens: 3 for the largest budget leaves 0 for the smallest"):
        new_study(tmp_path / "x", preset="quick", languages=["go", "rust"], sources=REGISTRY, tokens=3)
    with pytest.raises(InputError, match="klingon"):
        new_study(tmp_path / "x", preset="quick", languages=["go", "klingon"], sources=REGISTRY)
    assert not list(tmp_path.iterdir())


def test_a_study_that_is_there_is_kept(tmp_path: Path) -> None:
    path = new_study(tmp_path, languages=SEVEN, sources=REGISTRY)
    content = path.read_text()
    assert yaml.safe_load(content)["title"] == "7 languages"
    with pytest.raises(InputError, match="is there already"):
        new_study(tmp_path, languages=SEVEN, sources=REGISTRY)
    assert path.read_text() == content
