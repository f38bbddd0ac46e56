from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, import_wandb_export


def quoted(*rows: str) -> str:
    """CSV as W&B writes it: every cell in quotes."""
    return "".join(",".join(f'"{cell}"' for cell in row.split("|")) + "\n" for row in rows)


GO = quoted(
    "Step|a - eval/go_loss|a - eval/go_loss__MIN|a - eval/go_loss__MAX|"
    "b - eval/go_loss|b - eval/go_loss__MIN|b - eval/go_loss__MAX",
    "100|3.0|3.0|3.0|2.9|2.9|2.9",
    "200|2.5|2.5|2.5|||",
)
RUST = GO.replace("go_loss", "rust_loss").replace('"2.5"', '"NaN"')
TABLE = quoted(
    "Name|State|Notes|User|Tags|Created|Runtime|Sweep|params|shares.go|shares.rust|tokens_per_step|eval/go_loss",
    "a|finished|-|me||2026-01-01T00:00:00.000Z|10||1000000|0.25|0.75|10|2.5",
    "b|crashed|-|me||2026-01-01T00:00:00.000Z|10||1000000|1|0|10|2.9",
)


def write(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        paths.append(path)
    return paths


def test_charts_and_the_runs_table_become_a_run_table(tmp_path: Path) -> None:
    imported = import_wandb_export(*write(tmp_path, go_csv=GO, rust_csv=RUST, runs_csv=TABLE))
    runs = imported.runs
    assert runs.run.tolist() == ["a", "a", "b"]
    assert runs.tokens.tolist() == [1000, 2000, 1000]
    assert runs.losses[:, 0].tolist() == [3.0, 2.5, 2.9]
    assert runs.shares[:, 0].tolist() == [0.25, 0.25, 1.0]
    assert any("sampled points" in note for note in imported.notes)
    assert any("1 loss not finite" in note for note in imported.notes)


def test_a_chart_of_averages_says_so(tmp_path: Path) -> None:
    averaged = GO.replace('"3.0","3.0","3.0"', '"3.0","2.0","4.0"')
    imported = import_wandb_export(*write(tmp_path, go_csv=averaged, runs_csv=TABLE))
    assert any("averages over buckets" in note for note in imported.notes)


def test_the_x_axis_of_a_chart_can_be_the_tokens(tmp_path: Path) -> None:
    paths = write(tmp_path, go_csv=GO.replace("Step", "train/tokens"), runs_csv=TABLE)
    assert import_wandb_export(*paths, mapping=ImportMap(tokens="train/tokens")).runs.tokens.tolist() == [
        100,
        200,
        100,
    ]


def test_the_runs_table_alone_gives_last_checkpoints(tmp_path: Path) -> None:
    imported = import_wandb_export(*write(tmp_path, runs_csv=TABLE), mapping=ImportMap(tokens="2B"))
    assert imported.runs.losses[:, 0].tolist() == [2.5, 2.9]


def test_the_documented_export_script_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "summary": [
                str({"_step": 200, "eval/go_loss": float("nan"), "eval": {"rust_loss": 2.0}, "tokens": 5.0})
            ],
            "config": [str({"params": 1e6, "shares": {"go": 0.5, "rust": 0.5}})],
            "name": ["a"],
        }
    )
    frame.to_csv(tmp_path / "project.csv")
    mapping = ImportMap.model_validate({"loss": {"rust": "eval.rust_loss"}})
    runs = import_wandb_export(tmp_path / "project.csv", mapping=mapping).runs
    assert runs.losses.tolist() == [[2.0]]
    assert runs.tokens.tolist() == [5.0]


def test_a_dump_of_runs_with_histories_is_read(tmp_path: Path) -> None:
    dump = [
        {
            "name": "a",
            "id": "x1",
            "config": {"params": {"value": 1e6, "desc": None}, "shares": {"value": {"go": 1.0}}},
            "history": [
                {"_step": 1, "eval": {"x": None}, "tokens": 10, "loss.go": 3.0},
                {"_step": 2, "tokens": 20, "loss.go": "NaN"},
                {"_step": 3, "tokens": 30, "loss.go": 2.0},
            ],
        }
    ]
    imported = import_wandb_export(*write(tmp_path, runs_json=json.dumps(dump)))
    assert imported.runs.tokens.tolist() == [10, 20, 30]
    assert imported.runs.frame["loss.go"].isna().tolist() == [False, True, False]


def test_history_artifacts_are_named_by_the_table_of_runs(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs `pip install 'langmix[lab]'`")
    folder = tmp_path / "run-x1-history:v0"
    folder.mkdir()
    history = pd.DataFrame({"_step": [1, 2, 3], "eval/go_loss": [3.0, None, 2.0], "_timestamp": [1.0, 2, 3]})
    history.to_parquet(folder / "0000.parquet")
    table = '"Name","ID","State","params","shares.go","tokens_per_step"\n"a","x1","finished","5","1","10"\n'
    runs = import_wandb_export(folder / "0000.parquet", *write(tmp_path, runs_csv=table)).runs
    assert runs.run.tolist() == ["a", "a"]
    assert runs.tokens.tolist() == [10, 30]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("go.csv", GO.replace("Step", "Relative Time (Process)"), ["Relative Time", "x axis to Step"]),
        ("go.csv", GO.replace('"2.5","2.5"', '"low","2.5"'), ["row 2", "'a - eval/go_loss'", "'low'"]),
        ("go.csv", GO.replace('"200"', '""'), ["row 2", "'Step'", "expected a step"]),
        ("runs.csv", TABLE.replace('"b",', '"a",'), ["'a' appears twice", "column ID"]),
        ("runs.csv", TABLE.replace('"b",', '"",'), ["row 2", "'Name'", "empty"]),
        ("other.csv", "x,y\n1,2\n", ["no export of W&B", "langmix import table"]),
        ("p.csv", "name,config,summary\na,oops,{}\n", ["row 1", "'config'", "dictionary"]),
        ("runs.json", "[", ["line 1", "is not JSON"]),
        ("runs.json", "[]", ["expected a list of runs"]),
        ("runs.json", '[{"config": {}}]', ["run 1", "name"]),
        ("runs.json", '[{"name": "a", "history": [{"x": 1}]}]', ["run 1 (a)", "row 1", "_step"]),
        ("runs.json", '[{"name": "a", "history": {}}]', ["no metric is mapped"]),
        ("runs.json", '[{"name": "a", "config": [1]}]', ["config and summary as objects"]),
    ],
)
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, name: str, text: str, told: list[str]) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        import_wandb_export(tmp_path / name)
    for part in [name, *told]:
        assert part in str(caught.value)
