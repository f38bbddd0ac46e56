"""Allocations made by hand, and what trainers' files say, read without langmix."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from langmix.allocate import Allocation, Comparison, Interval

SHARES = {"python": 0.5, "java": 0.0, "csharp": 0.3, "rust": 0.2}
LENGTHS = {"python": 40.0, "csharp": 10.0, "rust": 80.0}


def allocation(shares: Mapping[str, float] = SHARES, *, tokens: float = 1e9) -> Allocation:
    """An allocation of given shares; nothing but its shares and tokens matters to an exporter."""
    none = Interval(value=0.0, low=0.0, high=0.0)
    zeros = dict.fromkeys(shares, 0.0)
    return Allocation(
        params=1e6,
        tokens=tokens,
        objective="nats_per_token",
        weights=zeros,
        shares=shares,
        intervals={name: (share, share) for name, share in shares.items()},
        losses=dict.fromkeys(shares, none),
        prices=zeros,
        bounds=dict.fromkeys(shares, (0.0, 1.0)),
        against={
            "uniform": Comparison(shares=shares, gain=none, probability=0.5, losses=zeros, prices=zeros)
        },
        kkt_residual=0.0,
        warnings=(),
        runs_sha256="0" * 64,
        langmix_version="test",
    )


def weights_by_path(trainer: str, text: str) -> dict[str, float]:
    """What a file says, by a parser of its grammar alone: path to weight."""
    if trainer == "megatron":
        flag, *words = shlex.split(text)
        assert flag == "--data-path"
        return _in_turn(words)
    if trainer == "megatron-per-split":
        splits = json.loads(text)
        assert list(splits) == ["train", "valid", "test"]
        return _in_turn(splits["train"])
    if trainer == "nemo":
        return _in_turn(json.loads(text))
    if trainer in {"huggingface", "litdata"}:
        return assigned(text, {"huggingface": "PROBABILITIES", "litdata": "WEIGHTS"}[trainer])
    if trainer == "torchtitan":
        return dict(assigned(text, "SOURCES").values())
    content = yaml.safe_load(text)
    if trainer == "megatron-bridge":
        prefixes, weights = content["dataset"]["blend"]
        return dict(zip(prefixes, weights, strict=True))
    if trainer == "olmo-core":
        return {path: one["target_ratio"] for one in content["sources"] for path in one["paths"]}
    if trainer == "nanotron":
        (stage,) = content["data_stages"]
        dataset = stage["data"]["dataset"]
        return dict(zip(dataset["dataset_folder"], dataset["dataset_weights"], strict=True))
    if trainer == "levanter":
        data = content["data"]
        return {data["components"][name]["cache_dir"]: w for name, w in data["train_weights"].items()}
    assert trainer == "mosaic"
    return {
        stream.get("local") or stream["remote"]: stream["proportion"]
        for stream in content["streams"].values()
    }


def assigned(text: str, name: str) -> dict[str, Any]:
    """The literal that a Python file assigns to a name."""
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return dict(ast.literal_eval(statement.value))
    raise AssertionError(f"no {name} in {text}")


def _in_turn(words: list[str]) -> dict[str, float]:
    return {path: float(weight) for weight, path in zip(words[0::2], words[1::2], strict=True)}
