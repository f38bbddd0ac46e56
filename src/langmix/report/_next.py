"""What the runs cannot tell, and which runs would."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final, NamedTuple

import numpy as np

from langmix.allocate import Allocation
from langmix.design import Plan, Step, plan
from langmix.languages import label, short_label
from langmix.laws import Laws, Status
from langmix.quantities import count
from langmix.runs import RunTable

_SIZES: Final = 3
"""Sizes and budgets that a run may have: two with more languages than `_MANY`, whose pairs are hundreds."""
_MANY: Final = 12
_PART: Final = 0.1
"""Part of the FLOPs of the runs so far that the plan of the page may spend."""
_STEPS: Final = 12
_HALF: Final = 0.5
_NAMED: Final = 4


class _Parameter(NamedTuple):
    """A parameter of the laws: what it is, and runs that tell it."""

    what: str
    runs: str


_PARAMETERS: Final = {
    "E": _Parameter("E, the loss that no model and no data take away", "larger and longer runs"),
    "A": _Parameter("A, what a larger model could gain", "models of further sizes"),
    "alpha": _Parameter("alpha, the exponent of parameters", "models over a wider range of sizes"),
    "B": _Parameter("B, what more data could gain", "runs of further token budgets"),
    "beta": _Parameter("beta, the exponent of effective tokens", "runs over a wider range of its own tokens"),
    "s": _Parameter(
        "s, how soon more of one language is worth less", "mixtures with little and with much of it"
    ),
    "b": _Parameter("b, what a model knows without these languages", "mixtures with very little of it"),
    "R": _Parameter("R, what repeated tokens are worth", "runs that pass over the same tokens several times"),
    "C": _Parameter(
        "C, what all tokens gain, whatever the language", "equal mixtures at further token budgets"
    ),
    "gamma": _Parameter("gamma, the exponent of all tokens", "equal mixtures at further token budgets"),
}
_TAUGHT: Final = _Parameter("what other languages teach", "mixtures of the two, and of it with them")


def unknown_rows(laws: Laws) -> list[dict[str, str]]:
    """A row per parameter that the runs say next to nothing about: of which targets, and which runs would."""
    found: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for summary in laws.summaries:
        for why, names in (
            ("the prior rules", summary.unidentified),
            ("at a bound of the search", summary.at_bound),
            ("held at a value", summary.fixed),
        ):
            for name in names:
                parameter = _parameter(name)
                found[parameter.what, why, parameter.runs].append(_subject(summary.target, name))
        if summary.runs == 1:
            found["all of its law", "a single run", "more runs"].append(label(summary.target))
        if summary.status is Status.NOT_CONVERGED:
            found["all of its law", "the search did not end", "more runs"].append(label(summary.target))
    return [
        {"what": what, "targets": _listed(names), "why": why, "runs": runs}
        for (what, why, runs), names in found.items()
    ]


_PLANNED: Final = ("weights", "available")
_ASKED: Final = {
    "no_worse_than": "no language worse",
    "max_epochs": "epochs",
    "fixed": "fixed shares",
    "near": "the distance from a mixture",
}


def next_runs(runs: RunTable, laws: Laws, allocation: Allocation) -> Plan:
    """Runs of sizes and budgets like those so far that most improve this answer, for a tenth of their FLOPs.

    Raises:
        InputError: too few bootstrap draws to know what is uncertain, or no share that runs could move.
    """
    asked = allocation.asked or {}
    most = _SIZES if len(laws.languages) <= _MANY else 2
    sizes = _spread(np.unique(runs.params), most)
    budgets = [round(b) for b in _spread(np.unique(runs.tokens), most)]
    cheapest = 6 * sizes[0] * budgets[0]
    return plan(
        laws,
        params=allocation.params,
        tokens=allocation.tokens,
        sizes={count(size): size for size in sizes},
        budgets=budgets,
        budget=max(_PART * _spent(runs), _STEPS * cheapest),
        weights=asked.get("weights"),
        available=asked.get("available"),
    )


def plan_values(planned: Plan, runs: RunTable, allocation: Allocation) -> dict[str, Any]:
    """The first purchases of a plan, up to half of the regret, and what they cost beside the runs so far.

    `next_runs` knows what counts and what is available, and no other limit of the answer: those are named.
    """
    asked = allocation.asked or {}
    ignored = [_ASKED.get(name, name) for name in asked if name not in (*_PLANNED, "mixtures", "baseline")]
    steps = list(planned.steps[:_STEPS])
    half = next((k for k, step in enumerate(steps) if step.removed >= _HALF), len(steps) - 1)
    return {
        "ignored": ignored,
        "regret": planned.regret,
        "least": planned.least_regret,
        "params": planned.params,
        "tokens": planned.tokens,
        "spent": _spent(runs),
        "warnings": planned.warnings,
        "rows": [
            {
                "what": _mixture(step),
                "size": step.run.size,
                "tokens": step.run.budgets[-1],
                "extends": step.extends,
                "flops": step.flops,
                "total": step.total_flops,
                "regret": step.regret,
                "removed": step.removed,
            }
            for step in steps[: half + 1]
        ],
    }


def _parameter(name: str) -> _Parameter:
    if "[" in name:
        return _TAUGHT
    return _PARAMETERS.get(name, _Parameter(name, "runs of further sizes, budgets and mixtures"))


def _subject(target: str, parameter: str) -> str:
    """The target, and the language that teaches it where the parameter is of a pair."""
    source = parameter.partition("[")[2].removesuffix("]")
    return f"{label(target)} by {label(source)}" if source else label(target)


def _spent(runs: RunTable) -> float:
    """FLOPs of the runs so far: 6 N D of the last checkpoint of each."""
    flops = 6 * runs.params * runs.tokens
    return sum(float(flops[runs.run == name].max()) for name in sorted(set(runs.run)))


def _listed(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) <= 2 * _NAMED:
        return ", ".join(unique)
    return f"{', '.join(unique[:_NAMED])} and {len(unique) - _NAMED} others"


def _spread(values: np.ndarray[Any, Any], most: int) -> list[float]:
    if len(values) > most:
        values = values[np.linspace(0, len(values) - 1, most).round().astype(int)]
    return [float(value) for value in values]


def _mixture(step: Step) -> str:
    """The mixture of a run, largest shares first."""
    shares = sorted(step.run.shares.items(), key=lambda item: -item[1])
    listed = [f"{short_label(name)} {100 * share:.0f}%" for name, share in shares if share >= 0.005]
    more = len(listed) - _NAMED
    said = ", ".join(listed[:_NAMED]) + (f", {more} more" if more > 0 else "")
    return said + (", repeated" if step.run.unique else "")
