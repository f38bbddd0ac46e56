"""langmix beside what pip can install: `make rivals`, or `python benchmarks/rivals.py FOLDER [--repeats 3]`.

FOLDER holds chinchilla.csv and the two tables of RegMix. One table is printed: the optimum of the standard
protocol on Hoffmann et al.'s figure, the ranking of mixtures that no fit saw, and bootstrap refits. Rivals
get analytic gradients, tolerances that suit the objective, and the starts of their authors.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small matrices are faster on one thread

import argparse
import itertools
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import lightgbm
import numpy as np
import pandas as pd
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import spearmanr

from langmix.laws import fit
from langmix.runs import RunTable, read_runs

Floats = NDArray[np.float64]
T = TypeVar("T")

PARTS: Final = ("optimum", "ranking", "refits")
DELTA: Final = 1e-3
KEPT: Final = 240
"""Of 245 runs: the standard protocol drops the 5 highest losses."""
REFITS: Final = 400
GRID: Final = {
    "a": np.arange(0.0, 26.0, 5.0),
    "b": np.arange(0.0, 26.0, 5.0),
    "e": np.arange(-1.0, 1.1, 0.5),
    "alpha": np.arange(0.0, 2.1, 0.5),
    "beta": np.arange(0.0, 2.1, 0.5),
}
"""The 4,500 starts of Hoffmann et al. 2022 (arXiv 2203.15556, appendix D.3)."""
BOOSTED: Final = {
    "boosting_type": "gbdt",
    "objective": "regression",
    "metric": "l2",
    "num_iterations": 1000,
    "seed": 42,
    "learning_rate": 1e-2,
    "verbosity": -1,
    "num_threads": 1,
}
"""RegMix's settings (arXiv 2407.01492), stopping on l2 alone, with one thread as for langmix."""


class Law(NamedTuple):
    """E + A N^-alpha + B D^-beta."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    @classmethod
    def of(cls, theta: Floats) -> Law:
        """From a, b, e, alpha and beta, with A = exp a and so on."""
        a, b, e, alpha, beta = map(float, theta)
        return cls(np.exp(e), np.exp(a), np.exp(b), alpha, beta)


class Data(NamedTuple):
    """The runs of the standard protocol, in logarithms."""

    n: Floats
    d: Floats
    loss: Floats

    def objective(self, theta: Floats, weights: Floats | float = 1.0) -> tuple[float, Floats]:
        """Summed Huber loss of the log residuals at (a, b, e, alpha, beta), and its gradient."""
        a, b, e, alpha, beta = theta
        parts = np.array([a - alpha * self.n, b - beta * self.d, np.full_like(self.n, e)])
        top = parts.max(axis=0)
        each = np.exp(parts - top)
        total = each.sum(axis=0)
        off = top + np.log(total) - self.loss
        size = np.abs(off)
        value = np.where(size <= DELTA, 0.5 * off**2, DELTA * (size - 0.5 * DELTA))
        slope = weights * np.clip(off, -DELTA, DELTA) * each / total
        by_a, by_b, by_e = slope.sum(axis=1)
        gradient = np.array([by_a, by_b, by_e, -(slope[0] @ self.n), -(slope[1] @ self.d)])
        return float((weights * value).sum()), gradient

    def of_law(self, law: Law) -> float:
        """The objective of a law."""
        theta = [np.log(law.A), np.log(law.B), np.log(law.E), law.alpha, law.beta]
        return self.objective(np.array(theta))[0]


def timed(run: Callable[[], T], repeats: int) -> tuple[T, float]:
    """What a call returns, and the median of its seconds."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = run()
        took.append(time.perf_counter() - start)
    return found, statistics.median(took)


def lbfgs(data: Data, start: Floats, weights: Floats | float = 1.0) -> tuple[float, Floats]:
    """L-BFGS with an analytic gradient, and tolerances for an objective of the order of 1e-3."""
    found = minimize(
        data.objective,
        start,
        args=(weights,),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000},
    )
    return float(found.fun), found.x


def multi_start(data: Data, every: int) -> tuple[float, Floats]:
    """The best of every so many starts of the grid."""
    starts = list(itertools.product(*GRID.values()))[::every]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return min((lbfgs(data, np.array(start)) for start in starts), key=lambda end: end[0])


def chinchilla_package(data: Data, runs: RunTable) -> None:
    """The PyPI package as its README has it, and with the paper's objective, once: it takes all cores."""
    grid = {
        "E": np.linspace(1, 2, 5),
        "a": np.linspace(1, 10, 5),
        "b": np.linspace(1, 10, 5),
        "alpha": np.linspace(0.1, 0.7, 5),
        "beta": np.linspace(0.1, 0.7, 5),
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.DataFrame({"N": runs.params, "D": runs.tokens, "loss": runs.losses[:, 0]})
        frame.insert(0, "C", 6 * frame["N"] * frame["D"])
        frame.to_csv(Path(folder, "df.csv"), index=False)
        for name, loss in (
            ("its own objective", {}),
            ("log_huber", {"loss_fn": partial(log_huber, delta=DELTA)}),
            ("log_huber times 1e6", {"loss_fn": larger}),
        ):
            package = Chinchilla(folder, param_grid=grid, log_level=40, **loss)
            _, seconds = timed(package.fit, 1)
            law = Law(*(float(getattr(package, p)) for p in Law._fields))
            shown(f"chinchilla {version('chinchilla')}, {name}", data, law, seconds)


def larger(measured: Floats, predicted: Floats) -> Floats:
    """The paper's loss in a unit in which the package's fixed tolerance, a gradient of 1e-5, is small."""
    scaled: Floats = 1e6 * log_huber(measured, predicted, delta=DELTA)
    return scaled


def shown(name: str, data: Data, law: Law, seconds: float) -> None:
    """One line."""
    value = data.of_law(law)
    print(
        f"  {name:<45} {value:.9e}  {law.E:.4f} {law.A:8.1f} {law.B:8.0f} {law.alpha:.5f} {law.beta:.5f}"
        f" {seconds:9.3f}"
    )


def optimum(data: Data, runs: RunTable, repeats: int) -> None:
    """Part 1."""
    print(
        f"\nchinchilla.csv, {KEPT} runs, summed Huber loss (1e-3) of the log loss\n"
        f"  {'':<45} {'objective':<16} {'E':<6} {'A':>8} {'B':>8} {'alpha':<7} {'beta':<7} {'seconds':>9}"
    )
    laws, seconds = timed(lambda: fit(runs, law="chinchilla", draws=0, delta=DELTA), max(repeats, 5))
    c = laws.best
    alpha, beta = (float(c.values[k][0]) for k in ("alpha", "beta"))
    ours = Law(
        float(c.values["E"][0]),
        float(c.values["A"][0]) * c.reference_params**alpha,
        float(c.values["B"][0]) * c.reference_tokens**beta,
        alpha,
        beta,
    )
    shown("langmix, starts by projection", data, ours, seconds)
    for every in (9, 1):
        (_, theta), seconds = timed(partial(multi_start, data, every), repeats)
        shown(f"scipy L-BFGS-B, {4500 // every:,} starts", data, Law.of(theta), seconds)
    chinchilla_package(data, runs)


def boosted(train: RunTable, test: RunTable, stopping: bool = False, leaf: int = 20) -> Floats:
    """LightGBM per loss; early stopping is on a tenth of the training runs (at least 3), held back."""
    order = np.random.default_rng(0).permutation(len(train))
    held = order[: max(len(train) // 10, 3)] if stopping else order[:0]
    kept = np.setdiff1d(order, held)
    found = []
    for target in train.losses.T:
        data = lightgbm.Dataset(train.shares[kept], target[kept])
        stop = {
            "valid_sets": [lightgbm.Dataset(train.shares[held], target[held], reference=data)],
            "callbacks": [lightgbm.early_stopping(stopping_rounds=3, verbose=False)],
        }
        found.append(
            lightgbm.train({**BOOSTED, "min_data_in_leaf": leaf}, data, **(stop if stopping else {})).predict(
                test.shares
            )
        )
    return np.column_stack(found)


def rank(found: Floats, measured: Floats) -> float:
    """Spearman's correlation; 0 where one number is predicted for all."""
    return float(spearmanr(found, measured).statistic) if np.ptp(found) > 0 else 0.0


def ranking(folder: Path, repeats: int) -> None:
    """Part 2."""
    train, test = (read_runs(folder / f"regmix-1m-{part}.csv") for part in ("train", "test"))
    rng = np.random.default_rng(0)
    few = [np.isin(np.arange(len(train)), rng.choice(len(train), 32, replace=False)) for _ in range(3)]

    def law(form: str, part: RunTable) -> Floats:
        best = fit(part, law=form, draws=0).best
        return best.loss(test.params[:, None], test.tokens[:, None], test.shares)

    methods: dict[str, Callable[[RunTable], Floats]] = {
        "langmix ces": partial(law, "ces"),
        "langmix transfer": partial(law, "transfer"),
        "LightGBM, early stopping in the training runs": partial(boosted, test=test, stopping=True),
        "LightGBM, all 1,000 rounds": partial(boosted, test=test),
        "LightGBM, all 1,000 rounds, 5 runs a leaf": partial(boosted, test=test, leaf=5),
        "LightGBM, all 1,000 rounds, 2 runs a leaf": partial(boosted, test=test, leaf=2),
    }
    print(
        f"\nregmix-1m, {len(test)} test runs, 13 losses; 32 runs: mean of 3 draws\n"
        f"  {'':<45} {'runs':>5} {'Spearman':>9} {'error':>7} {'seconds':>9}"
    )
    for count, masks in ((512, [np.ones(len(train), dtype=bool)]), (32, few)):
        for name, predict in methods.items():
            scores = []
            for mask in masks:
                found, seconds = timed(partial(predict, train.select(mask)), repeats)
                ranks = [rank(a, b) for a, b in zip(found.T, test.losses.T, strict=True)]
                scores.append((np.mean(ranks), np.abs(found / test.losses - 1).mean(), seconds))
            correlation, error, took = np.mean(scores, axis=0)
            print(f"  {name:<45} {count:>5} {correlation:>9.4f} {100 * error:>6.2f}% {took:>9.2f}")


def refits(data: Data, runs: RunTable, repeats: int) -> None:
    """Part 3: a Bayesian bootstrap over runs, every refit from the optimum."""
    print(
        f"\nbootstrap refits of chinchilla.csv, from the optimum\n"
        f"  {'':<45} {'per second':>10} {'sd alpha':>9} {'sd beta':>9}"
    )
    spread = []
    laws, with_draws = timed(lambda: fit(runs, law="chinchilla", draws=4000, delta=DELTA), repeats)
    _, without = timed(lambda: fit(runs, law="chinchilla", draws=0, delta=DELTA), repeats)
    spread.append(
        (
            "langmix, 4,000",
            4000 / (with_draws - without),
            [laws.draws.values[k].std() for k in ("alpha", "beta")],
        )
    )
    _, best = multi_start(data, 90)
    rng = np.random.default_rng(0)
    weights = rng.exponential(size=(REFITS, KEPT))
    ends, seconds = timed(lambda: np.array([lbfgs(data, best, w)[1] for w in weights]), repeats)
    spread.append((f"scipy L-BFGS-B, {REFITS}", REFITS / seconds, [ends[:, k].std() for k in (3, 4)]))
    for name, rate, (alpha, beta) in spread:
        print(f"  {name:<45} {rate:>10,.0f} {alpha:>9.4f} {beta:>9.4f}")


def machine() -> str:
    """The processor, its cores and the versions."""
    found = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    packages = ("langmix", "numpy", "scipy", "lightgbm", "chinchilla")
    return (
        f"{found[0] if found else platform.processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3, help="of every timing; the median is shown")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="the first takes longest")
    asked = parser.parse_args()
    print(f"{machine()}; one thread but where said; medians of {asked.repeats}")
    frame = pd.read_csv(asked.folder / "chinchilla.csv").sort_values("loss.text").head(KEPT)
    runs = RunTable.from_frame(frame, source="chinchilla.csv")
    data = Data(np.log(runs.params), np.log(runs.tokens), np.log(runs.losses[:, 0]))
    if "optimum" in asked.parts:
        optimum(data, runs, asked.repeats)
    if "ranking" in asked.parts:
        ranking(asked.folder, asked.repeats)
    if "refits" in asked.parts:
        refits(data, runs, asked.repeats)


if __name__ == "__main__":
    main()
