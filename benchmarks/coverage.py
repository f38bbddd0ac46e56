"""Whether 90% intervals hold the truth, and what the recommended mixture loses, over many planted truths.

Every seed plants a law of seven languages, makes the run table of the reference study's protocol (448 runs,
0.5% noise), fits it, and solves for 1.5B parameters and 350B tokens. Transfer is that of the study's table 1.
What the protocol can't tell - s, since its pairs have equal parts and one size; b; and mostly R - is drawn
anew for every seed from the prior that a fit uses: intervals of such numbers are right on average over the
prior, not for each value. With `progress` gamma is too, and C is 0.05 to 0.3 nats.

A best share counts as covered within 0.05 points of its interval: many are 0, and an optimum is positive.

    python benchmarks/coverage.py [--law ces] [--beta 1.0] [--seeds 200] [--processes 2]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one thread per process

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from planted_study import NAMES, PARAMS, TOKENS, Floats, Truth, apart, protocol, table, transfer_from_gains

import langmix as lm
from langmix.laws import interval
from langmix.laws.forms import FORMS, Scope


def planted(law: str, beta: float, rng: np.random.Generator) -> Truth:
    """A truth of this form; s, b and R from the priors of the fit."""
    scope = Scope(smallest=1.0, one_size=False, one_budget=False, sources=7)
    parameters = {p.name: p for p in FORMS[law].parameters(scope)}

    def drawn(name: str) -> Floats:
        p = parameters[name]
        if p.prior is None:
            return np.full(7, p.low)
        return np.clip(np.exp(p.prior[0] + p.prior[1] * rng.standard_normal(7)), p.low, p.high)

    known = {"s": drawn("s"), "b": drawn("b"), "R": drawn("R")}
    if "gamma" in parameters:
        known |= {"gamma": drawn("gamma"), "C": rng.uniform(0.05, 0.3, 7)}
    return Truth(rng, beta=beta, tau=transfer_from_gains(), **known)


def one(seed: int, law: str, beta: float, draws: int) -> tuple[dict[str, Floats], dict[str, float]]:
    """Per quantity whether each interval holds the truth; regret per mixture."""
    rng = np.random.default_rng([seed, 7])
    truth = planted(law, beta, rng)
    runs = table(truth, apart(protocol()), rng)
    laws = lm.fit(runs, law=law, draws=draws, seed=seed)
    best = laws.best
    # Coefficients are nats at the reference of the table; b is in units of its D0 to the power s.
    size, data = best.reference_params / 1e9, best.reference_tokens / 20e9
    true = {
        "E": truth.E,
        "A": truth.A * size**-truth.alpha,
        "alpha": truth.alpha,
        "B": truth.B * data**-truth.beta,
        "beta": truth.beta,
        "R": truth.R,
        "s": truth.s,
        "b": truth.b * data**-truth.s,
        "C": truth.C * data**-truth.gamma,
        "gamma": truth.gamma,
        "tau": truth.tau,
    }
    inside: dict[str, Floats] = {}
    for name, value in true.items():
        if name not in best.values:
            continue
        low, high = interval(laws.draws.values[name], best.values[name])
        if (low < high).any():
            held = (low <= value) & (value <= high)
            inside[name] = held[~np.eye(7, dtype=bool)] if name == "tau" else held
    mix = lm.allocate(laws, params=PARAMS, tokens=TOKENS, floors=dict.fromkeys(NAMES, 0.0))
    ideal, shares = truth.optimum(), np.array([mix.shares[n] for n in NAMES])
    limits = np.array([mix.intervals[n] for n in NAMES])
    inside["best share"] = (limits[:, 0] - 5e-4 <= ideal) & (ideal <= limits[:, 1] + 5e-4)
    for name, mixture in (("loss, best mixture", ideal), ("loss, uniform", np.full(7, 1 / 7))):
        shown = laws.predict(
            params=PARAMS, tokens=TOKENS, shares=dict(zip(NAMES, mixture / mixture.sum(), strict=True))
        )
        loss = truth.loss(PARAMS, TOKENS, mixture, np.full(7, np.inf))
        inside[name] = np.array(
            [shown.low[n] <= t <= shown.high[n] for n, t in zip(NAMES, loss, strict=True)]
        )
    floored = lm.allocate(laws, params=PARAMS, tokens=TOKENS)
    mixtures = {
        "without floors": shares,
        "default floors": np.array([floored.shares[n] for n in NAMES]),
        "uniform": np.full(7, 1 / 7),
    }
    least = truth.objective(ideal)
    return inside, {name: truth.objective(p) / least - 1 for name, p in mixtures.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--law", default="ces", choices=("ces", "progress", "transfer"))
    parser.add_argument("--beta", type=float, default=1.0, help="scales the data exponents of the study")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200, help="0: regret alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    started = time.time()
    found = []
    with ProcessPoolExecutor(given.processes) as pool:
        work = partial(one, law=given.law, beta=given.beta, draws=given.draws)
        for result in pool.map(work, range(given.seeds)):
            found.append(result)
            if len(found) % 10 == 0:
                print(f"{len(found)} seeds: {time.time() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{given.law}, exponents of tokens times {given.beta:g}, {given.seeds} seeds, {given.draws} draws")
    print(f"{'90% interval of':<20} {'covered':>8} {'by language':>26}")
    for name in found[0][0] if given.draws else ():
        held = np.array([inside[name] for inside, _ in found])
        spread = held.mean(axis=0)
        print(
            f"{name:<20} {100 * held.mean():>7.1f}% {100 * spread.min():>15.0f}% to {100 * spread.max():.0f}%"
        )
    for name in found[0][1]:
        values = [regrets[name] for _, regrets in found]
        numbers = 100 * np.array([np.mean(values), np.median(values), np.max(values)])
        print("regret, {:<14} mean {:.3f}%, median {:.3f}%, worst {:.3f}%".format(name, *numbers))


if __name__ == "__main__":
    main()
