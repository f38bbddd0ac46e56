"""From a run table to the problems of its targets, and their coefficients back in the order of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws._coefficients import Coefficients
from langmix.laws._search import Problem
from langmix.laws._units import geometric_mean, in_units
from langmix.laws.forms import form_named
from langmix.runs import RunTable

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

LEAST_ROWS: Final = 6


def problems(runs: RunTable, law: str) -> Iterator[Problem]:
    """The checkpoints of every target that the form can follow.

    Raises:
        InputError: a target with too few of them.
    """
    params0, tokens0 = reference(runs)
    _, run = np.unique(runs.run, return_inverse=True)
    # Rows and sources in an order of their own: sums, and so the last digits of a fit, do not depend on
    # how the table happened to be sorted.
    sorted_rows, sources = np.lexsort((runs.tokens, run)), _sources(runs)
    for i, target in enumerate(runs.targets):
        own = own_source(runs, target)
        used = sorted_rows[usable_rows(runs, i, law)[sorted_rows]]
        if len(used) < LEAST_ROWS:
            raise InputError(
                f"{runs.source}: target {target!r} has {len(used)} usable checkpoints; a law has 5 "
                f"parameters and needs at least {LEAST_ROWS} checkpoints with a measured loss"
                + (f" and tokens of {target}" if target in runs.languages else "")
            )
        yield Problem(
            target=target,
            form=law,
            own=int(np.flatnonzero(sources == own)[0]),
            params=in_units(runs.params[used], params0),
            tokens=in_units(runs.tokens[used, None] * runs.shares[used][:, sources], tokens0),
            unique=in_units(runs.unique[used][:, sources], tokens0),
            loss=runs.losses[used, i],
            run=run[used],
        )


def usable_rows(runs: RunTable, target: int, law: str) -> Rows:
    """Checkpoints with a loss that the form can follow.

    A model that never saw a language, trained on one or two others, has a loss of another kind: fitted
    together with the rest it doubles the error on held-out mixtures. A mixture of three and more languages
    that lacks the target's own is one among many mixtures, and is fitted where the form can follow it.
    """
    measured = np.isfinite(runs.losses[:, target])
    name = runs.targets[target]
    if name not in runs.languages and not form_named(law).needs_own:
        return measured
    taught = runs.shares[:, own_source(runs, name)] > 0
    if not form_named(law).needs_own:
        taught |= (runs.shares > 0).sum(axis=1) >= 3
    usable: Rows = measured & taught
    return usable


def own_source(runs: RunTable, target: str) -> int:
    """The source whose tau is 1: the target's own language, else the one with most tokens.

    Of several with as many, the first in alphabetical order.
    """
    if target in runs.languages:
        return runs.languages.index(target)
    sources = _sources(runs)
    total = (np.sort(runs.tokens[:, None] * runs.shares, axis=0)).sum(axis=0)[sources]
    return int(sources[np.argmax(in_units(total, float(total.max())))])


def _sources(runs: RunTable) -> NDArray[np.intp]:
    """The sources in alphabetical order: how problems count them."""
    return np.argsort(np.array(runs.languages))


def in_table_order(c: Coefficients, runs: RunTable) -> Coefficients:
    """Coefficients with the sources as the table has them."""
    sources = _sources(runs)
    return c.reordered(np.argsort(sources), sources[c.own])


def reference(runs: RunTable) -> tuple[float, float]:
    """N0 and D0: geometric means over the checkpoints."""
    return geometric_mean(runs.params), geometric_mean(runs.tokens)
