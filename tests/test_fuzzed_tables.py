"""Whatever table is read, the answer is numbers that hold together or an error that says what to do."""

from __future__ import annotations

import math
import os
import re
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pytest

from fuzzed import written
from langmix.allocate import Allocation, allocate
from langmix.errors import LangmixError
from langmix.laws import FORMS, Laws, Prediction, fit
from langmix.runs import RunTable, read_runs
from langmix.transfer import synergy

T = TypeVar("T")

QUICK, ALL = 150, 10_000


class Outcome(NamedTuple):
    """What became of a table: a result or a typed error per step, or a failure in full."""

    steps: dict[str, str]
    failure: str


def outcome(seed: int, *, laws: tuple[str, ...] = tuple(FORMS)) -> Outcome:
    """Read, compare, fit, predict and allocate table number ``seed`` under one of the laws, if any."""
    steps: dict[str, str] = {}

    def step(name: str, run: Callable[[], T]) -> T | None:
        try:
            found = run()
        except LangmixError as error:
            message = str(error)
            assert 20 < len(message) < 3000, f"{name}: a message of {len(message)} characters"
            steps[name] = message
            return None
        steps[name] = "result"
        return found

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generator
        path, faults = written(seed, Path(folder))
        warnings.simplefilter("error")
        try:
            runs = step("read", lambda: read_runs(path))
            if runs is not None:
                pipeline(runs, seed, laws, step)
        except Exception:  # anything but a typed error is a failure of langmix
            return Outcome(steps, f"table {seed} ({', '.join(faults)}): {traceback.format_exc()}")
    return Outcome(steps, "")


def pipeline(runs: RunTable, seed: int, forms: tuple[str, ...], step: Callable[..., object]) -> None:
    rng = np.random.default_rng(seed)
    for found in step("synergy", lambda: synergy(runs)) or ():  # type: ignore[attr-defined]
        assert not np.isinf(found.gain).any(), "synergy"
        assert set(found.frame().columns) >= {"target", "gain"}
    if not forms:
        return
    few = len(runs.languages) <= 2 and len(runs.targets) <= 2
    compared = few and len(forms) > 2 and rng.random() < 0.03
    law = None if compared else str(rng.choice(forms))
    laws = step("fit", lambda: fit(runs, law=law, draws=8))
    if not isinstance(laws, Laws):
        return
    shares = dict(zip(runs.languages, rng.dirichlet(np.ones(len(runs.languages))), strict=True))
    middle = {"params": float(np.median(runs.params)), "tokens": float(np.median(runs.tokens))}
    for name, asked in (("predict", middle), ("predict far away", {"params": 1.5e9, "tokens": 350e9})):
        told = step(name, lambda asked=asked: laws.predict(**asked, shares=shares))
        if told is not None:
            check_prediction(told)  # type: ignore[arg-type]
    limits = [{}, {"available": dict.fromkeys(runs.languages, middle["tokens"]), "max_epochs": 2.0}]
    mix = step("allocate", lambda: allocate(laws, **middle, **limits[int(rng.integers(2))]))
    if mix is not None:
        check_allocation(mix)  # type: ignore[arg-type]


def check_prediction(told: Prediction) -> None:
    for target, loss in told.loss.items():
        assert 0 <= loss < math.inf, f"predict: {target} {loss}"
        assert told.low[target] <= loss <= told.high[target], f"predict: interval of {target}"
        assert math.isfinite(told.high[target]), f"predict: interval of {target}"


def check_allocation(mix: Allocation) -> None:
    assert all(share >= 0 for share in mix.shares.values()), f"allocate: {mix.shares}"
    assert math.isclose(sum(mix.shares.values()), 1.0, abs_tol=1e-9), f"allocate: {mix.shares}"
    assert all(map(math.isfinite, mix.prices.values())), f"allocate: prices {mix.prices}"
    numbers = [*mix.losses.values(), *(other.gain for other in mix.against.values())]
    assert all(math.isfinite(number.value) for number in numbers), f"allocate: {numbers}"
    if mix.draws:  # without any, intervals are NaN: said and documented
        assert all(n.low <= n.value <= n.high for n in numbers), f"allocate: {numbers}"
        assert all(low <= mix.shares[k] <= high for k, (low, high) in mix.intervals.items()), "allocate"


def test_fuzzed_run_tables_give_numbers_or_typed_errors() -> None:
    """All are read; a fifth is fitted, with the law that is quickest to fit."""
    found = [outcome(seed, laws=() if seed % 5 else ("chinchilla",)) for seed in range(QUICK)]
    assert not [o.failure for o in found if o.failure]
    assert sum(o.steps.get("allocate") == "result" for o in found) > QUICK / 25


@pytest.mark.fuzz
def test_ten_thousand_fuzzed_run_tables() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = list(pool.map(outcome, range(ALL), chunksize=50))
    print("\n".join(tally(found)))
    assert not [o.failure for o in found if o.failure][:3]
    assert sum(o.steps.get("allocate") == "result" for o in found) > ALL / 10


def tally(found: list[Outcome]) -> list[str]:
    """A line per step: results, and typed errors by their commonest beginnings."""
    lines = [f"{len(found)} tables, {sum(bool(o.failure) for o in found)} failures"]
    for name in dict.fromkeys(step for o in found for step in o.steps):
        said = [o.steps[name] for o in found if name in o.steps]
        heads = Counter(head(message) for message in said if message != "result")
        lines.append(f"{name}: {said.count('result')} results, {sum(heads.values())} typed errors")
        lines += [f"    {times:5d}  {message}" for message, times in heads.most_common()]
    return lines


def head(message: str) -> str:
    """The beginning of a message without the file, names and numbers."""
    message = re.sub(r"^\S+\.(csv|parquet): ?", "", message)
    message = re.sub(r"'[^']*'|\(.*?\)|[-+]?\d[\d.e+-]*|\bnan\b|\binf\b", "#", message)
    return re.sub(r"\s+", " ", re.split("[;:]", message)[0])[:70]
