"""Planned runs against the protocol of the reference study and random runs, as in benchmarks/planning.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from langmix.design import plan

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "planning.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    specification = importlib.util.spec_from_file_location("planning", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_hundredth_of_the_protocol_decides_better_than_all_of_it(benchmark: ModuleType) -> None:
    b = benchmark
    protocol = b.protocol()
    part = 0.01 * b.flops(protocol)
    bought = plan(
        params=b.PARAMS,
        tokens=b.TOKENS,
        sizes=b.SIZES,
        budgets=b.BUDGETS,
        noise=b.NOISE,
        languages=b.NAMES,
        budget=part,
    )
    assert b.flops(bought.runs) <= part
    regrets = []
    for k in range(3):
        rng = np.random.default_rng([7, k])
        truth = b.Truth(rng, beta=1.0, s=1.0, drift=0.0)
        best = truth.objective(truth.optimum())
        tables = [b.table(truth, runs, rng) for runs in (bought.runs, protocol)]
        regrets.append([truth.objective(b.decide(t)[0]) / best - 1 for t in tables])
    planned, everything = np.mean(regrets, axis=0)
    assert planned < 2e-4
    assert planned < 0.5 * everything
