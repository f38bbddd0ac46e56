"""What the organisation of the data does to translation: laws of each, and effects measured side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from langmix.laws import OrganisationLaws, fit_organisations
from langmix.runs import RunTable
from langmix.transfer._organisation import OrganisationEffect, organisation_effects


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Translation:
    """Laws and measured effects of organisations.

    Attributes:
        runs: what they were measured on; those that mix organisations too.
        seen: directions that paired runs were trained on.
        fitted: laws of every direction and group.
        effects: against the baseline, one per organisation, size and tokens; the largest last.
    """

    runs: RunTable
    seen: tuple[str, ...]
    fitted: OrganisationLaws
    effects: tuple[OrganisationEffect, ...]

    @property
    def most_tokens(self) -> tuple[OrganisationEffect, ...]:
        """The effects at the most tokens of every size and organisation."""
        last = {(each.organisation, each.params): each for each in self.effects}
        return tuple(last.values())

    @property
    def largest(self) -> tuple[OrganisationEffect, ...]:
        """The effects at the largest size, and the most tokens there, at which most organisations are."""
        scales = Counter((each.params, each.tokens) for each in self.effects)
        largest = max(scales, key=lambda scale: (scales[scale], scale))
        return tuple(each for each in self.effects if (each.params, each.tokens) == largest)


def translation(
    runs: RunTable, *, seen: Sequence[str], baseline: str | None = None, draws: int = 200, seed: int = 0
) -> Translation:
    """Compare organisations of the data on directions of translation.

    Args:
        runs: with a column ``organisation`` and targets that are directions.
        seen: directions that paired runs were trained on, such as ``python>java``.
        baseline: organisation to compare with; default: ``shuffled``, or the first of the table.
        draws: bootstrap draws over runs.
        seed: of the bootstrap and of the folds.

    Raises:
        InputError: the table has no directions or organisations, or too few checkpoints.
    """
    effects = organisation_effects(runs, seen=seen, baseline=baseline)
    fitted = fit_organisations(runs, seen=seen, draws=draws, seed=seed)
    return Translation(runs=runs, seen=tuple(seen), fitted=fitted, effects=tuple(effects))
