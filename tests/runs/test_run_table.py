from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from langmix.errors import InputError
from langmix.runs import RunTable, read_runs

GOOD = {
    "run": ["a", "b"],
    "params": [1e6, 1e6],
    "tokens": [1e8, 2e8],
    "share.go": [1.0, 0.5],
    "share.rust": [0.0, 0.5],
    "loss.go": [2.0, 1.9],
}


def write(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "runs.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_reads_back_as_it_was_written(tmp_path: Path, planted_runs: RunTable, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"runs.{suffix}"
    planted_runs.write(path)
    pd.testing.assert_frame_equal(read_runs(path).frame, planted_runs.frame, check_exact=True)
    assert read_runs(path).sha256 == planted_runs.sha256


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("share.go", [1.0, 0.7], ["line 3 (run 'b')", "sum to 1.2", "expected 1"]),
        ("share.go", [1.0, np.nan], ["line 3", "'share.go'", "empty", "write 0"]),
        ("share.go", [1.5, 0.5], ["line 2", "sum to 1.5"]),
        ("params", [1e6, "big"], ["line 3", "'params'", "'big'", "expected a number"]),
        ("tokens", [-1e8, 2e8], ["line 2", "'tokens'", "above 0"]),
        ("loss.go", [2.0, -1.9], ["line 3", "'loss.go'", "nats per token"]),
        ("loss.go", [np.nan, np.nan], ["'loss.go'", "no measured loss"]),
        ("run", ["a", ""], ["line 3", "'run'", "name of the run"]),
        ("tokens", [1e8, np.inf], ["line 3", "'tokens'", "finite"]),
        ("loss.go", [2.0, 1e31], ["line 3", "'loss.go'", "from 1e-30 to 1e+30"]),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_remedy(
    tmp_path: Path, column: str, values: list[object], told: list[str]
) -> None:
    path = write(tmp_path, pd.DataFrame({**GOOD, column: values}))
    with pytest.raises(InputError) as caught:
        read_runs(path)
    for part in [str(path), *told]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("dropped", "told"),
    [
        (["share.go", "share.rust"], "no share.<language> column"),
        (["loss.go"], "no loss.<target> column"),
        (["tokens"], "column 'tokens' is missing"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, dropped: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_runs(write(tmp_path, pd.DataFrame(GOOD).drop(columns=dropped)))


def test_a_repeated_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 3 .* repeats the checkpoint of line 2"):
        read_runs(write(tmp_path, pd.DataFrame({**GOOD, "run": ["a", "a"], "tokens": [1e8, 1e8]})))


@pytest.mark.parametrize("content", [b"", b"run,params\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_table_gives_one_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"runs\.csv"):
        read_runs(path)


def test_rounded_shares_are_normalised(tmp_path: Path) -> None:
    frame = pd.DataFrame({**GOOD, "share.go": [1.0, 0.4999], "share.rust": [0.0, 0.4999]})
    assert read_runs(write(tmp_path, frame)).shares.sum(axis=1) == pytest.approx([1.0, 1.0], abs=1e-15)


HEADER = b"run,params,tokens,share.go,loss.go\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER.replace(b"share.go", b"share.go,share.go"), ["no rows"]),
        (HEADER.replace(b"share.go", b"share.go,share.go") + b"a,1,1,1,0,2\n", ["'share.go' appears more"]),
        (HEADER.replace(b",", b";") + b"a;1;1;1;2\n", ["line 1", "separated by semicolons", "with commas"]),
        (HEADER.replace(b",", b"\t") + b"a\t1\t1\t1\t2\n", ["line 1", "separated by tabs"]),
        (HEADER + b"a,1,1,1,2\nb,1,1,1,2,3\n", ["line 3 has 6 cells; the header has 5"]),
        (HEADER + b"a,1,1,1,2\nb,1,1,1\n", ["line 3 has 4 cells; the header has 5"]),
        (HEADER + b"a,1,1,1,2\n\nb,-1,1,1,2\n", ["line 4 (run 'b')", "'params'"]),
        (HEADER + b'a,1,1,1,2\n"b"x,1,1,1,2\n', ["line 3 is not CSV"]),
        (HEADER + b",1,1,1,2\n", ["line 2, column 'run': empty"]),
        (HEADER + b"a,1,1,1,2\nb\xe9,1,1,1,2\n", ["line 3, byte 2 (0xe9)", "saved as UTF-8"]),
        (HEADER + b"a" * 300_000 + b"\xe9,1,1,1,2\n", ["line 2, byte 300001 (0xe9)"]),
        (HEADER + b"a,1,-0.2,1,2\n", ["line 2 (run 'a'), column 'tokens': -0.2; expected"]),
    ],
)
def test_a_fault_is_named_by_the_line_of_the_file(tmp_path: Path, content: bytes, told: list[str]) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_runs(path)
    for part in [str(path), *told]:
        assert part in str(caught.value)


def test_rows_of_a_frame_are_counted_from_one() -> None:
    with pytest.raises(InputError, match=r"row 2 \(run 'b'\), column 'tokens': -2\.0; expected"):
        RunTable.from_frame(pd.DataFrame({**GOOD, "tokens": [1.0, -2.0]}))


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + b"a,1,1,1,2\n")
    assert read_runs(path).targets == ("go",)
