"""What a model writes after a prompt, by transformers: causal models in Hugging Face folders, ours too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from langmix.errors import InputError, MissingExtraError

BATCH: Final = 64


def open_model(folder: Path) -> Any:
    """The causal model of a folder, ready to write.

    Raises:
        InputError: there is none.
        MissingExtraError: torch or transformers is not installed.
    """
    try:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a folder that is not there is no name on a hub
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="eval", module=str(error.name), purpose="writing text") from None
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder}: has no config.json; expected a folder that `langmix train` or `save_pretrained` wrote"
        )
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers and safetensors raise many kinds
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder}: is no causal language model that transformers can read ({reason})"
        ) from None
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def greedy(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    most: int | None = None,
    batch: int = BATCH,
    advance: Callable[[int], None] = lambda prompts: None,
) -> list[list[int]]:
    """The most likely next token after the other, until the end of the document or of the context.

    Args:
        model: of `open_model`.
        prompts: ids, each shorter than the model's context.
        end: id of the end of a document.
        most: ids to write after each; default: as many as the context holds.
        batch: prompts at a time, those of like lengths together.
        advance: told how many prompts are done.

    Returns:
        The ids after each prompt, without the end.
    """
    import torch

    found: dict[int, list[int]] = {}
    context = model.config.max_position_embeddings
    for places in _batches([len(prompt) for prompt in prompts], batch):
        ids, mask = left_padded([prompts[k] for k in places], end)
        width, room = ids.shape[1], context - min(len(prompts[k]) for k in places)
        with torch.no_grad():
            out = model.generate(
                ids.to(model.device),
                attention_mask=mask.to(model.device),
                do_sample=False,
                max_new_tokens=min(room, most or room),
                eos_token_id=end,
                pad_token_id=end,
            )
        for k, row in zip(places, out[:, width:].tolist(), strict=True):
            written = row[: context - len(prompts[k])]  # positions are counted from a prompt's own beginning
            found[k] = written[: written.index(end)] if end in written else written
        advance(len(places))
    return [found[k] for k in range(len(prompts))]


def left_padded(prompts: Sequence[Sequence[int]], filler: int) -> tuple[Any, Any]:
    """Prompts that end together, filled up before their beginnings, and a mask of what is theirs."""
    import torch

    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), filler)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids, mask


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of prompts of like lengths, so that little is filled up."""
    order = sorted(range(len(lengths)), key=lambda k: lengths[k])
    for first in range(0, len(order), most):
        yield order[first : first + most]
