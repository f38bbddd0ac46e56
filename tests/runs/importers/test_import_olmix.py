from __future__ import annotations

import math
from pathlib import Path

import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, import_olmix

RATIOS = """run,name,index,python,go
k3a,swarm-0000,0,0.45,0.55
k3b,swarm-0001,1,0.60,0.40
k3c,swarm-0002,2,1.0,0.0
"""
METRICS = """,run,name,index,mbpp_bpb,go_bpb,mbpp_pass@1
0,k3b,swarm-0001,1,1.1,0.9,0.2
1,k3a,swarm-0000,0,1.2,0.8,0.1
"""
SIZE = ImportMap(params="1M", tokens="1B")


def write(folder: Path, ratios: str = RATIOS, metrics: str = METRICS) -> tuple[Path, Path]:
    (folder / "ratios.csv").write_text(ratios)
    (folder / "metrics.csv").write_text(metrics)
    return folder / "ratios.csv", folder / "metrics.csv"


def test_ratios_and_metrics_are_joined_by_run(tmp_path: Path) -> None:
    imported = import_olmix(*write(tmp_path), SIZE)
    runs = imported.runs
    assert runs.run.tolist() == ["k3a", "k3b"]
    assert runs.languages == ("python", "go")
    assert runs.targets == ("go", "mbpp")
    assert runs.shares.tolist() == [[0.45, 0.55], [0.6, 0.4]]
    assert runs.losses[:, 1].tolist() == pytest.approx([1.2 * math.log(2), 1.1 * math.log(2)])
    assert any("1 runs are in one of the two files only" in note for note in imported.notes)
    assert any("nats per byte" in note for note in imported.notes)


def test_the_older_name_of_the_run_column_and_a_map_of_ones_own(tmp_path: Path) -> None:
    paths = write(tmp_path, RATIOS.replace("run,", "run_id,"), METRICS.replace(",run,", ",run_id,"))
    mapping = SIZE.model_copy(update={"loss": {"code": "go_bpb"}, "rename": {"python": "py"}})
    imported = import_olmix(*paths, mapping)
    assert imported.runs.targets == ("code",)
    assert imported.runs.languages == ("py", "go")


@pytest.mark.parametrize(
    ("ratios", "metrics", "told"),
    [
        (RATIOS.replace("run,", "id,"), METRICS, ["ratios.csv", "no column run or run_id"]),
        (RATIOS, METRICS.replace("k3", "zz"), ["metrics.csv", "shares no run", "zzb"]),
        (RATIOS.replace("k3b", "k3a"), METRICS, ["ratios.csv", "row 2", "'k3a' appears twice"]),
        (RATIOS.replace("0.55", "0.65"), METRICS, ["'k3a'", "sum to 1.1"]),
        (RATIOS.replace("0.55", "half"), METRICS, ["share go", "(run 'k3a')", "'half'"]),
        (RATIOS, RATIOS, ["metrics.csv", "is a domain of"]),
        (RATIOS, METRICS.replace("_bpb", "_acc"), ["no metric is mapped to a loss", "go_acc"]),
        (RATIOS.replace("k3a", ""), METRICS, ["ratios.csv", "row 1", "empty"]),
    ],
)
def test_a_wrong_swarm_is_refused(tmp_path: Path, ratios: str, metrics: str, told: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        import_olmix(*write(tmp_path, ratios, metrics), SIZE)
    for part in told:
        assert part in str(caught.value)


def test_tokens_and_parameters_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--tokens"):
        import_olmix(*write(tmp_path))
    with pytest.raises(InputError, match="--params"):
        import_olmix(*write(tmp_path), ImportMap(tokens="1B"))
