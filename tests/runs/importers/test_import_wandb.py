"""Against a small fake of the documented `wandb.Api`: runs, run, scan_history(keys), config, summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from langmix.errors import InputError, MissingExtraError
from langmix.runs import ImportMap, import_wandb

Row = dict[str, Any]


@dataclass
class FakeRun:
    id: str
    name: str
    config: Row
    rows: list[Row]
    state: str = "finished"
    asked: list[list[str] | None] = field(default_factory=list)

    @property
    def summary(self) -> Row:
        last: Row = {"_step": len(self.rows), "_runtime": 1.0, "_wandb": {"runtime": 1}}
        for row in self.rows:
            last |= row
        return last

    def scan_history(self, keys: list[str] | None = None, page_size: int = 1000) -> Iterator[Row]:
        """As W&B does it: only rows that hold every key that is asked for."""
        self.asked.append(keys)
        for row in self.rows:
            if keys is None or all(key in row for key in keys):
                yield {key: row[key] for key in keys or row}

    def history(self, *_: object, **__: object) -> None:
        raise AssertionError("history() samples")


@dataclass
class FakeApi:
    found: list[FakeRun]

    def runs(self, path: str) -> list[FakeRun]:
        if path != "team/sweep":
            raise ValueError(f"Could not find project {path}")
        return self.found

    def run(self, path: str) -> FakeRun:
        return next(run for run in self.found if path.endswith(run.id))


def trained(identity: str, name: str, share: float, **changes: Any) -> FakeRun:
    """Every dataset is evaluated in a log call of its own, so each has a ``_step`` of its own."""
    rows: list[Row] = []
    for step in (100, 200):
        rows.append({"train/loss": 9.0, "train/tokens": step * 10.0, "train/global_step": step})
        rows.append({"eval/go_loss": 3 - step / 1000, "train/global_step": step})
        rows.append({"eval/rust_loss": "NaN" if step == 200 else 4.0, "train/global_step": step})
    rows = [{"_step": position, "_timestamp": 1e9, **row} for position, row in enumerate(rows)]
    config = {
        "model": {"params": 1e6},
        "data": {"mixture": {"go": share, "rust": 1 - share}},
        "_wandb": {"t": 1},
    }
    return FakeRun(id=identity, name=name, config=config, rows=rows, **changes)


MAP = ImportMap.model_validate({"params": "model.params"})


def test_a_project_becomes_a_run_table_from_complete_histories() -> None:
    api = FakeApi([trained("x1", "a", 0.25), trained("x2", "b", 1.0, state="running")])
    imported = import_wandb("team/sweep", MAP, api=api)
    runs = imported.runs
    assert runs.run.tolist() == ["a", "a", "b", "b"]
    assert runs.tokens.tolist() == [1000, 2000] * 2
    assert runs.losses[:2, 0].tolist() == [2.9, 2.8]
    assert np.isnan(runs.losses[1, 1])  # W&B spells it "NaN"
    assert runs.shares[:, 0].tolist() == [0.25, 0.25, 1, 1]
    assert any("still running" in note and "b" in note for note in imported.notes)
    asked = {key for keys in api.found[0].asked for key in keys or []}
    assert asked == {"_step", "eval/go_loss", "eval/rust_loss", "train/tokens", "train/global_step"}


def test_runs_of_one_name_are_told_apart_and_one_run_can_be_asked_for() -> None:
    api = FakeApi([trained("x1", "a", 0.25), trained("x2", "a", 0.5)])
    assert set(import_wandb("team/sweep", MAP, api=api).runs.run) == {"a (x1)", "a (x2)"}
    assert set(import_wandb("team/sweep/x2", MAP, api=api).runs.run) == {"a"}


def test_a_crashed_run_without_losses_is_told_and_left_out() -> None:
    crashed = FakeRun(id="x3", name="crashed", config={}, rows=[{"_step": 0, "train/loss": 9.0}])
    imported = import_wandb("team/sweep", MAP, api=FakeApi([trained("x1", "a", 0.25), crashed]))
    assert set(imported.runs.run) == {"a"}
    assert any("crashed" in note for note in imported.notes)
    again = import_wandb("team/sweep", imported.mapping, api=FakeApi([trained("x1", "a", 0.25), crashed]))
    assert again.runs.to_csv() == imported.runs.to_csv()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("sweep", ["'sweep'", "entity/project"]),
        ("team/none", ["team/none", "Could not find project", "wandb login"]),
        ("team/sweep", ["params", "'model.params'", "config found: data.mixture.go"]),
    ],
)
def test_a_wrong_project_is_refused(path: str, told: list[str]) -> None:
    run = trained("x1", "a", 0.25)
    run.config.pop("model")
    with pytest.raises(InputError) as caught:
        import_wandb(path, MAP, api=FakeApi([run]))
    for part in told:
        assert part in str(caught.value)


def test_an_empty_project_is_refused() -> None:
    with pytest.raises(InputError, match="the project has no runs"):
        import_wandb("team/sweep", api=FakeApi([]))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'langmix\[track\]'"):
        import_wandb("team/sweep")
