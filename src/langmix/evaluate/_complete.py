"""Completions of problems by a causal model in a folder: sampled, seeded, and cut at their stops."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langmix import files
from langmix.errors import InputError, MissingExtraError
from langmix.evaluate._generate import left_padded, open_model
from langmix.evaluate.execution import Problem

GREEDY: Final = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn.

    Attributes:
        samples: of each problem.
        temperature: of the softmax; 0 takes the most likely token, and one sample is all there is.
        top_p: the likeliest tokens that hold so much of the probability are drawn from.
        tokens: that a completion may have.
        seed: with the problem's name it decides its samples, whatever else is written.
        batch: completions at a time; where they are drawn, other batches draw others.
    """

    samples: int = 1
    temperature: float = 0.2
    top_p: float = 0.95
    tokens: int = 512
    seed: int = 0
    batch: int = 16

    def __post_init__(self) -> None:
        if self.temperature == GREEDY and self.samples > 1:
            raise InputError(
                f"samples: {self.samples} at temperature 0 are all the same; ask for 1, or for a temperature "
                "above 0"
            )
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"temperature: {self.temperature:g}; expected a number, 0 or more")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p: {self.top_p:g}; expected a part of the probability, up to 1")
        if self.seed < 0:
            raise InputError(f"seed: {self.seed}; expected a whole number, 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written for one problem.

    Attributes:
        problem: completed.
        completions: cut at the problem's stops.
        cut: tokens of the prompt that did not fit into the model's context, from its beginning.
    """

    problem: Problem
    completions: tuple[str, ...]
    cut: int


def complete(folder: Path, problems: Sequence[Problem], sampling: Sampling) -> Iterator[Written]:
    """Complete problems, one after the other.

    The model is given the prompt without white space at its end, as MultiPL-E's harness does.

    Args:
        folder: that `langmix train` or `save_pretrained` wrote, with its tokenizer.
        problems: to complete.
        sampling: how.

    Raises:
        InputError: no model or tokenizer there.
        MissingExtraError: torch or transformers is not installed.
    """
    model, tokenizer = open_model(folder), open_tokenizer(folder)
    import torch

    context = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    room = max(1, min(sampling.tokens, context // 2))
    # Draws are a problem's own; without any, several problems are written together.
    many = sampling.batch if sampling.temperature == GREEDY else 1
    for first in range(0, len(problems), many):
        together = problems[first : first + many]
        ids = [tokenizer(each.prompt.rstrip(), add_special_tokens=True)["input_ids"] for each in together]
        kept = [each[-(context - room) :] for each in ids]
        found: list[list[str]] = [[] for _ in together]
        if many == 1:
            (problem,) = together
            torch.manual_seed(zlib.crc32(f"{sampling.seed} {problem.language} {problem.name}".encode()))
        while (left := sampling.samples - len(found[0])) > 0:
            rows = range(len(together)) if many > 1 else [0] * min(sampling.batch, left)
            texts = _write(
                model, tokenizer, [together[k] for k in rows], [kept[k] for k in rows], sampling, room
            )
            for k, text in zip(rows, texts, strict=True):
                found[k].append(text)
        for problem, completions, all_ids, kept_ids in zip(together, found, ids, kept, strict=True):
            yield Written(problem=problem, completions=tuple(completions), cut=len(all_ids) - len(kept_ids))


def _write(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    room: int,
) -> list[str]:
    """A completion of each prompt, at most ``room`` tokens, cut at the stops of its problem."""
    import torch
    from transformers import StoppingCriteriaList

    end, drawn = tokenizer.eos_token_id, sampling.temperature != GREEDY
    options = {"temperature": sampling.temperature, "top_p": sampling.top_p} if drawn else {}
    ids, mask = left_padded(prompts, end or 0)
    with torch.no_grad():
        out = model.generate(
            ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=drawn,
            max_new_tokens=room,
            eos_token_id=end,
            pad_token_id=end or 0,
            stopping_criteria=StoppingCriteriaList([_stops(tokenizer, problems, ids.shape[1])]),
            **options,
        )
    found = []
    for problem, row in zip(problems, out[:, ids.shape[1] :].tolist(), strict=True):
        whole = row[: row.index(end)] if end in row else row
        found.append(problem.cut(tokenizer.decode(whole, skip_special_tokens=True)))
    return found


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder, with the id that ends a document if it has one.

    Raises:
        InputError: there is none.
        MissingExtraError: transformers is not installed.
    """
    try:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from transformers import AutoTokenizer, PreTrainedTokenizerFast
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="eval", module=str(error.name), purpose="writing text") from None
    from langmix.corpus._tokenizer import END_OF_TEXT

    plain = folder / "tokenizer.json"
    try:
        if plain.is_file() and not (folder / "tokenizer_config.json").exists():
            tokenizer: Any = PreTrainedTokenizerFast(tokenizer_file=str(plain))  # type: ignore[no-untyped-call]
            if END_OF_TEXT in tokenizer.get_vocab():
                tokenizer.eos_token = END_OF_TEXT
            return tokenizer
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder}: has no tokenizer that can be read ({reason})") from None


def _stops(tokenizer: Any, problems: Sequence[Problem], begin: int) -> Callable[..., Any]:
    """Which sequences have written one of their problem's stops."""
    import torch

    def stopped(ids: Any, scores: Any, **others: Any) -> Any:
        texts = tokenizer.batch_decode(ids[:, begin:], skip_special_tokens=True)
        ended = [problem.cut(text) != text for problem, text in zip(problems, texts, strict=True)]
        return torch.tensor(ended, device=ids.device)

    return stopped


def write_completions(
    folder: Path,
    problems: Sequence[Problem],
    sampling: Sampling,
    out: Path,
    *,
    anew: bool = False,
    advance: Callable[[int], None] = lambda problems: None,
) -> tuple[int, int]:
    """Complete problems into a JSONL file, a row per problem; those that it has already stay as they are.

    Args:
        folder: of the model.
        problems: to complete.
        sampling: how.
        out: the file.
        anew: rows of another model or sampling are written again, not refused.
        advance: told of problems that are done.

    Returns:
        Problems whose prompt did not fit whole, and those that were there already.

    Raises:
        InputError: as `complete`; or the file is of another model or sampling.
    """
    mark = {"model": files.sha256(weights_file(folder)), "sampling": _told(sampling)}
    known = {(problem.language, problem.name): _told_of(problem) for problem in problems}
    rows, done = [], set()
    if out.exists():
        for line, row in files.whole_rows(out, what="completions", has="written_by"):
            if row.get("written_by") != mark:
                if anew:
                    continue
                raise InputError(
                    f"{out}: has completions of another model, or drawn otherwise; give another --out, or "
                    "remove it"
                )
            key = row["language"], row["name"]
            if key in known and {**row, **known[key]} != row:
                continue  # the problem is another one now
            rows.append(line + "\n")
            done.add(key)
        files.write_text(out, "".join(rows))
    left = [problem for problem in problems if (problem.language, problem.name) not in done]
    already, cut = len(problems) - len(left), 0
    advance(already)
    for written in complete(folder, left, sampling):
        problem = written.problem
        row = {
            **_told_of(problem),
            "completions": list(written.completions),
            "written_by": mark,
        }
        files.append_line(out, json.dumps(row, ensure_ascii=False))
        cut += written.cut > 0
        advance(1)
    return cut, already


def _told_of(problem: Problem) -> dict[str, object]:
    return {
        "name": problem.name,
        "language": problem.language,
        "prompt": problem.prompt,
        "tests": problem.tests,
        "stop_tokens": list(problem.stop),
    }


def _told(sampling: Sampling) -> dict[str, float]:
    return {name: getattr(sampling, name) for name in ("samples", "temperature", "top_p", "tokens", "seed")}


def weights_file(folder: Path) -> Path:
    """A file by which a model is known."""
    for pattern in ("*.safetensors", "*.safetensors.index.json", "*.bin"):
        if found := sorted(folder.glob(pattern)):
            return found[0]
    raise InputError(
        f"{folder}: has no weights; expected a folder that `langmix train` or `save_pretrained` wrote"
    )
