"""One function maps what every importer reads: what it guesses, converts, keeps, drops and refuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langmix.errors import InputError
from langmix.runs import ImportMap, read_import_map
from langmix.runs.importers import Logged, Tracked, to_runs, tracked
from langmix.runs.importers._reference import parse_reference

CONFIG: Mapping[str, object] = {"params": 1e6, "shares.go": 0.25, "shares.rust": 0.75}


def source(
    *rows: tuple[str, float, str, float], config: Mapping[str, Mapping[str, object]] | None = None
) -> Tracked:
    logged = [Logged(*row) for row in rows]
    return tracked("tracker", logged, config or {row.run: CONFIG for row in logged})


def checkpoint(
    run: str, step: float, go: float, rust: float, tokens: float
) -> list[tuple[str, float, str, float]]:
    values = {"eval/go_loss": go, "eval/rust_loss": rust, "tokens": tokens}
    return [(run, step, metric, value) for metric, value in values.items()]


TWO = [*checkpoint("a", 10, 3.0, 4.0, 1e6), *checkpoint("a", 20, 2.5, 3.5, 2e6)]


def test_names_that_follow_a_convention_need_no_map() -> None:
    imported = to_runs(source(*TWO))
    runs = imported.runs
    assert runs.languages == ("go", "rust")
    assert runs.targets == ("go", "rust")
    assert runs.tokens.tolist() == [1e6, 2e6]
    assert runs.losses.tolist() == [[3.0, 4.0], [2.5, 3.5]]
    assert runs.shares.tolist() == [[0.25, 0.75]] * 2
    assert "guessed" in imported.notes[0]


def test_the_map_that_was_used_gives_the_same_table_without_guesses(tmp_path: Path) -> None:
    first = to_runs(source(*TWO), ImportMap(rename={"go": "golang"}, last=True))
    path = tmp_path / "import.yaml"
    path.write_text(first.mapping.yaml())
    again = to_runs(source(*TWO), read_import_map(path))
    assert again.runs.to_csv() == first.runs.to_csv()
    assert again.runs.languages == ("golang", "rust")
    assert not [note for note in again.notes if "guessed" in note]


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        ("loss.go", "go"),
        ("loss/go", "go"),
        ("eval/go_loss", "go"),
        ("eval_go_loss", "go"),
        ("eval/go/loss", "go"),
        ("eval/loss/go", "go"),
        ("val_loss/go", "go"),
        ("eval/c_sharp_loss", "c_sharp"),
        ("loss.js>java", "js>java"),
    ],
)
def test_the_usual_names_of_losses_are_known(metric: str, target: str) -> None:
    read = source(("a", 1, metric, 2.0), ("a", 1, "train/loss", 9.0), ("a", 1, "tokens", 1e6))
    assert to_runs(read).runs.targets == (target,)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"params": "1.5M"}, 1.5e6),
        ({"params": "size*1e6"}, 3e6),
        ({"params": "config:size * 1M"}, 3e6),
        ({"params_total": "5M", "embedding_params": "1M"}, 4e6),
        ({"params_total": "5M", "vocab_size": 1000, "d_model": 500, "tied_embeddings": True}, 4.5e6),
        ({"params_total": "5M", "vocab_size": 1000, "d_model": 500, "tied_embeddings": False}, 4e6),
    ],
)
def test_non_embedding_parameters_are_given_or_derived(mapping: dict[str, object], expected: float) -> None:
    config = {"a": {"size": 3, "shares.go": 1}}
    runs = to_runs(source(*TWO, config=config), ImportMap.model_validate(mapping)).runs
    assert runs.params.tolist() == [expected] * 2


def test_a_total_alone_is_not_taken_for_non_embedding_parameters() -> None:
    config = {"a": {"n_params": 5e6, "shares.go": 1}}
    with pytest.raises(
        InputError, match=r"only the total is known \(config:n_params\).*--vocab-size"
    ) as caught:
        to_runs(source(*TWO, config=config))
    assert "--embedding-params" in str(caught.value)


def test_tokens_come_from_steps_or_lie_on_the_line_between_logged_ones() -> None:
    rows = [row for row in TWO if row[2] != "tokens"]
    assert to_runs(source(*rows), ImportMap(tokens_per_step="2k")).runs.tokens.tolist() == [2e4, 4e4]
    logged = [("a", 5.0, "seen", 500.0), ("a", 15.0, "seen", 1500.0)]
    imported = to_runs(source(*rows, *logged), ImportMap(tokens="seen"))
    assert imported.runs.tokens.tolist() == [1000.0, 2000.0]
    assert any("lie between (or beyond)" in note for note in imported.notes)


def test_tokens_of_the_config_belong_to_the_last_checkpoint() -> None:
    rows = [row for row in TWO if row[2] != "tokens"]
    config = {"a": {**CONFIG, "budget": "2B"}}
    imported = to_runs(source(*rows, config=config), ImportMap(tokens="budget"))
    assert imported.runs.tokens.tolist() == [2e9]
    assert imported.runs.losses.tolist() == [[2.5, 3.5]]


def test_evaluations_logged_at_steps_of_their_own_meet_at_the_trainers_step() -> None:
    rows = [
        *[
            ("a", float(s), "train/global_step", float(g))
            for s, g in [(1, 100), (2, 100), (3, 200), (4, 200)]
        ],
        ("a", 1, "eval/go_loss", 3.0),
        ("a", 2, "eval/rust_loss", 4.0),
        ("a", 3, "eval/go_loss", 2.0),
        ("a", 4, "eval/rust_loss", 3.0),
    ]
    runs = to_runs(source(*rows), ImportMap(tokens_per_step="10")).runs
    assert runs.tokens.tolist() == [1000, 2000]
    assert runs.losses.tolist() == [[3.0, 4.0], [2.0, 3.0]]


def test_a_resumed_run_keeps_what_it_logged_last() -> None:
    imported = to_runs(source(*TWO, *checkpoint("a", 20, 2.4, 3.4, 2e6)))
    assert imported.runs.losses.tolist() == [[3.0, 4.0], [2.4, 3.4]]
    assert any("as after a resume" in note for note in imported.notes)


def test_a_run_resumed_under_another_id_is_one_run() -> None:
    rows = [
        *checkpoint("id1", 10, 3, 4, 1e6),
        *checkpoint("id2", 10, 2.9, 3.9, 1e6),
        *checkpoint("id2", 20, 2, 3, 2e6),
    ]
    config = {name: {**CONFIG, "experiment": "big"} for name in ("id1", "id2")}
    runs = to_runs(source(*rows, config=config), ImportMap(run="experiment")).runs
    assert runs.run.tolist() == ["big", "big"]
    assert runs.losses.tolist() == [[2.9, 3.9], [2, 3]]


def test_diverged_losses_are_not_measured_and_told() -> None:
    imported = to_runs(source(*TWO, *checkpoint("a", 30, math.nan, math.inf, 3e6)))
    assert np.isnan(imported.runs.losses[2]).all()
    assert any("2 losses not finite" in note for note in imported.notes)


def test_checkpoints_without_losses_and_before_training_are_left_out() -> None:
    rows = [*checkpoint("a", 0, 9, 9, 0), *TWO, ("a", 15.0, "tokens", 15e5), ("crashed", 1.0, "tokens", 1.0)]
    imported = to_runs(source(*rows))
    assert imported.runs.tokens.tolist() == [1e6, 2e6]
    assert any("crashed" in note for note in imported.notes)
    assert any("at 0 tokens" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("mapping", "kept"),
    [
        ({"last": True}, [5]),
        ({"every": 2}, [1, 3, 5]),
        ({"every": 3}, [2, 5]),
        ({"every": 1}, [1, 2, 3, 4, 5]),
    ],
)
def test_thinning_always_keeps_the_last_checkpoint(mapping: dict[str, object], kept: list[int]) -> None:
    rows = [row for k in range(1, 6) for row in checkpoint("a", k, 3, 3, k)]
    assert to_runs(source(*rows), ImportMap.model_validate(mapping)).runs.tokens.tolist() == kept


@pytest.mark.parametrize(
    ("shares", "kind", "expected"),
    [
        ({"go": 25, "rust": 75}, None, [0.25, 0.75]),
        ({"go": 2e9, "rust": 6e9}, "weight", [0.25, 0.75]),
        ({"go": "25%", "rust": "75%"}, None, [0.25, 0.75]),
        ({"rust": 1}, None, [0.0, 1.0]),
    ],
)
def test_shares_are_normalised(shares: dict[str, object], kind: str | None, expected: list[float]) -> None:
    config = {
        "a": {"params": 1, **{f"shares.{name}": value for name, value in shares.items()}},
        "b": {"params": 1, "shares.go": 1, "shares.rust": 0},
    }
    if len(shares) == 2:
        config.pop("b")
    mapping = ImportMap.model_validate({"shares_are": kind, "exclude": ["b"]})
    assert to_runs(source(*TWO, config=config), mapping).runs.shares[0].tolist() == pytest.approx(expected)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(1e-3, 1e12), min_size=2, max_size=2), st.floats(1e-3, 1e3))
def test_weights_of_any_scale_give_the_same_shares(weights: list[float], scale: float) -> None:
    def shares(factor: float) -> list[float]:
        config = {"a": {"params": 1, "shares.go": weights[0] * factor, "shares.rust": weights[1] * factor}}
        mapping = ImportMap.model_validate({"shares_are": "weight"})
        return to_runs(source(*TWO, config=config), mapping).runs.shares[0].tolist()

    assert shares(1.0) == pytest.approx(shares(scale), rel=1e-9)
    assert sum(shares(scale)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("unit", "value", "nats"),
    [
        ("nats", 2.0, 2.0),
        ("bits", 2.0, 2 * math.log(2)),
        ("perplexity", math.exp(2.0), 2.0),
        ("bits_per_byte", 0.5, 0.5 * math.log(2) * 3),
    ],
)
def test_losses_become_nats_per_token(unit: str, value: float, nats: float) -> None:
    rows = [("a", 1.0, "loss.go", value), ("a", 1.0, "tokens", 1e6)]
    mapping = ImportMap.model_validate({"loss_unit": unit, "bytes_per_token": {"go": 3}})
    assert to_runs(source(*rows), mapping).runs.losses[0, 0] == pytest.approx(nats)


def test_bits_per_byte_without_bytes_per_token_are_nats_per_byte() -> None:
    rows = [("a", 1.0, "loss.go", 0.5), ("a", 1.0, "tokens", 1e6)]
    imported = to_runs(source(*rows), ImportMap.model_validate({"loss_unit": "bits_per_byte"}))
    assert imported.runs.losses[0, 0] == pytest.approx(0.5 * math.log(2))
    assert imported.runs.bytes_per_token == {"go": 1.0}
    assert any("nats per byte" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        (
            {"loss": {"go": "eval/golang_loss"}},
            ["loss go", "'eval/golang_loss'", "did you mean 'eval/go_loss'"],
        ),
        ({"loss": {"*": "validation/*"}}, ["nothing fits 'validation/*'", "metrics found: eval/go_loss"]),
        ({"loss": {"go": "config:params"}}, ["loss go", "expected a metric"]),
        ({"loss": {"go": "3.5"}}, ["loss go", "is a number"]),
        ({"tokens": "seen"}, ["tokens", "'seen'", "metrics found"]),
        ({"params": "shares"}, ["params", "'shares'", "config found"]),
        ({"share": {"go": "shares.go"}}, ["'a'", "sum to 0.25", "expected 1", "--shares-are"]),
        ({"step": "trainer_step"}, ["step", "'trainer_step'"]),
        ({"include": ["b*"]}, ["no run is left", "a"]),
        ({"run": "config:experiment"}, ["run", "'experiment'"]),
        ({"rename": {"go": "rust"}}, ["two names become 'rust'"]),
        ({"params_total": "1M", "params": None, "embedding_params": "2M"}, []),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_found(mapping: dict[str, object], told: list[str]) -> None:
    if not told:
        config = {"a": {"shares.go": 1}}
        told = ["'a'", "params_total 1e+06 is not above", "vocab_size"]
    else:
        config = {"a": dict(CONFIG)}
    with pytest.raises(InputError) as caught:
        to_runs(source(*TWO, config=config), ImportMap.model_validate(mapping))
    for part in ["tracker", *told]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"params": "large"}, ["run 'a'", "params", "'large'", "expected a number"]),
        ({"params": None}, ["params", "--params-total"]),
        ({"shares.go": -0.5, "shares.rust": 1.5}, ["run 'a'", "share go is -0.5"]),
        ({"shares.go": None, "shares.rust": None}, ["run 'a'", "none of the shares"]),
    ],
)
def test_a_wrong_config_is_named_with_its_run(entries: dict[str, object], told: list[str]) -> None:
    config = {**CONFIG, **entries}
    if entries.get("params", 0) is None:
        config.pop("params")
    with pytest.raises(InputError) as caught:
        to_runs(source(*TWO, config={"a": config}))
    for part in told:
        assert part in str(caught.value)


def test_a_run_that_lacks_what_others_have_is_named() -> None:
    rows = [*TWO, *checkpoint("b", 10, 3, 3, 1e6)]
    config = {"a": CONFIG, "b": {"shares.go": 1, "lr": 1}}
    with pytest.raises(
        InputError, match=r"run 'b' has no params \(config:params\); its config: lr, shares.go"
    ):
        to_runs(source(*rows, config=config))
    assert set(to_runs(source(*rows, config=config), ImportMap(exclude=["b"])).runs.run) == {"a"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("losses: {go: x}", ["losses", "Extra inputs", "fields: run, step"]),
        ("loss: {'*': eval/loss}", ["loss", "a pattern is written"]),
        ("every: 0", ["every", "greater than or equal to 1"]),
        ("tokens: '* 3'", []),
        ("- a", ["expected fields"]),
        ("a: [", ["is not YAML"]),
        ("loss_unit: nat", ["loss_unit", "nats"]),
    ],
)
def test_a_wrong_map_file_gives_one_message(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "import.yaml"
    path.write_text(text)
    if not told:
        assert read_import_map(path).tokens == "* 3"
        return
    with pytest.raises(InputError) as caught:
        read_import_map(path)
    for part in [str(path), *told]:
        assert part in str(caught.value)


@given(st.sampled_from(["config:", "metric:", ""]), st.from_regex(r"[a-z][a-z/._]{0,12}", fullmatch=True))
def test_a_reference_reads_back(prefix: str, name: str) -> None:
    for text in (f"{prefix}{name}", f"{prefix}{name} * 1e9"):
        reference = parse_reference(text, field="x")
        assert parse_reference(str(reference), field="x") == reference
        assert reference.name == name
