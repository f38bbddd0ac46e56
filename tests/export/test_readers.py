"""Every format against the trainer's own reader: `make trainers` installs the readers and runs this.

The claim is always the same: what the reader draws is, in tokens, what the allocation asked for.
"""

from __future__ import annotations

import importlib
import json
import random
import shlex
import sys
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from mixtures import LENGTHS, SHARES, allocation

from langmix.corpus._megatron import bin_path, idx_path, read_token_file, write_token_file
from langmix.export import convert, export

# The packages under test warn about their own dependencies.
pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]

USED = [name for name, share in SHARES.items() if share]


def reader(module: str, install: str) -> Any:
    """A trainer's module, or a skip that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        pytest.skip(f"{error}; `make trainers` installs it (pip install {install})")


def run(text: str) -> dict[str, Any]:
    """What a Python file defines."""
    scope: dict[str, Any] = {}
    exec(compile(text, "exported.py", "exec"), scope)
    return scope


def assert_shares(tokens: Counter[str], *, within: float) -> None:
    total = sum(tokens.values())
    assert {name: tokens[name] / total for name in USED} == pytest.approx(
        {name: SHARES[name] for name in USED}, abs=within
    )
    assert set(tokens) == set(USED)


# Megatron-LM, Megatron-Bridge, NeMo 2: one reader


@pytest.fixture
def blend_of() -> Callable[[list[str]], Any]:
    module = reader("megatron.core.datasets.utils", "torch megatron-core")
    read: Callable[[list[str]], Any] = module.get_blend_from_list
    return read


def test_megatron_reads_the_blend_and_draws_the_shares(blend_of: Callable[[list[str]], Any]) -> None:
    text = export(allocation(), "megatron", paths={"rust": "/data/my rust"})
    prefixes, weights = blend_of(shlex.split(text)[1:])
    assert prefixes == ["data/python", "data/csharp", "/data/my rust"]
    helpers = reader("megatron.core.datasets.helpers_cpp", "torch megatron-core")
    rows = 10_000
    dataset, sample = np.zeros(rows, np.int16), np.zeros(rows, np.int64)
    helpers.build_blending_indices(dataset, sample, np.array(weights), len(weights), rows, False)
    assert np.bincount(dataset) == pytest.approx([5000, 3000, 2000], abs=1)


def test_megatron_takes_each_format_as_a_dataset_configuration(blend_of: Callable[[list[str]], Any]) -> None:
    config = reader("megatron.core.datasets.blended_megatron_dataset_config", "torch megatron-core")
    make = config.BlendedMegatronDatasetConfig
    same = {"random_seed": 1, "sequence_length": 64}
    bridge = yaml.safe_load(export(allocation(), "megatron-bridge"))["dataset"]["blend"]
    nemo = list(blend_of(json.loads(export(allocation(), "nemo"))))
    assert make(blend=tuple(bridge), split="99,1,0", **same).blend == tuple(nemo)
    splits = json.loads(export(allocation(), "megatron-per-split"))
    per_split = [blend_of(splits[name]) for name in ("train", "valid", "test")]
    assert make(blend_per_split=per_split, **same).blend_per_split == [tuple(nemo), None, None]


def test_megatron_fails_on_a_weight_of_zero_which_is_why_we_leave_it_out() -> None:
    module = reader("megatron.core.datasets.blended_dataset", "torch megatron-core")

    class Part:
        index_split = None

    with pytest.raises(AssertionError):
        module.BlendedDataset([Part(), Part()], [1.0, 0.0], 10, None)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64"])
def test_megatron_reads_our_token_files_and_we_read_megatrons(tmp_path: Path, dtype: str) -> None:
    module = reader("megatron.core.datasets.indexed_dataset", "torch megatron-core")
    torch = importlib.import_module("torch")
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 120, n).astype(dtype) for n in (1, 30, 7, 500, 2)]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_token_file(ours, documents, np.dtype(dtype))
    dataset = module.IndexedDataset(str(ours))
    assert [row.tolist() for row in dataset[:]] == [text.tolist() for text in documents]
    assert dataset.document_indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.dtype(dataset.index.dtype) == dtype

    builder = module.IndexedDatasetBuilder(str(bin_path(theirs)), dtype=getattr(np, dtype))
    for text in documents:
        builder.add_document(torch.from_numpy(text.astype(np.int64)), [len(text)])
    builder.finalize(str(idx_path(theirs)))
    assert idx_path(theirs).read_bytes() == idx_path(ours).read_bytes()
    assert bin_path(theirs).read_bytes() == bin_path(ours).read_bytes()
    file = read_token_file(theirs)
    spans = [file.span(k) for k in range(file.documents)]
    assert [file.tokens[a:b].tolist() for a, b in spans] == [text.tolist() for text in documents]


# OLMo-core


def _olmo(tmp_path: Path, *, rust: int, requested: int, text: str) -> dict[str, int]:
    mixture = reader("olmo_core.data.source_mixture", "torch ai2-olmo-core")
    (tmp_path / "data").mkdir(exist_ok=True)
    for name, tokens in {"python": 60_000, "csharp": 60_000, "rust": rust}.items():
        np.zeros(tokens, np.uint16).tofile(tmp_path / "data" / f"{name}.npy")
    (tmp_path / "mixture.yaml").write_text(text)
    sources = mixture.SourceMixtureList.from_yaml(tmp_path / "mixture.yaml")
    built = mixture.SourceMixtureDatasetConfig(
        source_list=sources,
        requested_tokens=requested,
        global_batch_size=1000,
        render_tables=False,
        quiet=True,
    ).build(npdtype=np.uint16, sequence_length=100)
    return {one.name: sum(path.tokens for path in one.path_tokens) for one in built.sources}


def test_olmo_core_selects_the_shares_and_repeats_as_far_as_allowed(tmp_path: Path) -> None:
    mix = allocation(tokens=100_000)
    paths = {name: str(tmp_path / "data" / f"{name}.npy") for name in SHARES}
    text = export(mix, "olmo-core", paths=paths, available={"rust": 6000})
    selected = _olmo(tmp_path, rust=6000, requested=100_000, text=text)
    assert selected == pytest.approx({"python": 50_000, "csharp": 30_000, "rust": 20_000}, abs=1000)


def test_olmo_core_refuses_repetition_that_nobody_asked_for(tmp_path: Path) -> None:
    mix = allocation(tokens=100_000)
    paths = {name: str(tmp_path / "data" / f"{name}.npy") for name in SHARES}
    with pytest.raises(Exception, match="Insufficient tokens for source: rust"):
        _olmo(tmp_path, rust=6000, requested=100_000, text=export(mix, "olmo-core", paths=paths))


# Hugging Face datasets


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``data/<language>``, documents of planted lengths, few enough to be repeated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rng = random.Random(1)
    for name, mean in LENGTHS.items():
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        lengths = [rng.randint(1, 2 * int(mean) - 1) for _ in range(500)]
        lengths = [*lengths, *(2 * int(mean) - length for length in lengths)]  # exactly this mean
        lines = (json.dumps({"language": name, "text": name[0] * n}) for n in lengths)
        (folder / "train.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_interleaved_documents_give_the_shares_and_the_budget(documents: Path) -> None:
    reader("datasets", "datasets")
    budget = 400_000
    mix = allocation(tokens=budget)
    made = run(export(mix, "huggingface", tokens_per_document=LENGTHS))
    tokens: Counter[str] = Counter()
    for row in made["mixture"]:
        tokens[row["language"]] += len(row["text"])
    assert sum(tokens.values()) == pytest.approx(budget, rel=0.03)
    assert_shares(tokens, within=0.02)


def test_shares_as_probabilities_of_documents_would_be_another_mixture(documents: Path) -> None:
    """The mistake that the refusal prevents: rust asked for 20% and would get 41%."""
    reader("datasets", "datasets")
    made = run(export(allocation(tokens=400_000), "huggingface", packed=True))
    tokens: Counter[str] = Counter()
    for row in islice(made["mixture"], 10_000):
        tokens[row["language"]] += len(row["text"])
    assert tokens["rust"] / sum(tokens.values()) == pytest.approx(16 / 39, abs=0.02)


# litdata


def _litdata_streams(folder: Path, samples: Callable[[str], list[Any]], *, block: int | None) -> None:
    writer = importlib.import_module("litdata.streaming.writer")
    loader = None
    if block is not None:
        loader = importlib.import_module("litdata.streaming").TokensLoader(block_size=block)
    for name in LENGTHS:
        (folder / "data" / name).mkdir(parents=True)
        out = writer.BinaryWriter(str(folder / "data" / name), chunk_bytes="1MB", item_loader=loader)
        for i, sample in enumerate(samples(name)):
            out.add_item(i, sample)
        out.done()
        out.merge(1)


def test_litdata_draws_documents_in_the_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader("litdata", "torch litdata")
    monkeypatch.chdir(tmp_path)
    _litdata_streams(
        tmp_path, lambda name: [{"language": name, "text": "x" * int(LENGTHS[name])}] * 6000, block=None
    )
    made = run(export(allocation(), "litdata", tokens_per_document=LENGTHS))
    tokens: Counter[str] = Counter()
    for row in islice(iter(made["train_data"]), 8000):
        tokens[row["language"]] += len(row["text"])
    assert_shares(tokens, within=0.02)


def test_litdata_draws_packed_rows_in_the_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader("litdata", "torch litdata")
    torch = importlib.import_module("torch")
    monkeypatch.chdir(tmp_path)
    _litdata_streams(
        tmp_path,
        lambda name: [torch.full((90_000,), USED.index(name), dtype=torch.int)],
        block=9,
    )
    made = run(export(allocation(), "litdata", packed=True, sequence_length=8))
    tokens: Counter[str] = Counter()
    for row in islice(iter(made["train_data"]), 8000):
        assert len(row) == 9
        tokens[USED[int(row[0])]] += 8
    assert_shares(tokens, within=0.02)


# MosaicML streaming


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package; its vision part needs a torchvision that fits torch, which we have no other use for."""
    reader("torch", "torch")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        reader("transformers", "mosaicml-streaming")  # first: it looks for torchvision
        for name in ("", ".datasets", ".transforms", ".transforms.functional"):
            monkeypatch.setitem(sys.modules, f"torchvision{name}", ModuleType(f"torchvision{name}"))
        monkeypatch.setattr(sys.modules["torchvision.datasets"], "VisionDataset", object, raising=False)
        monkeypatch.setattr(
            sys.modules["torchvision.transforms.functional"], "to_tensor", None, raising=False
        )
    return reader("streaming", "mosaicml-streaming")


def test_an_epoch_of_mosaic_streams_is_the_budget(
    streaming: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, length in LENGTHS.items():
        columns = {"language": "str", "tokens": "int"}
        with streaming.MDSWriter(out=str(tmp_path / "data" / name), columns=columns) as out:
            for _ in range(50):  # fewer than asked for: streams repeat
                out.write({"language": name, "tokens": int(length)})
    budget = 20_000
    made = convert(allocation(tokens=budget), "mosaic", tokens_per_document=LENGTHS)
    content = yaml.safe_load(made.text)
    streams = [streaming.Stream(**one) for one in content.pop("streams").values()]
    dataset = streaming.StreamingDataset(streams=streams, **content, shuffle=False, batch_size=1)
    drawn: Counter[str] = Counter()
    for row in dataset:
        drawn[row["language"]] += 1
    assert sum(drawn.values()) == content["epoch_size"]
    for one in made.languages:
        assert drawn[one.language] == pytest.approx(one.samples or 0, abs=1)
    assert sum(LENGTHS[name] * n for name, n in drawn.items()) == pytest.approx(budget, rel=0.01)


# torchtitan


def test_torchtitan_draws_packed_rows_in_the_shares(documents: Path) -> None:
    reader("torchtitan.hf_datasets.interleaved", "torchtitan==0.3.0")

    class Letters:
        """One token per letter, which is the initial of the language."""

        eos_id = 0

        def encode(self, text: str, *, add_bos: bool, add_eos: bool) -> list[int]:
            return [*text.encode(), 0]

    scope = run(export(allocation(), "torchtitan"))
    loader = scope["dataloader"].build(
        dp_world_size=1, dp_rank=0, tokenizer=Letters(), seq_len=8, local_batch_size=1
    )
    initials = {ord(name[0]): name for name in USED}
    tokens: Counter[str] = Counter()
    for inputs, _ in islice(iter(loader), 6000):
        (letter,) = set(inputs["input"].flatten().tolist()) - {0}
        tokens[initials[letter]] += inputs["input"].numel()
    assert_shares(tokens, within=0.025)
