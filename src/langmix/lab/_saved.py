"""A run under way, on disk: killed, it goes on from its trunk and keeps what it has measured."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from langmix import files
from langmix.lab._optimizer import AdamW
from langmix.lab._results import Checkpoint

_EVERY: Final = 60.0  # seconds of training that a kill may cost, beside the branch under way


@dataclass(kw_only=True, slots=True)
class Saved:
    """Where a run keeps its trunk.

    Attributes:
        path: of the file.
        mark: fingerprint of all that goes into the run; a trunk of another run is not gone on with.
    """

    path: Path
    mark: str
    _written: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether a kill would cost more than it should."""
        return time.monotonic() - self._written > _EVERY

    def write(self, trunk: AdamW, step: int, checkpoints: Sequence[Sequence[Checkpoint]]) -> None:
        """Keep the weights and moments at a step, and the checkpoints so far.

        Raises:
            InputError: the file cannot be written.
        """
        note = {
            "mark": self.mark,
            "step": step,
            "steps": trunk.steps,
            "checkpoints": [[asdict(one) for one in budget] for budget in checkpoints],
        }
        tensors = {name: tensor.cpu() for name, tensor in trunk.state.items()}
        files.write_bytes(self.path, save(tensors, metadata={"note": json.dumps(note)}))
        self._written = time.monotonic()

    def read(self, trunk: AdamW) -> tuple[int, list[list[Checkpoint]]]:
        """Bring the trunk to where it was; its step and the checkpoints so far, 0 and none if it is new."""
        try:
            with safe_open(self.path, framework="pt") as file:
                note = json.loads(file.metadata()["note"])
                if note["mark"] != self.mark:
                    return 0, []
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, TypeError, KeyError):
            return 0, []
        with torch.no_grad():
            for name, tensor in trunk.state.items():
                tensor.copy_(state[name])
        trunk.steps = note["steps"]
        return note["step"], [[Checkpoint(**one) for one in budget] for budget in note["checkpoints"]]
