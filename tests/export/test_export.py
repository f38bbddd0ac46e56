from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mixtures import LENGTHS, SHARES, allocation, weights_by_path

from langmix.allocate import read_mixture
from langmix.errors import InputError
from langmix.export import TRAINERS, Unit, convert, export

BLENDS = [name for name in TRAINERS if name not in {"json", "csv"}]
DOCUMENTS = [name for name in BLENDS if Unit.DOCUMENTS in TRAINERS[name].units]
PACKED = {name: {"packed": True, "sequence_length": 64} if name in DOCUMENTS else {} for name in BLENDS}


@pytest.mark.parametrize("trainer", BLENDS)
def test_weights_of_equal_draws_are_the_shares_and_zeros_are_left_out(trainer: str) -> None:
    paths = {name: f"/data/my {name}" for name in SHARES}
    text = export(allocation(), trainer, paths=paths, **PACKED[trainer])
    found = weights_by_path(trainer, text)
    assert found == pytest.approx({f"/data/my {name}": s for name, s in SHARES.items() if s}, rel=1e-11)


@pytest.mark.parametrize("trainer", DOCUMENTS)
def test_weights_of_documents_give_the_shares_in_tokens(trainer: str) -> None:
    text = export(allocation(), trainer, tokens_per_document=LENGTHS)
    found = weights_by_path(trainer, text)
    tokens = {name: found[f"data/{name}"] * length for name, length in LENGTHS.items()}
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-11)
    assert tokens["rust"] / sum(tokens.values()) == pytest.approx(SHARES["rust"], rel=1e-10)
    assert tokens["csharp"] / sum(tokens.values()) == pytest.approx(SHARES["csharp"], rel=1e-10)


@given(
    st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=8),
    st.lists(st.floats(1.0, 1e5), min_size=8, max_size=8),
)
def test_the_conversion_to_documents_is_undone_by_their_lengths(
    parts: list[float], sizes: list[float]
) -> None:
    shares = {f"l{i}": part / math.fsum(parts) for i, part in enumerate(parts)}
    lengths = {name: sizes[i] for i, name in enumerate(shares)}
    made = convert(allocation(shares, tokens=1e12), "huggingface", tokens_per_document=lengths)
    for one in made.languages:
        assert one.tokens == pytest.approx(one.share * 1e12, rel=1e-9)
        assert one.samples == pytest.approx(one.tokens / lengths[one.language], rel=1e-12)


def test_only_the_ratio_of_document_lengths_matters() -> None:
    one = convert(allocation(), "litdata", tokens_per_document=LENGTHS)
    other = convert(allocation(), "litdata", tokens_per_document={name: 7 * n for name, n in LENGTHS.items()})
    for left, right in zip(one.languages, other.languages, strict=True):
        assert left.weight == pytest.approx(right.weight, rel=1e-10)


@pytest.mark.parametrize("trainer", list(TRAINERS))
def test_epochs_are_tokens_over_what_exists(trainer: str) -> None:
    made = convert(allocation(), trainer, available={"rust": 5e7}, **PACKED.get(trainer, {}))
    epochs = {one.language: one.epochs for one in made.languages}
    assert epochs["python"] is None
    assert epochs["rust"] == pytest.approx(0.2 * 1e9 / 5e7, rel=0.01)
    assert sum(one.tokens for one in made.languages) == pytest.approx(1e9)


def test_a_sequence_length_gives_the_samples() -> None:
    made = convert(allocation(), "megatron", sequence_length=4096)
    assert {one.language: one.samples for one in made.languages} == {
        "python": pytest.approx(5e8 / 4096),
        "java": None,
        "csharp": pytest.approx(3e8 / 4096),
        "rust": pytest.approx(2e8 / 4096),
    }
    assert {one.samples for one in convert(allocation(), "megatron").languages} == {None}


def test_the_budget_is_written_where_the_format_has_a_place_for_it() -> None:
    samples = round(sum(1e9 * SHARES[name] / length for name, length in LENGTHS.items()))
    assert f".take({samples})" in export(allocation(), "huggingface", tokens_per_document=LENGTHS)
    mosaic = yaml.safe_load(export(allocation(), "mosaic", tokens_per_document=LENGTHS))
    assert mosaic["epoch_size"] == samples
    rows = yaml.safe_load(export(allocation(), "mosaic", packed=True, sequence_length=100))
    assert rows["epoch_size"] == 10_000_000
    unknown = export(allocation(), "mosaic", packed=True)
    assert "epoch_size" not in yaml.safe_load(unknown)
    assert "# set epoch_size" in unknown
    assert ".take" not in export(allocation(), "huggingface", packed=True)


def test_streams_elsewhere_are_remote() -> None:
    text = export(allocation(), "mosaic", packed=True, paths={"rust": "s3://bucket/rust"})
    streams = yaml.safe_load(text)["streams"]
    assert streams["rust"] == {"remote": "s3://bucket/rust", "proportion": 0.2}
    assert streams["python"]["local"] == "data/python"


def test_olmo_core_may_repeat_as_often_as_the_allocation_does_and_no_more() -> None:
    text = export(allocation(), "olmo-core", available={"rust": 6e7, "python": 6e8})
    ratios = {one["source_name"]: one.get("max_repetition_ratio") for one in yaml.safe_load(text)["sources"]}
    assert ratios == {"python": None, "csharp": None, "rust": 3.334}
    assert "requested_tokens: 1000000000" in text


@pytest.mark.parametrize("rare", [0.2, 0.01, 0.0009, 0.0001])
def test_levanter_blocks_keep_rare_languages(rare: float) -> None:
    """Levanter's arithmetic, written again: int32 rows per block, the rest to the largest."""
    shares = {"python": 0.6 - rare, "java": 0.4, "rust": rare}
    made = convert(allocation(shares), "levanter")
    data = yaml.safe_load(made.text)["data"]
    block, weights = data["mixture_block_size"], np.array(list(data["train_weights"].values()))
    rows = (weights / weights.sum() * block).astype(np.int32)
    rows[np.argmax(rows)] += block - rows.sum()
    assert rows[2] >= 1
    assert [one.tokens for one in made.languages] == pytest.approx(list(rows / block * 1e9))
    assert block in {2048, 4096, 8192, 16384, 32768}
    if block < 32768:
        assert rows / block == pytest.approx(list(shares.values()), rel=0.01)


def test_levanter_refuses_a_language_that_it_would_drop() -> None:
    shares = {"python": 1 - 1e-5, "rust": 1e-5}
    with pytest.raises(InputError, match=r"rust has a share of 1e-05, less than one row in a block of 32768"):
        export(allocation(shares), "levanter")


def test_small_weights_stay_numbers_in_every_format() -> None:
    """YAML 1.1 reads 1e-08 as text; a fixed number of decimals would write 0."""
    shares = {"python": 1 - 1e-8, "rust": 1e-8}
    for trainer in BLENDS:
        if trainer != "levanter":
            text = export(allocation(shares, tokens=1e12), trainer, **PACKED[trainer])
            assert weights_by_path(trainer, text)["data/rust"] == pytest.approx(1e-8, rel=1e-9)


def test_python_files_are_python() -> None:
    for trainer in ("huggingface", "litdata", "torchtitan"):
        assert TRAINERS[trainer].extension == ".py"
        quoted = {"rust": 'it\'s "rust"'}
        text = export(allocation(), trainer, paths=quoted, **PACKED[trainer])
        compile(text, trainer, "exec")
        assert quoted["rust"] in weights_by_path(trainer, text)


def test_csv_and_json_hold_the_token_counts(tmp_path: Path) -> None:
    mix = allocation()
    rows = list(csv.DictReader(io.StringIO(export(mix, "csv"))))
    assert {row["language"]: int(row["tokens"]) for row in rows} == mix.token_counts()
    text = export(mix, "json")
    (tmp_path / "mixture.json").write_text(text)
    assert read_mixture(tmp_path / "mixture.json").shares == mix.shares
    assert json.loads(text)["token_counts"] == mix.token_counts()


@pytest.mark.parametrize("trainer", DOCUMENTS)
def test_a_trainer_of_documents_is_not_guessed_for(trainer: str) -> None:
    with pytest.raises(InputError, match="give tokens_per_document"):
        export(allocation(), trainer)
    with pytest.raises(InputError, match="only one of them"):
        export(allocation(), trainer, packed=True, tokens_per_document=LENGTHS)
    with pytest.raises(InputError, match=r"rust not given; expected the mean tokens per document"):
        export(allocation(), trainer, tokens_per_document={"python": 40, "csharp": 10})
    with pytest.raises(InputError, match="no common length"):
        export(allocation(), trainer, tokens_per_document=LENGTHS, sequence_length=64)


def test_wrong_input_is_named() -> None:
    mix = allocation()
    with pytest.raises(InputError, match="'deepspeed' is not known; expected one of json, csv, megatron"):
        export(mix, "deepspeed")
    with pytest.raises(InputError, match=r"paths: unknown language 'cobol'"):
        export(mix, "megatron", paths={"cobol": "/data"})
    with pytest.raises(InputError, match=r"python and rust are both at '/data'"):
        export(mix, "megatron", paths={"python": "/data", "rust": "/data"})
    with pytest.raises(InputError, match="one path on one line"):
        export(mix, "megatron", paths={"python": " "})
    with pytest.raises(InputError, match=r"without \.bin or \.idx: '/data/rust'"):
        export(mix, "megatron", paths={"rust": "/data/rust.bin"})
    with pytest.raises(InputError, match=r"megatron samples packed rows.*leave it out"):
        export(mix, "megatron", tokens_per_document=LENGTHS)
    with pytest.raises(InputError, match=r"sequence_length: olmo-core samples tokens"):
        export(mix, "olmo-core", sequence_length=64)
    with pytest.raises(InputError, match=r"available: rust is -1; expected a finite number of tokens"):
        export(mix, "csv", available={"rust": -1})
    with pytest.raises(InputError, match=r"tokens_per_document: rust is nan"):
        export(mix, "huggingface", tokens_per_document={**LENGTHS, "rust": math.nan})
    with pytest.raises(InputError, match=r"sequence_length: 0; expected"):
        export(mix, "megatron", sequence_length=0)
    with pytest.raises(InputError, match=r"sequence_length: not given.*TokensLoader"):
        export(mix, "litdata", packed=True)
    with pytest.raises(InputError, match=r"two languages are called 'python' in lower case"):
        export(allocation({"python": 0.5, "Python": 0.5}), "torchtitan", paths={"Python": "/p"})
