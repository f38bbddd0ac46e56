from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, RunTable, import_table, read_runs

FOREIGN = """Name,size (B),seen (B),pct go,pct rust,ppl/go,Rust CE,note
small,0.1,2,25,75,20.0,1.5,fine
small,0.1,4,25,75,,1.4,fine
large,"1,000",4,50,50,nan,1.2,
"""
MAP = ImportMap.model_validate(
    {
        "params": "size (B) * 1e9",
        "tokens": "seen (B) * 1B",
        "share": {"*": "pct *"},
        "loss": {"rust": "Rust CE"},
        "tokenizer": "value:bpe-32k",
    }
)


def test_a_run_table_is_imported_as_it_is(tmp_path: Path, planted_runs: RunTable) -> None:
    planted_runs.write(tmp_path / "runs.csv")
    imported = import_table(tmp_path / "runs.csv")
    pd.testing.assert_frame_equal(
        imported.runs.frame[sorted(imported.runs.frame)], planted_runs.frame[sorted(planted_runs.frame)]
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_are_renamed_and_units_converted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"foreign.{suffix}"
    (tmp_path / "foreign.csv").write_text(FOREIGN)
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="needs `pip install 'langmix[lab]'`")
        pd.read_csv(tmp_path / "foreign.csv", thousands=",").to_parquet(path)
    imported = import_table(path, MAP)
    runs = imported.runs
    assert runs.run.tolist() == ["small", "small", "large"]
    assert runs.params.tolist() == [1e8, 1e8, 1e12]
    assert runs.tokens.tolist() == [2e9, 4e9, 4e9]
    assert runs.shares.tolist() == [[0.25, 0.75], [0.25, 0.75], [0.5, 0.5]]
    assert runs.losses[:, 0].tolist() == [1.5, 1.4, 1.2]
    assert set(runs.frame["tokenizer"]) == {"bpe-32k"}
    assert "step" not in runs.frame
    assert any("read as percent" in note for note in imported.notes)
    runs.write(tmp_path / "runs.csv")
    assert read_runs(tmp_path / "runs.csv").sha256 == runs.sha256


def test_any_column_can_name_the_runs_and_the_map_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text(FOREIGN.replace("Name", "experiment"))
    with pytest.raises(InputError, match=r"no column is named run.*--run COLUMN"):
        import_table(path, MAP)
    imported = import_table(path, MAP.model_copy(update={"run": "experiment"}))
    assert set(imported.runs.run) == {"small", "large"}
    assert imported.mapping.run == "experiment"


def test_parts_of_a_run_that_the_table_lacks_come_from_a_side_table(tmp_path: Path) -> None:
    path, side = tmp_path / "losses.csv", tmp_path / "configs.yaml"
    path.write_text("run,step,loss.go\na,10,2.0\nb,10,3.0\n")
    side.write_text(
        "a: {params: 1M, tokens_per_step: 100, shares: {go: 1}}\n"
        "b: {params: 2M, tokens_per_step: 50, shares: {go: 1}}"
    )
    runs = import_table(path, configs=side).runs
    assert runs.params.tolist() == [1e6, 2e6]
    assert runs.tokens.tolist() == [1000, 500]
    assert runs.frame["step"].tolist() == [10, 10]
    with pytest.raises(InputError, match="none of their runs"):
        import_table(path, configs={"c": {"params": 1}})
    side.write_text("- a")
    with pytest.raises(InputError, match=r"configs\.yaml: expected for each run"):
        import_table(path, configs=side)
    csv = tmp_path / "configs.csv"
    csv.write_text("run,params\na,1\na,2\n")
    with pytest.raises(InputError, match=r"configs\.csv: run 'a' appears twice"):
        import_table(path, configs=csv)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FOREIGN.replace(",1.4,", ",low,"), ["loss rust", "row 2 (run 'small')", "'Rust CE'", "'low'"]),
        (FOREIGN.replace("large", ""), ["row 3", "'Name'", "empty"]),
        (FOREIGN.splitlines()[0] + "\n", ["no rows"]),
        ("", ["empty"]),
        (FOREIGN.replace("25,75", "25,70"), ["run 'small'", "sum to 95", "go=25, rust=70"]),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        import_table(path, MAP)
    for part in [str(path), *told]:
        assert part in str(caught.value)


def test_tokens_per_step_needs_a_column_of_steps(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("run,iteration,loss.go,share.go,params\na,10,2.0,1,5\na,20,1.0,1,5\n")
    with pytest.raises(InputError, match="no column is named step"):
        import_table(path, ImportMap(tokens_per_step="100"))
    imported = import_table(path, ImportMap(tokens_per_step="100", step="iteration"))
    assert imported.runs.tokens.tolist() == [1000, 2000]
