"""trainer_state.json of the Hugging Face Trainer: log_history, with the model's config.json beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from langmix import files
from langmix.errors import InputError
from langmix.runs.importers._tracked import Logged, Tracked, as_number, flat, tracked

_FILE: Final = "trainer_state.json"
_CHECKPOINT: Final = re.compile(r"checkpoint-\d+")
_MODEL: Final = ("vocab_size", "hidden_size", "n_embd", "d_model", "tie_word_embeddings", "model_type")


def read_trainer_state(paths: Iterable[Path]) -> Tracked:
    """Read training runs of the Trainer.

    Args:
        paths: ``trainer_state.json`` files, or folders that are searched for them. The run is named after its
            folder (``runs/py70/checkpoint-500/trainer_state.json`` is run ``py70``); the states of a run's
            checkpoints are one run, and where they log one step twice the furthest one rules.

    Raises:
        InputError: no such file, no log_history, or an entry without a step.
    """
    paths = list(paths)
    found = [state for path in paths for state in _states(path)]
    grouped: dict[Path, list[tuple[float, Path, list[Any]]]] = {}
    for path in dict.fromkeys(found):
        history, reached = _history(path)
        folder = path.resolve().parent
        if _CHECKPOINT.fullmatch(folder.name):
            folder = folder.parent
        grouped.setdefault(folder, []).append((reached, path, history))
    names = _run_names(grouped)
    logged: list[Logged] = []
    config: dict[str, dict[str, object]] = {}
    for folder, states in grouped.items():
        run = names[folder]
        states.sort(key=lambda state: state[0])
        config[run] = {}
        for _, path, history in states:
            config[run] |= _model(path.parent) or _model(folder)
            logged += _rows(run, path, history)
    return tracked(", ".join(str(path) for path in paths), logged, config)


def _states(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob(_FILE))
        if not found:
            raise InputError(f"{path}: holds no {_FILE}; expected the output folder of a Trainer")
        return found
    return [path]


def _history(path: Path) -> tuple[list[Any], float]:
    text = files.read_text(path, what=f"a {_FILE} of the Hugging Face Trainer")
    try:
        content = json.loads(text)  # NaN and Infinity too: that is how the Trainer writes them
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {error.lineno}: is not JSON ({error.msg}); expected a {_FILE}"
        ) from None
    history = content.get("log_history") if isinstance(content, dict) else None
    if not isinstance(history, list):
        raise InputError(f"{path}: has no log_history; expected a {_FILE} of the Hugging Face Trainer")
    return history, as_number(content.get("global_step")) or 0.0


def _rows(run: str, path: Path, history: list[Any]) -> Iterator[Logged]:
    for position, entry in enumerate(history):
        step = as_number(entry.get("step")) if isinstance(entry, dict) else None
        if step is None:
            raise InputError(
                f"{path}: log_history[{position}] is {str(entry)[:60]}; expected an object with a step"
            )
        for name, value in entry.items():
            number = as_number(value)
            # Without include_num_input_tokens_seen the Trainer counts no tokens, and may write 0.
            if number is None or name == "step" or (name == "num_input_tokens_seen" and number == 0 < step):
                continue
            yield Logged(run, step, str(name), number)


def _model(folder: Path) -> dict[str, object]:
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(files.read_text(path, what="the model's config.json"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: is not JSON ({error.msg})") from None
    entries = flat(content) if isinstance(content, dict) else {}
    return {name: entries[name] for name in _MODEL if name in entries}


def _run_names(folders: Iterable[Path]) -> dict[Path, str]:
    """The last parts of the paths, as many as tell them apart."""
    folders = list(folders)
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = {folder: "/".join(folder.parts[-depth:]) for folder in folders}
        if len(set(names.values())) == len(folders):
            return names
    return {folder: str(folder) for folder in folders}
