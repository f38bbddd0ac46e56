"""How long allocations take, and how well they agree with CVXPY: `python benchmarks/allocation.py`.

The laws have random coefficients of plausible size (7 or 200 languages that all teach each other); no run
table is needed. CVXPY is in the extra `dev`; without it the last table is left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small matrices are faster on one thread

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[:0] = [
    str(Path(__file__).parents[1] / "tests"),
    str(Path(__file__).parents[1] / "tests" / "allocate"),
]

import allocations  # noqa: E402

import planted  # noqa: E402
from langmix.allocate import add_language, allocate, allocate_compute  # noqa: E402
from langmix.laws import Laws  # noqa: E402

N, D = allocations.N, allocations.D


def laws_of(count: int, *, draws: int) -> Laws:
    """Random laws of any number of languages."""
    names = tuple(f"language{k}" for k in range(count))
    planted.NAMES, allocations.NAMES = names, names
    rng = np.random.default_rng(count)
    best = planted.truth(rng, count, elasticity=0.75)
    best.values["tau"][~np.eye(count, dtype=bool)] *= 7 / count  # all others together teach as much as six do
    return allocations.laws_of(best, draws=draws, spread=0.1)


def timed(solve: Callable[[], object], *, repeats: int) -> float:
    """The fastest of some runs, in seconds: the machine may be shared."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        solve()
        took.append(time.perf_counter() - start)
    return min(took)


def main() -> None:
    """Print both tables."""
    few, many = laws_of(7, draws=0), laws_of(7, draws=1000)
    usual, wide = laws_of(7, draws=200), laws_of(200, draws=0)
    current = dict(zip(usual.languages, (0.4, 0.2, 0.1, 0.1, 0.1, 0.1, 0.0), strict=True))
    last = usual.languages[-1]
    rows: list[tuple[str, Callable[[], object], int, str]] = [
        ("7 languages, best laws", lambda: allocate(few, params=N, tokens=D), 20, "20 ms"),
        ("7 languages, 200 bootstrap laws", lambda: allocate(usual, params=N, tokens=D), 10, ""),
        ("7 languages, 1,000 bootstrap laws", lambda: allocate(many, params=N, tokens=D), 3, "5 s"),
        (
            "the same, loss limits against uniform",
            lambda: allocate(many, params=N, tokens=D, no_worse_than={"uniform": 0.01}),
            3,
            "5 s",
        ),
        (
            "the same, at most 10% of the tokens moved",
            lambda: allocate(many, params=N, tokens=D, near={"uniform": 0.1}),
            3,
            "5 s",
        ),
        ("mean over 200 laws", lambda: allocate(usual, params=N, tokens=D, robust="mean"), 5, ""),
        ("tail mean over 200 laws", lambda: allocate(usual, params=N, tokens=D, robust="cvar"), 5, ""),
        ("tail mean over 1,000 laws", lambda: allocate(many, params=N, tokens=D, robust="cvar"), 1, ""),
        ("compute-optimal, 200 laws", lambda: allocate_compute(usual, flops=1e13), 3, ""),
        (
            "a language added, 200 laws",
            lambda: add_language(
                usual,
                params=N,
                trained=D,
                remaining=D,
                current=current,
                language=last,
                share=0.05,
                no_worse=0.1,
            ),
            3,
            "",
        ),
        ("200 languages, best laws", lambda: allocate(wide, params=N, tokens=D), 3, "2 s"),
        (
            "200 languages, worst language",
            lambda: allocate(wide, params=N, tokens=D, objective="worst"),
            1,
            "2 s",
        ),
        (
            "200 languages, loss limits and distance",
            lambda: allocate(
                wide, params=N, tokens=D, no_worse_than={"uniform": 0.02}, near={"uniform": 0.2}
            ),
            1,
            "2 s",
        ),
    ]
    print(f"{'question':44}{'seconds':>10}{'target':>9}")
    for name, solve, repeats, target in rows:
        print(f"{name:44}{timed(solve, repeats=repeats):10.4f}{target:>9}", flush=True)
    agreement()


def agreement() -> None:
    """Objective of langmix against that of CVXPY with Clarabel, relative."""
    try:
        import cvxpy  # noqa: F401
    except ImportError:
        print("cvxpy is not installed: no comparison with it")
        return
    warnings.simplefilter("ignore")
    laws = laws_of(7, draws=25)
    uniform = dict.fromkeys(laws.languages, 1 / 7)
    print(f"\n{'programme':44}{'difference':>12}{'KKT':>10}{'langmix':>10}{'CVXPY':>9}")
    for name, asked, same in (
        ("no limits", {}, {}),
        ("loss limits", {"no_worse_than": {"uniform": 0.005}}, {"no_worse": 0.005}),
        ("distance", {"near": {"uniform": 0.05}}, {"near": (uniform, 0.05)}),
        ("worst language", {"objective": "worst"}, {"worst": True}),
        ("mean over 25 laws", {"robust": "mean"}, {"robust": "mean"}),
        ("tail mean over 25 laws", {"robust": "cvar"}, {"robust": "cvar"}),
    ):
        start = time.perf_counter()
        mix = allocate(laws, params=N, tokens=D, **asked)  # type: ignore[arg-type]
        ours = time.perf_counter() - start
        start = time.perf_counter()
        _, value = allocations.oracle(laws, **same)  # type: ignore[arg-type]
        theirs = time.perf_counter() - start
        shares = np.array([mix.shares[language] for language in laws.languages])
        losses = laws.best.loss(N, D, shares)
        if "robust" in asked:
            each = np.sort(laws.draws.loss(N, D, shares).mean(axis=1))[::-1]
            found = each.mean() if asked["robust"] == "mean" else (each[0] + each[1] + each[2] / 2) / 2.5
        else:
            found = losses.max() if "objective" in asked else losses.mean()
        print(f"{name:44}{abs(found / value - 1):12.1e}{mix.kkt_residual:10.0e}{ours:9.3f}s{theirs:8.2f}s")


if __name__ == "__main__":
    main()
