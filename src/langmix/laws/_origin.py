"""Whether laws and a run table belong together."""

from __future__ import annotations

from pathlib import Path

from langmix.errors import InputError
from langmix.laws._laws import Laws
from langmix.runs import RunTable


def fitted_elsewhere(runs: RunTable, laws: Laws, *, name: str = "the laws") -> tuple[str, ...]:
    """A warning if the laws were fitted to another run table than this one; none if they were not.

    Args:
        runs: that are shown.
        laws: that are shown beside them.
        name: of the laws, for the message.

    Raises:
        InputError: the table has other languages or targets, so the two cannot be shown together.
    """
    for what, fitted, found in (
        ("targets", laws.targets, runs.targets),
        ("languages", laws.languages, runs.languages),
    ):
        if set(fitted) != set(found):
            raise InputError(
                f"{name}: was fitted to the {what} {', '.join(fitted)}; {runs.source} has "
                f"{', '.join(found)}; fit again with `langmix fit {runs.source}`"
            )
    if laws.provenance.runs_sha256 == runs.sha256:
        return ()
    return (
        f"{name}: fitted to another version of the run table than {Path(runs.source).name}; measured losses "
        "and laws may disagree; fit again to make them agree",
    )
