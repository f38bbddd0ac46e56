"""The printed figures of arXiv 2512.13472, with the places where the print contradicts itself.

They are for comparison, and for use as a prior by those who ask for it: nothing takes them by default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Inconsistency:
    """A place where the print contradicts itself.

    Attributes:
        where: the table, equation or text.
        what: the contradiction.
        reading: how it was read here.
    """

    where: str
    what: str
    reading: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Published:
    """Figures as printed; what is not printed (A, B, gamma, standard errors) is not here.

    Attributes:
        citation: title, authors, arxiv, year, venue.
        exponents: a row per language, columns ``alpha_N``, ``alpha_D`` and ``L_inf`` (loss per token, as
            printed), from figure 2.
        synergy: shape (7, 7), target by auxiliary: part by which the loss on the target falls when the
            auxiliary replaces the second copy of the target's data (0.01 = 1%), from table 1.
        loss_twice: per language, the loss on its own data seen twice, from table 1.
        translation: laws A N^-alpha + B D^-beta + L_inf of translation, N and D in billions.
        multipl_e: pass@1 in percent, by parameters (not billions) and organisation of the data.
        equation_8: ``alpha_N``, ``alpha_D`` and ``L_inf`` at the optimum that is printed.
        grid: ``params`` and ``tokens`` (not billions) of the runs of one language.
        pairs: tokens, and numbers of runs, of the synergy runs.
        allocation: the two trainings that were compared; pass@1 in percent.
        protocol: what was run, in sentences.
        inconsistencies: where the print contradicts itself.
    """

    citation: Mapping[str, Any]
    exponents: pd.DataFrame
    synergy: pd.DataFrame
    loss_twice: pd.Series[float]
    translation: pd.DataFrame
    multipl_e: pd.DataFrame
    equation_8: Mapping[str, float]
    grid: Mapping[str, tuple[float, ...]]
    pairs: Mapping[str, float]
    allocation: Mapping[str, float]
    protocol: tuple[str, ...]
    inconsistencies: tuple[Inconsistency, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """The seven, in the order of the print."""
        return tuple(self.exponents.index)

    @property
    def pair_losses(self) -> pd.DataFrame:
        """Loss on the target (row) beside the auxiliary (column): loss(i + j) = loss(i + i) (1 - gain)."""
        return (1 - self.synergy).mul(self.loss_twice, axis=0)


def published() -> Published:
    """The figures that *Scaling Laws for Code: Every Programming Language Matters* prints.

    >>> published().exponents.loc["csharp", "L_inf"]
    np.float64(0.288)
    """
    study = json.loads(_file("study.json").read_text(encoding="utf-8"))
    table = _table("synergy.csv").set_index("target")
    return Published(
        citation=study["citation"],
        exponents=_table("languages.csv").set_index("language"),
        synergy=table.drop(columns="loss_twice").rename_axis(columns="auxiliary") / 100,
        loss_twice=table["loss_twice"],
        translation=_table("translation.csv"),
        multipl_e=_table("multipl_e.csv").set_index("params"),
        equation_8=study["equation_8"],
        grid={name: tuple(values) for name, values in study["grid"].items()},
        pairs=study["pairs"],
        allocation=study["allocation"],
        protocol=tuple(study["protocol"]),
        inconsistencies=tuple(Inconsistency(**one) for one in study["inconsistencies"]),
    )


def _file(name: str) -> resources.abc.Traversable:
    return resources.files("langmix.published").joinpath(name)


def _table(name: str) -> pd.DataFrame:
    with resources.as_file(_file(name)) as path:
        return pd.read_csv(path)
