from __future__ import annotations

import json
from pathlib import Path

import pytest
from mixtures import SHARES, allocation

from langmix.allocate import write_mixture
from langmix.export import TRAINERS
from terminal import langmix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_mixture(allocation(), tmp_path / "mixture.json")
    return tmp_path


def test_the_file_goes_to_stdout_and_what_it_amounts_to_to_stderr(folder: Path) -> None:
    done = langmix("export", "mixture.json", "megatron", "--available", "rust=50M", cwd=folder)
    assert done.stdout == "--data-path 0.5 data/python 0.3 data/csharp 0.2 data/rust\n"
    assert "weights count packed rows" in done.stderr
    (rust,) = (line.split() for line in done.stderr.splitlines() if "Rust" in line)
    assert rust == ["Rust", "0.200000", "200M", "20.00%", "4.00"]
    (java,) = (line.split() for line in done.stderr.splitlines() if "Java" in line)
    assert java == ["Java", "left", "out", "0", "0.00%"]


def test_json_gives_it_structured(folder: Path) -> None:
    lengths = [f"--tokens-per-document={name}=1k" for name, share in SHARES.items() if share]
    done = langmix("export", "mixture.json", "mosaic", *lengths, "-o", "streams.yaml", "--json", cwd=folder)
    content = json.loads(done.stdout)
    assert content["unit"] == "documents"
    assert content["path"] == "streams.yaml"
    assert content["text"] == (folder / "streams.yaml").read_text()
    assert content["languages"][0] == {
        "language": "python",
        "share": 0.5,
        "weight": 0.5,
        "tokens": 5e8,
        "samples": 5e5,
        "epochs": None,
    }


def test_a_unit_that_is_not_said_ends_with_code_2(folder: Path) -> None:
    done = langmix("export", "mixture.json", "huggingface", cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "give tokens_per_document" in done.stderr


def test_the_trainers_are_listed(tmp_path: Path) -> None:
    listed = json.loads(langmix("trainers", "--json", cwd=tmp_path).stdout)
    assert [one["trainer"] for one in listed] == list(TRAINERS)
    assert {"trainer", "units", "description"} == set(listed[0])
    table = langmix("trainers", cwd=tmp_path).stdout
    assert all(name in table for name in TRAINERS)
    assert max(map(len, table.splitlines())) <= 80
