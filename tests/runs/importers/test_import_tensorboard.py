"""Event files are written by TensorBoard's own writer."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, import_tensorboard

HOW = "needs TensorBoard: pip install 'langmix[track]'"
CONFIGS = {
    name: {"params": 1e6, "shares": {"go": share, "rust": 1 - share}}
    for name, share in [("a", 0.25), ("b", 0.5)]
}


class Writer:
    """Scalars as ``torch.utils.tensorboard`` writes them, or as TensorFlow 2 does (tensors)."""

    def __init__(self, folder: Path, *, suffix: str = "") -> None:
        pytest.importorskip("tensorboard", reason=HOW)
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.writer = EventFileWriter(str(folder), filename_suffix=suffix)

    def scalar(self, tag: str, value: float, step: int, *, tensor: bool = False) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.util.tensor_util import make_tensor_proto

        if tensor:
            metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
            proto = make_tensor_proto(np.float32(value))
            entry = Summary.Value(tag=tag, tensor=proto, metadata=metadata)
        else:
            entry = Summary.Value(tag=tag, simple_value=value)
        self.writer.add_event(Event(wall_time=1e9 + step, step=step, summary=Summary(value=[entry])))

    def restart(self, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        self.writer.add_event(
            Event(wall_time=2e9, step=step, session_log=SessionLog(status=SessionLog.START))
        )

    def checkpoint(self, step: int, loss: float, *, tensor: bool = False) -> None:
        self.scalar("eval/go_loss", loss, step, tensor=tensor)
        self.scalar("eval/rust_loss", loss + 1, step, tensor=tensor)

    def close(self) -> None:
        self.writer.close()


@pytest.mark.parametrize("tensor", [False, True])
def test_a_folder_of_runs_becomes_a_run_table(tmp_path: Path, tensor: bool) -> None:
    for name, loss in [("a", 3.0), ("b", 2.5)]:
        writer = Writer(tmp_path / name)
        for step in (100, 200):
            writer.checkpoint(step, loss - step / 1000, tensor=tensor)
        writer.close()
    runs = import_tensorboard(tmp_path, ImportMap(tokens_per_step="2048"), configs=CONFIGS).runs
    assert runs.run.tolist() == ["a", "a", "b", "b"]
    assert runs.tokens.tolist() == [204800, 409600] * 2
    assert runs.losses[:, 0].tolist() == pytest.approx([2.9, 2.8, 2.4, 2.3])
    assert runs.shares[:, 0].tolist() == [0.25, 0.25, 0.5, 0.5]


def test_no_point_is_sampled_away(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a")
    for step in range(1, 12_001):  # more than the 10,000 that TensorBoard keeps of a tag by default
        writer.scalar("eval/go_loss", 1 + 1 / step, step)
    writer.close()
    imported = import_tensorboard(tmp_path, ImportMap(tokens_per_step="1"), configs=CONFIGS)
    assert len(imported.runs) == 12_000


def test_what_a_restarted_run_wrote_again_rules(tmp_path: Path) -> None:
    first = Writer(tmp_path / "a")
    for step in (100, 200, 300):
        first.checkpoint(step, 3.0)
    first.close()
    time.sleep(1.1)  # files are read in the order of their names, which hold the second of their making
    second = Writer(tmp_path / "a", suffix=".resumed")
    second.restart(150)
    second.checkpoint(200, 2.0)
    second.close()
    runs = import_tensorboard(tmp_path, ImportMap(tokens_per_step="1"), configs=CONFIGS).runs
    assert runs.tokens.tolist() == [100, 200]
    assert runs.losses[:, 0].tolist() == [3.0, 2.0]


def test_folders_that_hold_no_losses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        import_tensorboard(tmp_path / "none")
    with pytest.raises(InputError, match="holds no event files"):
        import_tensorboard(tmp_path)
    writer = Writer(tmp_path / "a")
    writer.close()
    with pytest.raises(InputError, match="hold no scalars"):
        import_tensorboard(tmp_path)
    writer = Writer(tmp_path / "a", suffix=".2")
    writer.scalar("eval/loss", 2.0, 1)
    writer.close()
    with pytest.raises(InputError, match=r"no metric is mapped to a loss.*metrics found: eval/loss"):
        import_tensorboard(tmp_path)


def test_a_damaged_event_file_is_read_up_to_its_fault(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a")
    writer.checkpoint(100, 3.0)
    writer.checkpoint(200, 2.0)
    writer.close()
    (path,) = (tmp_path / "a").iterdir()
    path.write_bytes(path.read_bytes()[:-5])  # a writer that was killed
    runs = import_tensorboard(tmp_path, ImportMap(tokens_per_step="1"), configs=CONFIGS).runs
    assert runs.tokens.tolist() == [100, 200]
    assert np.isnan(runs.losses[1]).sum() == 1
