"""Laws: the fitted law of every target, with its uncertainty, its reach and its provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws._coefficients import Coefficients
from langmix.laws._fit import Status
from langmix.laws._reach import Reach
from langmix.runs import RunTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

INTERVAL: Final = 0.9
"""Coverage of every interval that langmix prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSummary:
    """How the fit of one target went.

    Attributes:
        rows: checkpoints that it was fitted to.
        runs: that the checkpoints are of; the intervals of a single one hold the scatter of its checkpoints.
        noise: typical relative deviation of a measured loss from the law (0.01 = 1%).
        fixed: parameters that the runs cannot tell at all, held at a value: alpha, where all have one size.
        unidentified: parameters that the prior rules, because the runs say next to nothing about them.
        at_bound: parameters at a bound of the search.
    """

    target: str
    status: Status
    rows: int
    noise: float
    runs: int = 0
    fixed: tuple[str, ...] = ()
    unidentified: tuple[str, ...] = ()
    at_bound: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOutError:
    """Error of one form of law on runs that its fit did not see.

    Attributes:
        form: name of the form.
        split: how the held-out checkpoints were chosen: ``new runs``, ``larger N`` or ``larger D``.
        error: mean absolute relative error of the loss over targets and checkpoints (0.01 = 1%).
        rows: held-out checkpoints times targets.
    """

    form: str
    split: str
    error: float
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the laws come from, so that every number can be traced to runs."""

    runs: str
    runs_sha256: str
    checkpoints: int
    langmix_version: str
    seed: int
    tokenizer: str | None = None
    params_convention: str = "as in the run table (langmix's own runs: non-embedding parameters)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """Predicted losses of one training run.

    Attributes:
        loss: nats per token, per target.
        low, high: the 90% interval of the law's uncertainty (the noise of a single run comes on top).
        warnings: what makes the prediction doubtful, in sentences.
    """

    loss: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Laws:
    """The fitted laws of all targets.

    Attributes:
        form: the form that was taken, one of `FORMS`.
        languages: the sources, in the order of the share vector.
        targets: what losses are predicted.
        best: the coefficients, shapes (T,) and (T, K).
        draws: coefficients of the bootstrap draws, shapes (S, T) and (S, T, K).
        summaries: one per target.
        reach: the range of the runs.
        held_out: errors of the forms that were compared; empty where the form was given.
        bytes_per_token: per target, where the run table has it.
        provenance: the run table, seed and version.
    """

    form: str
    languages: tuple[str, ...]
    targets: tuple[str, ...]
    best: Coefficients
    draws: Coefficients
    summaries: tuple[TargetSummary, ...]
    reach: Reach
    held_out: tuple[HeldOutError, ...]
    bytes_per_token: Mapping[str, float]
    provenance: Provenance

    def predict(
        self,
        *,
        params: float,
        tokens: float,
        shares: Mapping[str, float],
        available: Mapping[str, float] | None = None,
    ) -> Prediction:
        """Loss of every target for a training run.

        Args:
            params: parameters, in the run table's convention.
            tokens: training tokens in total.
            shares: part of the tokens per language, summing to 1; languages left out get 0.
            available: distinct tokens per language; by default unlimited.

        Raises:
            InputError: an unknown language, shares that do not sum to 1, a number that is not positive, or a
                point so far from the runs that the law has no finite value there.
        """
        p = self.share_vector(shares)
        supply = self.supply_vector(available)
        check_positive(params=params, tokens=tokens)
        self._check_reachable(p)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = self.best.loss(params, tokens, p, supply)
            drawn = self.draws.loss(params, tokens, p, supply)
        for target, value, others in zip(self.targets, loss, drawn.T, strict=True):
            if not (np.isfinite(value) and np.isfinite(others).all()):
                raise InputError(
                    f"params {params:g}, tokens {tokens:g}: the law of {target!r} has no finite value so far "
                    f"from the runs (params {_range(self.reach.params)}, tokens {_range(self.reach.tokens)})"
                )
        low, high = interval(drawn, loss)
        return Prediction(
            loss=self.by_target(loss),
            low=self.by_target(low),
            high=self.by_target(high),
            warnings=(
                *self.reach.warnings(params=params, tokens=tokens),
                *self.reach.share_warnings(dict(zip(self.languages, p, strict=True))),
                *self.repetition_warnings(tokens * p, supply),
            ),
        )

    def repetition_warnings(self, tokens: Floats, supply: Floats) -> tuple[str, ...]:
        """What is doubtful about passes over the same tokens.

        Args:
            tokens: shape (K,), trained on.
            supply: shape (K,), distinct ones, infinite where unlimited.
        """
        passes = dict(zip(self.languages, tokens / supply, strict=True))
        if self.best.law.repeats:
            return self.reach.repetition_warnings(passes)
        if any(value > 1 for value in passes.values()):
            return (f"the law {self.form!r} knows no repetition: it takes repeated tokens for new ones",)
        return ()

    @property
    def formula(self) -> str:
        """The law in one line."""
        return self.best.law.formula

    def exponents(self) -> pd.DataFrame:
        """A row per target: each number that was fitted with its 90% interval, and the status of the fit.

        NaN where the runs of a target could not tell a number at all, such as alpha from one size.
        """
        fixed = self.best.law.fixed
        columns: dict[str, object] = {"target": self.targets}
        for name, value in self.best.values.items():
            if value.ndim > 1 or name in fixed:
                continue
            told = np.array([name not in summary.fixed for summary in self.summaries])
            numbers = (value, *interval(self.draws.values[name], value))
            columns |= {
                name + end: np.where(told, number, np.nan)
                for end, number in zip(("", "_low", "_high"), numbers, strict=True)
            }
        columns["noise"] = [summary.noise for summary in self.summaries]
        columns["status"] = [summary.status.value for summary in self.summaries]
        return pd.DataFrame(columns)

    def transfer(self) -> pd.DataFrame:
        """A row per target and other source: tau with its 90% interval, and whether the runs identify it.

        Empty for forms without coefficients of transfer.
        """
        columns = ["target", "source", "tau", "low", "high", "identified"]
        if self.form == "chinchilla" or "tau" not in self.best.values:
            return pd.DataFrame(columns=columns)
        tau = self.best.values["tau"]
        low, high = interval(self.draws.values["tau"], tau)
        rows = [
            {
                "target": target,
                "source": source,
                "tau": tau[i, j],
                "low": low[i, j],
                "high": high[i, j],
                "identified": f"tau[{source}]" not in self.summaries[i].unidentified,
            }
            for i, target in enumerate(self.targets)
            for j, source in enumerate(self.languages)
            if j != self.best.own[i]
        ]
        return pd.DataFrame(rows, columns=columns)

    def plot(self, runs: RunTable | None = None) -> Figure:
        """Scaling curves of every language with 90% bands, as on the page; with runs, their checkpoints too.

        ``laws.plot(runs).savefig("scaling.svg")`` writes it; ``laws.exponents()`` has the numbers.

        Args:
            runs: the run table that the laws were fitted to.

        Raises:
            InputError: no target is a language that was trained alone, or the runs are of other languages.
            MissingExtraError: matplotlib is not installed.
        """
        from langmix.report import plots  # late: the room of figures comes after this one

        return plots.scaling(self, runs)

    def share_vector(self, shares: Mapping[str, float]) -> Floats:
        """Shares in the order of ``languages``, checked, summing to exactly 1."""
        return share_vector(shares, self.languages)

    def supply_vector(self, available: Mapping[str, float] | None) -> Floats:
        """Distinct tokens available, in the order of ``languages``; infinite where not given."""
        supply = self._vector(available or {}, default=np.inf, what="available")
        if (wrong := ~(supply > 0)).any():  # NaN is not above 0 either
            k = int(np.argmax(wrong))
            raise InputError(
                f"available: {self.languages[k]} has {supply[k]:g} tokens; expected more than 0 "
                f"(for a language without data, set its ceiling to 0)"
            )
        return supply

    def by_target(self, values: Floats) -> dict[str, float]:
        """A vector over targets, by name."""
        return dict(zip(self.targets, map(float, values), strict=True))

    def _vector(self, values: Mapping[str, float], *, default: float, what: str) -> Floats:
        check_names(values, self.languages, what=what)
        return np.array([float(values.get(name, default)) for name in self.languages])

    def _check_reachable(self, p: Floats) -> None:
        """Refuse a mixture in which nothing teaches a target: its loss would be that of no data at all."""
        v = self.best.values
        for i, target in enumerate(self.targets):
            if self.best.law.needs_own:
                taught = p[self.best.own[i]] > 0
            else:
                taught = "tau" not in v or v["b"][i] > 0 or bool(np.any(v["tau"][i] * p > 0))
            if not taught:
                raise InputError(
                    f"shares: nothing in this mixture teaches {target!r} under the law {self.form!r}; give "
                    f"{target!r} a share above 0"
                )


def share_vector(shares: Mapping[str, float], languages: Sequence[str]) -> Floats:
    """Shares in the order of ``languages``, 0 where not given, summing to exactly 1.

    Raises:
        InputError: an unknown language, a share below 0, or another sum.
    """
    check_names(shares, languages, what="shares")
    p = np.array([float(shares.get(name, 0.0)) for name in languages])
    if not (np.all(p >= 0) and abs(p.sum() - 1) <= 1e-3):
        raise InputError(f"shares: {dict(shares)} sum to {p.sum():.6g}; expected shares >= 0 that sum to 1")
    normalised: Floats = p / p.sum()
    return normalised


def interval(draws: Floats, value: Floats) -> tuple[Floats, Floats]:
    """The central 90% of the draws (axis 0), widened to the value; NaN where nothing was drawn."""
    if len(draws) == 0:
        return np.full_like(value, np.nan), np.full_like(value, np.nan)
    tail = 100 * (1 - INTERVAL) / 2
    low, high = np.percentile(draws, [tail, 100 - tail], axis=0)
    return np.minimum(low, value), np.maximum(high, value)


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g} to {ends[1]:g}"


def check_names(names: Mapping[str, object], known: Sequence[str], *, what: str) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        InputError: with the name and what was expected.
    """
    for name in names:
        if name not in known:
            raise InputError(f"{what}: unknown name {name!r}; expected one of {', '.join(known)}")


_LEAST: Final = 1e-30


def check_positive(**numbers: float) -> None:
    """Refuse what is no number, or not above 0, or so large or small that nothing can be computed with it.

    Raises:
        InputError: with the name and the value.
    """
    for name, number in numbers.items():
        if not (isinstance(number, Real) and _LEAST <= number <= 1 / _LEAST):
            raise InputError(
                f"{name}: {number!r}; expected a finite number above 0, in units, not billions, up to 1e30"
            )
