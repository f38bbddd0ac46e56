"""What planned runs are worth: regret of the mixture that they lead to, against a study's protocol.

Planted truths stand in for training: 7 languages, exponents and irreducible losses of arXiv 2512.13472
(figure 2), random transfer, 0.5% noise on every loss. The protocol is that study's: 420 runs of one language
(10 sizes, 6 budgets) and 28 of i + j and i + i. Every arm is fitted and solved in the same way, for 1.5B
parameters and 350B tokens, and priced alike: 6 N D, budgets of a size and language as branches of one trunk.

    python benchmarks/planning.py [--truths 8] [--beta 1.0]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from planted_study import BUDGETS, NAMES, NOISE, PARAMS, SIZES, TOKENS, Floats, Truth, protocol, table

import langmix as lm
from langmix.design import PlannedRun, plan
from langmix.design._candidates import Candidate, candidates


def flops(runs: Iterable[PlannedRun]) -> float:
    """Price of runs."""
    return sum(6 * SIZES[run.size] * run.trained_tokens for run in runs)


def at_random(pool: Sequence[Candidate], budget: float, rng: np.random.Generator) -> list[PlannedRun]:
    """Candidates in random order, each up to a random budget, while they are affordable."""
    chosen: list[PlannedRun] = []
    spent = 0.0
    for k in rng.permutation(len(pool)):
        levels = int(rng.integers(1, len(pool[k].run.budgets) + 1))
        price = pool[k].flops(levels)
        if spent + price <= budget:
            spent += price
            chosen.append(pool[k].until(levels))
    return chosen


def decide(runs: lm.RunTable, draws: int = 0, law: str = "transfer") -> tuple[Floats, lm.Laws | None]:
    """The recommended mixture; uniform where the runs are too few to fit all laws."""
    try:
        laws = lm.fit(runs, law=law, draws=draws)
        mix = lm.allocate(laws, params=PARAMS, tokens=TOKENS, floors=dict.fromkeys(NAMES, 0.0))
    except lm.LangmixError:
        return np.full(7, 1 / 7), None
    return np.array([mix.shares[n] for n in NAMES]), laws


def prefix(bought: lm.Plan, budget: float) -> list[PlannedRun]:
    """What a plan buys within its first FLOPs."""
    return list({s.run.run: s.run for s in bought.steps if s.total_flops <= budget}.values())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--truths", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--beta", type=float, default=1.0, help="scales the data exponents of the study")
    parser.add_argument("--s", type=float, default=1.0, help="of the planted law; the transfer law has 1")
    parser.add_argument("--law", default="ces", help="form that is fitted: ces or transfer")
    parser.add_argument("--drift", type=float, default=0.0, help="spread of exponents of N in the data terms")
    parser.add_argument(
        "--parts",
        type=float,
        nargs="+",
        help="of the FLOPs of the protocol",
        default=[0.0003, 0.001, 0.01, 0.1],
    )
    given = parser.parse_args()

    full = protocol()
    total = flops(full)
    started = time.time()
    common = {"params": PARAMS, "tokens": TOKENS, "sizes": SIZES, "budgets": BUDGETS, "noise": NOISE}
    bought = plan(**common, languages=NAMES, budget=max(given.parts) * total)  # type: ignore[arg-type]
    print(
        f"protocol: {sum(len(r.budgets) for r in full)} checkpoints, {total:.3g} FLOPs; "
        f"plan from nothing: {len(bought.runs)} runs, {time.time() - started:.0f} s"
    )
    pool = candidates(
        NAMES,
        sizes=SIZES,
        budgets=dict.fromkeys(SIZES, BUDGETS),
        repetition=False,
        random_mixtures=16,
        concentration=1.0,
        seed=0,
    )
    found: dict[tuple[str, float], list[float]] = {}
    free: list[int] = []
    counted: dict[tuple[str, float], list[int]] = {}

    def note(arm: str, part: float, regret: float, runs: Sequence[PlannedRun]) -> None:
        found.setdefault((arm, part), []).append(regret)
        counted.setdefault((arm, part), []).append(sum(len(r.budgets) for r in runs))

    for k in range(given.truths):
        rng = np.random.default_rng([given.seed, k])
        truth = Truth(rng, beta=given.beta, s=given.s, drift=given.drift)
        ideal = truth.optimum()
        best = truth.objective(ideal)
        free.append(int((ideal > 1e-3).sum()))

        def lost(shares: Floats, truth: Truth = truth, best: float = best) -> float:
            return truth.objective(shares) / best - 1

        note("uniform mixture, no run", 0.0, lost(np.full(7, 1 / 7)), [])
        note("protocol, all runs", 1.0, lost(decide(table(truth, full, rng), law=given.law)[0]), full)
        for part in given.parts:
            arms = {
                "planned": prefix(bought, part * total),
                "random candidates": at_random(pool, part * total, rng),
                "random, 0.1B to 0.4B": at_random([c for c in pool if c.params <= 0.4e9], part * total, rng),
                "random part of the protocol": at_random(
                    [Candidate(run=r, params=SIZES[r.size]) for r in full], part * total, rng
                ),
            }
            for arm, runs in arms.items():
                note(
                    arm,
                    part,
                    lost(decide(table(truth, runs, rng), law=given.law)[0])
                    if runs
                    else lost(np.full(7, 1 / 7)),
                    runs,
                )
            if part > 0.02:  # one round has nothing left to gain
                continue
            # Two rounds: a third of the FLOPs from nothing, the rest from the laws of those runs.
            first = prefix(bought, part * total / 3)
            measured = table(truth, first, rng)
            _, laws = decide(measured, draws=100, law=given.law)
            if laws is None:
                note("planned in two rounds", part, lost(np.full(7, 1 / 7)), first)
                continue
            again = plan(laws, **common, budget=part * total - flops(first), seed=1)  # type: ignore[arg-type]
            more = table(truth, again.runs, rng)
            both = lm.RunTable.from_frame(pd.concat([measured.frame, more.frame]), source="planted truth")
            note("planned in two rounds", part, lost(decide(both, law=given.law)[0]), [*first, *again.runs])
        print(f"truth {k}: {time.time() - started:.0f} s", file=sys.stderr)

    print(f"exponents times {given.beta:g}, s {given.s:g}, drift {given.drift:g}")
    print(f"languages above 0.1% in the best mixtures: {free}")
    print(f"{'runs':<30} {'FLOPs':>8} {'checkpoints':>11} {'regret: mean':>13} {'median':>8} {'worst':>8}")
    for (arm, part), values in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
        numbers = 100 * np.array([np.mean(values), np.median(values), np.max(values)])
        print(
            f"{arm:<30} {100 * part:>7.2g}% {np.mean(counted[arm, part]):>11.0f} "
            f"{numbers[0]:>12.3f}% {numbers[1]:>7.3f}% {numbers[2]:>7.3f}%"
        )


if __name__ == "__main__":
    main()
