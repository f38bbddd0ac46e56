"""plan.json: a versioned file of a plan; and the part of a study.yaml that trains it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from langmix import files
from langmix.design._plan import Plan
from langmix.design._planned import PlannedRun
from langmix.errors import InputError

SCHEMA_VERSION: Final = 1
_KIND: Final = "langmix plan"


class _PlanFile(BaseModel):
    """The content of plan.json. Fields are added, never renamed, within a schema version."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["langmix plan"] = _KIND
    schema_version: int = SCHEMA_VERSION
    plan: Plan
    runs: tuple[PlannedRun, ...]


def plan_json(plan: Plan) -> str:
    """The text of ``plan.json``: the purchases in order, and the runs that they come to."""
    return _PlanFile(plan=plan, runs=plan.runs).model_dump_json(indent=1) + "\n"


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write ``plan.json``, complete or not at all."""
    files.write_text(Path(path), plan_json(plan))


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read ``plan.json``.

    Raises:
        InputError: no such file, not a plan file, damaged, or written by a newer langmix.
    """
    path = Path(path)
    text = files.read_text(path, what="a plan.json that `langmix plan` wrote")
    files.check_schema(text, path, kind=_KIND, newest=SCHEMA_VERSION, command="langmix plan")
    try:
        return _PlanFile.model_validate_json(text).plan
    except ValidationError as error:
        remedy = "write it again with `langmix plan`"
        raise InputError(files.validation_message(path, error, remedy=remedy)) from None


def study_yaml(plan: Plan) -> str:
    """The ``plan:`` of a study.yaml that trains these runs; the study says what shapes the sizes have."""
    runs: list[dict[str, Any]] = []
    for run in plan.runs:
        entry: dict[str, Any] = {
            "run": run.run,
            "arm": run.arm,
            "size": run.size,
            "budgets": list(run.budgets),
            "shares": {name: float(share) for name, share in run.shares.items() if share > 0},
            "seed": run.seed,
        }
        if run.unique:
            entry["unique"] = dict(run.unique)
        runs.append(entry)
    text: str = yaml.safe_dump({"plan": {"runs": runs}}, sort_keys=False, default_flow_style=None, width=100)
    return text
