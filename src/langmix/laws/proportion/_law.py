"""The fitted proportion law: one number per mixture, with its uncertainty, and why it allocates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.laws._fit import Status
from langmix.laws._laws import Provenance, TargetSummary, check_positive, interval, share_vector
from langmix.laws._reach import Reach
from langmix.laws.proportion._equation import LEAST_FACTOR, Equation

Floats = NDArray[np.float64]

PROPORTION: Final = "proportion"
"""What asks for this law by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MixturePrediction:
    """The predicted mean loss of a mixture on its own validation data, sum_i p_i L_i.

    Attributes:
        loss: nats per token.
        low, high: the 90% interval of the law's uncertainty (the noise of a single run comes on top).
        warnings: what makes the prediction doubtful, in sentences.
    """

    loss: float
    low: float
    high: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProportionLaw:
    """The proportion law of arXiv 2512.13472 (equations 6 to 8), for predictions alone.

    Attributes:
        languages: in the order of the share vector.
        best: the numbers of the equation.
        draws: those of S bootstrap draws; tau is as measured in all of them.
        summaries: of the fits to each language alone, which give exponents and L_inf.
        status: of the fit of A, B and gamma.
        at_bound: which of them ended at a bound.
        synergy: where tau is from: ``measured`` on these runs, ``given``, or ``none``: then tau is 0 and
            gamma is not in play.
        unmeasured: pairs (target, auxiliary) whose tau is not known and taken as 0.
        rows: checkpoints that A, B and gamma were fitted to.
        notes: what the runs could not tell, in sentences.
        noise: typical relative deviation of a mean loss from the law (0.01 = 1%).
        reach: the range of those checkpoints.
        provenance: the run table, seed and version.
    """

    languages: tuple[str, ...]
    best: Equation
    draws: Equation
    summaries: tuple[TargetSummary, ...]
    status: Status
    at_bound: tuple[str, ...]
    synergy: Literal["measured", "given", "none"]
    unmeasured: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    rows: int
    noise: float
    reach: Reach
    provenance: Provenance

    formula = "loss(p) = A (N/N0)^-alpha_N(p) + B (Dx/D0)^-alpha_D(p) + L_inf(p)"

    def predict(self, *, params: float, tokens: float, shares: Mapping[str, float]) -> MixturePrediction:
        """Mean loss of a mixture on its own validation data; the law knows no repetition.

        Args:
            params: parameters, in the run table's convention.
            tokens: training tokens in total.
            shares: part of the tokens per language, summing to 1; languages left out get 0.

        Raises:
            InputError: an unknown language, shares that do not sum to 1, a number that is not positive.
        """
        p = share_vector(shares, self.languages)
        check_positive(params=params, tokens=tokens)
        loss = self.best.loss(params, tokens, p)
        low, high = interval(self.draws.loss(params, tokens, p), loss)
        return MixturePrediction(
            loss=float(loss),
            low=float(low),
            high=float(high),
            warnings=(*self.reach.warnings(params=params, tokens=tokens), *self._pair_warnings(p)),
        )

    def exponents(self) -> pd.DataFrame:
        """A row per language: alpha_N, alpha_D and L_inf with 90% intervals, and the status of the fit."""
        columns: dict[str, object] = {"language": self.languages}
        for name in ("alpha_N", "alpha_D", "L_inf"):
            value = getattr(self.best, name)
            low, high = interval(getattr(self.draws, name), value)
            columns |= {name: value, f"{name}_low": low, f"{name}_high": high}
        columns["noise"] = [summary.noise for summary in self.summaries]
        columns["status"] = [summary.status.value for summary in self.summaries]
        return pd.DataFrame(columns)

    def shared(self) -> pd.DataFrame:
        """A row each for A, B and gamma, with 90% intervals."""
        rows = []
        for name in ("A", "B", "gamma"):
            value = getattr(self.best, name)
            low, high = interval(getattr(self.draws, name), value)
            rows.append({"name": name, "value": float(value), "low": float(low), "high": float(high)})
        return pd.DataFrame(rows)

    def refusal(self) -> str:
        """Why nothing is allocated by this law, with what its minimum would recommend."""
        params, tokens = self.reach.params[1], self.reach.tokens[1]
        shares = self.best.minimiser(params, tokens)
        order = np.argsort(-shares, kind="stable")
        listed = ", ".join(
            f"{100 * shares[k]:.0f}% on {self.languages[k]}" for k in order if shares[k] >= 0.005
        )
        first, second = np.argsort(self.best.L_inf)[:2] if len(shares) > 1 else (0, 0)
        plain = shares[first] > 0.5 and self.best.L_inf[second] - self.best.L_inf[first] > 1e-3
        easiest = f" ({self.languages[first]} has the least L_inf)" if plain else ""
        return (
            "this is the proportion law, which predicts the mean loss of a mixture on its own validation "
            "data and no language's loss. Minimising it is no allocation: its L_inf(p) is the mean weighted "
            "by the shares, so it rewards data that are easy to predict. Here, at the largest run "
            f"({params:.3g} parameters, {tokens:.3g} tokens), it would put {listed}{easiest}. Fit the loss "
            "of each language instead, `langmix fit RUNS` (or a form by name, such as `--law ces`); "
            "`langmix predict` reads this law"
        )

    def _pair_warnings(self, p: Floats) -> tuple[str, ...]:
        found = []
        share = dict(zip(self.languages, p, strict=True))
        unknown = [f"{i} from {j}" for i, j in self.unmeasured if share[i] * share[j] > 0]
        if unknown and self.synergy != "none":
            more = f" and {len(unknown) - 4} more" if len(unknown) > 4 else ""
            found.append(f"no runs measured the synergy of {', '.join(unknown[:4])}{more}: tau is taken as 0")
        if float(self.best.factor(p)) <= LEAST_FACTOR:
            found.append(
                f"gamma leaves this mixture {100 * LEAST_FACTOR:.0f}% of its tokens or less, far from any "
                "run: the prediction says nothing"
            )
        return tuple(found)


def refuse_proportion(laws: object) -> None:
    """Refuse the proportion law where the losses of languages are needed.

    Raises:
        InputError: it is one; with the reason, and what to do instead.
    """
    if isinstance(laws, ProportionLaw):
        raise InputError(f"laws: {laws.refusal()}")
