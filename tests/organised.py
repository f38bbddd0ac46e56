"""Planted run tables whose runs differ in how their data are organised."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from langmix.runs import RunTable

SIZES = (50e3, 120e3, 300e3, 700e3)
BUDGETS = (1e6, 2e6, 4e6, 8e6)
DIRECTIONS = ("python>java", "java>python", "java>go", "go>java")
SEEN = DIRECTIONS[:2]
FLOOR = {"shuffled": 1.0, "paired": 0.8, "paired-prompt": 0.7}
DATA = {"shuffled": 1.5, "paired": 1.2, "paired-prompt": 1.3}


def factor(organisation: str, target: str, n: float, d: float) -> float:
    """Planted: levels of each organisation, exponents in common; pairs help seen directions only."""
    here = organisation if target in SEEN else "shuffled"
    return FLOOR[here] + 0.4 * (n / 1e5) ** -0.35 + DATA[here] * (d / 1e6) ** -0.6


def apart(organisation: str, target: str, n: float, d: float) -> float:
    beta = {"shuffled": 0.3, "paired": 0.9, "paired-prompt": 0.6}[organisation]
    return 1.0 + 0.4 * (n / 1e5) ** -0.35 + 1.5 * (d / 1e6) ** -beta


def planted(
    law: Callable[[str, str, float, float], float], *, noise: float = 0.0, seeds: int = 2
) -> RunTable:
    rng = np.random.default_rng(0)
    rows = [
        {
            "run": f"{organisation}-{n:g}-s{seed}",
            "params": n,
            "tokens": d,
            "seed": seed,
            "organisation": organisation,
            **{f"share.{name}": float(name == organisation) for name in FLOOR},
            **{
                f"loss.{target}": law(organisation, target, n, d) * math.exp(noise * rng.standard_normal())
                for target in ("java", *DIRECTIONS)
            },
        }
        for organisation in FLOOR
        for n in SIZES
        for seed in range(seeds)
        for d in BUDGETS
    ]
    return RunTable.from_frame(pd.DataFrame(rows), source="planted")


def with_parts(runs: RunTable) -> RunTable:
    """With runs of the smallest size that mix organisations; their losses lie on the line between."""
    rows = [
        {
            "run": f"{organisation}-{part:g}",
            "params": SIZES[0],
            "tokens": d,
            "seed": 0,
            "organisation": "mixed",
            **dict.fromkeys((f"share.{name}" for name in FLOOR), 0.0),
            "share.shuffled": 1 - part,
            f"share.{organisation}": part,
            **{
                f"loss.{target}": (1 - part) * factor("shuffled", target, SIZES[0], d)
                + part * factor(organisation, target, SIZES[0], d)
                for target in ("java", *DIRECTIONS)
            },
        }
        for organisation in ("paired", "paired-prompt")
        for part in (0.25, 0.5, 0.75)
        for d in BUDGETS
    ]
    return RunTable.from_frame(pd.concat([runs.frame, pd.DataFrame(rows)]), source=runs.source)
