"""What the page must know of the laws before it asks anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel

from langmix import _version
from langmix.allocate import OBJECTIVES, ROBUST
from langmix.explore._scenario import Scenario
from langmix.export import TRAINERS
from langmix.languages import label
from langmix.laws import HeldOutError, Laws, Provenance, Reach

_LARGEST: Final = {"params": 1e12, "tokens": 1e14}
"""Where sliders end, unless the runs reach nearer."""


class Named(BaseModel):
    """A language or a target, and how it is shown."""

    name: str
    label: str


class TrainerFormat(BaseModel):
    """A format of `langmix export`; two units mean that the user must say which."""

    name: str
    units: Sequence[str]
    description: str
    extension: str


class About(BaseModel):
    """The laws, the ranges of the sliders, what may be chosen, and the scenario to begin with."""

    source: str
    version: str
    form: str
    formula: str
    languages: Sequence[Named]
    targets: Sequence[Named]
    reach: Reach
    ranges: Mapping[str, tuple[float, float]]
    draws: int
    held_out: Sequence[HeldOutError]
    prior: Mapping[str, Sequence[str]]
    provenance: Provenance
    objectives: Sequence[str]
    robust: Mapping[str, str]
    trainers: Sequence[TrainerFormat]
    start: str

    @classmethod
    def of(cls, laws: Laws, *, source: str, start: Scenario) -> About:
        """Of laws that were read from a file named ``source``."""
        return cls(
            source=source,
            version=_version.VERSION,
            form=laws.form,
            formula=laws.formula,
            languages=[Named(name=name, label=label(name)) for name in laws.languages],
            targets=[Named(name=name, label=label(name)) for name in laws.targets],
            reach=laws.reach,
            ranges={
                name: (smallest / 10, max(_LARGEST[name], 100 * largest))
                for name, (smallest, largest) in (
                    ("params", laws.reach.params),
                    ("tokens", laws.reach.tokens),
                )
            },
            draws=len(laws.draws.values["E"]),
            held_out=laws.held_out,
            prior={s.target: s.unidentified for s in laws.summaries if s.unidentified},
            provenance=laws.provenance,
            objectives=_objectives(laws),
            robust=dict(ROBUST),
            trainers=[
                TrainerFormat(
                    name=name,
                    units=[str(unit) for unit in trainer.units],
                    description=trainer.description,
                    extension=trainer.extension,
                )
                for name, trainer in TRAINERS.items()
            ],
            start=start.query(),
        )


def _objectives(laws: Laws) -> list[str]:
    """Those that can be asked of these laws, the default first."""
    known = set(laws.targets) <= set(laws.bytes_per_token)
    return [name for name in OBJECTIVES if known or name != "bits_per_byte"]
