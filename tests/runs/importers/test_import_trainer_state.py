"""The layout is the Trainer's: one entry of log_history per evaluation set, all at one step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langmix.errors import InputError
from langmix.runs import ImportMap, import_trainer_state

MODEL = {"model_type": "llama", "vocab_size": 100, "hidden_size": 10, "tie_word_embeddings": True}
SHARES = {"py70": {"params_total": 51_000, "share": {"python": 0.7, "go": 0.3}}}


def evaluation(step: int, losses: dict[str, float], tokens: int | None) -> list[dict[str, Any]]:
    seen = {} if tokens is None else {"num_input_tokens_seen": tokens}
    train = {"epoch": 0.1, "grad_norm": 1.0, "learning_rate": 1e-3, "loss": 5.0, **seen, "step": step}
    sets = [
        {
            "epoch": 0.1,
            f"eval_{name}_loss": loss,
            f"eval_{name}_runtime": 1.5,
            f"eval_{name}_samples_per_second": 9.0,
            f"eval_{name}_steps_per_second": 2.0,
            **seen,
            "step": step,
        }
        for name, loss in losses.items()
    ]
    return [train, *sets]


def write(folder: Path, history: list[dict[str, Any]], step: int = 200, model: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": 0.2,
        "eval_steps": 100,
        "global_step": step,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": history,
        "logging_steps": 100,
        "max_steps": 200,
        "num_input_tokens_seen": 0,
        "num_train_epochs": 1,
        "save_steps": 100,
        "stateful_callbacks": {},
        "total_flos": 1.0,
        "train_batch_size": 8,
        "trial_name": None,
        "trial_params": None,
    }
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=2))
    if model:
        (folder / "config.json").write_text(json.dumps(MODEL))
    return folder / "trainer_state.json"


def history(tokens: bool = True) -> list[dict[str, Any]]:
    return [
        *evaluation(100, {"python": 3.0, "go": 4.0}, 1000 if tokens else None),
        *evaluation(200, {"python": 2.0, "go": 3.0}, 2000 if tokens else None),
    ]


def test_checkpoints_of_a_run_are_one_run_and_parameters_are_derived(tmp_path: Path) -> None:
    write(tmp_path / "py70" / "checkpoint-100", history()[:3], 100)
    write(tmp_path / "py70" / "checkpoint-200", history())
    runs = import_trainer_state(tmp_path, configs=SHARES).runs
    assert runs.run.tolist() == ["py70", "py70"]
    assert runs.tokens.tolist() == [1000, 2000]
    assert dict(zip(runs.targets, runs.losses.T.tolist(), strict=True)) == {"python": [3, 2], "go": [4, 3]}
    assert runs.params.tolist() == [50_000] * 2  # 51,000 less 100 x 10
    assert runs.frame["params_total"].tolist() == [51_000] * 2


def test_what_a_resumed_checkpoint_logged_again_rules(tmp_path: Path) -> None:
    write(tmp_path / "py70" / "checkpoint-200", history(), 200)
    resumed = [
        *history()[:3],
        *evaluation(200, {"python": 2.1, "go": 3.1}, 2000),
        *evaluation(300, {"python": 1.5, "go": 2.5}, 3000),
    ]
    write(tmp_path / "py70" / "checkpoint-300", resumed, 300)
    runs = import_trainer_state(tmp_path, configs=SHARES).runs
    assert runs.losses[:, list(runs.targets).index("python")].tolist() == [3.0, 2.1, 1.5]


def test_without_counted_tokens_steps_are_multiplied(tmp_path: Path) -> None:
    path = write(tmp_path / "py70", history(tokens=False))
    with pytest.raises(InputError, match="--tokens-per-step"):
        import_trainer_state(path, configs=SHARES)
    runs = import_trainer_state(path, mapping=ImportMap(tokens_per_step="2048"), configs=SHARES).runs
    assert runs.tokens.tolist() == [204800, 409600]


def test_tokens_that_the_trainer_wrote_as_zero_are_no_tokens(tmp_path: Path) -> None:
    entries = [{**entry, "num_input_tokens_seen": 0} for entry in history(tokens=False)]
    with pytest.raises(InputError, match="--tokens-per-step"):
        import_trainer_state(write(tmp_path / "py70", entries), configs=SHARES)


def test_a_nan_loss_is_not_measured(tmp_path: Path) -> None:
    entries = [*history(), *evaluation(300, {"python": float("nan"), "go": 9.0}, 3000)]
    imported = import_trainer_state(write(tmp_path / "py70", entries), configs=SHARES)
    assert np.isnan(imported.runs.losses[2]).sum() == 1
    assert any("1 loss not finite" in note for note in imported.notes)


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    configs = {f"{lr}/py70": {**SHARES["py70"]} for lr in ("a", "b")}
    for lr in ("a", "b"):
        write(tmp_path / lr / "py70", history())
    assert set(import_trainer_state(tmp_path, configs=configs).runs.run) == {"a/py70", "b/py70"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", ["is not JSON"]),
        ("{}", ["no log_history"]),
        ('{"log_history": [{"loss": 1}]}', ["log_history[0]", "with a step"]),
        ('{"log_history": [{"step": 1, "eval_loss": 2.0}]}', ["no metric is mapped", "eval_loss"]),
        ('{"log_history": []}', ["no metric is mapped", "metrics found: none"]),
    ],
)
def test_a_wrong_state_is_refused(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        import_trainer_state(path)
    for part in [str(path), *told]:
        assert part in str(caught.value)


def test_a_folder_without_states_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no trainer_state\.json"):
        import_trainer_state(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        import_trainer_state(tmp_path / "none.json")
