"""What can be told before anything trains: data that a plan lacks, memory and disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.errors import InputError
from langmix.lab._recipe import Recipe
from langmix.lab._sizes import ModelSize
from langmix.quantities import count

MAX_EPOCHS: Final = 4.0
"""Passes over a language's data that a plan may make without saying so: up to here a repeated token is worth
nearly as much as a new one (Muennighoff et al. 2023, arXiv 2305.16264)."""

_PROCESS: Final = 450e6  # bytes of a process that has imported torch
_COPIES: Final = 14
"""Of the weights: trunk and branch with gradient and two moments each, and a trunk twice while written."""
_DISK_PER_CHECKPOINT: Final = 4_000  # bytes of a result and its row


def check_data(
    runs: Sequence[PlannedRun], corpus: Corpus, *, recipe: Recipe, max_epochs: float = MAX_EPOCHS
) -> None:
    """Refuse a plan that asks for more distinct tokens than there are, or repeats them too often by accident.

    A language with a cap of its own (``PlannedRun.unique``) repeats on purpose: only the cap has to be there.

    Raises:
        InputError: with the languages, by how many tokens and to how many epochs; or a language without one
            whole sequence of text.
    """
    parallel = corpus.card.parallel
    if parallel is not None and parallel.sequence != recipe.sequence:
        raise InputError(
            f"the corpus {corpus.folder} has sequences of {parallel.sequence} tokens, and recipe.sequence is "
            f"{recipe.sequence}; pairs are packed whole, so expected the same: change one of them"
        )
    for language in () if parallel else corpus.languages:
        card = corpus.card.languages[language]
        for what, have in (("training", card.train_tokens), ("validation", card.validation_tokens)):
            if have <= recipe.sequence:
                raise InputError(
                    f"the corpus {corpus.folder} has {have} {what} tokens of {language}, less than one "
                    f"sequence of {recipe.sequence} and the token after it; add sources, or shorten "
                    "recipe.sequence"
                )
    worst: dict[str, tuple[float, float, PlannedRun]] = {}
    for run in runs:
        for language, share in run.shares.items():
            have = corpus.card.languages[language].train_tokens
            capped = run.unique.get(language)
            read = share * run.budgets[-1]
            need = min(float(capped), read) if capped is not None else read / max_epochs
            if need > have and need > worst.get(language, (0.0,))[0]:
                worst[language] = (need, read / have, run)
    if not worst:
        return
    told = []
    for language, (need, epochs, run) in worst.items():
        have = corpus.card.languages[language].train_tokens
        what = (
            f"needs {count(need)} distinct ones, {count(need - have)} more"
            if language in run.unique
            else f"reads them {epochs:.1f} times, {count(need - have)} more keep it to {max_epochs:g} epochs"
        )
        told.append(f"{language} has {count(have)} tokens, and run {run.run!r} {what}")
    raise InputError(
        f"the corpus {corpus.folder} is too small for the plan: {'; '.join(told)}; add sources, lower "
        "budgets or tokens_each, or allow more with plan.max_epochs"
    )


def check_machine(
    runs: Sequence[PlannedRun],
    *,
    sizes: Mapping[str, ModelSize],
    corpus: Corpus,
    recipe: Recipe,
    folder: Path,
    workers: int,
    pack: int = 1,
    keep: bool = False,
) -> None:
    """Refuse what would run out of memory or disk.

    Args:
        runs: to train.
        sizes: models by name.
        corpus: token shards.
        recipe: hyperparameters.
        folder: that results are written into.
        workers: training processes, if there are runs for all.
        pack: runs that a process trains at once.
        keep: their models stay on disk.

    Raises:
        InputError: with what is needed, what is there, and how many workers would fit.
    """
    workers, models = min(workers, len(runs)), [sizes[name] for name in {run.size for run in runs}]
    each = max(memory(size, vocab_size=corpus.vocab_size, recipe=recipe, pack=pack) for size in models)
    free = available_memory()
    if each * workers > free:
        fit = int(free // each)
        remedy = f"use {fit} (--workers {fit})" if fit else "train smaller models, or on another machine"
        raise InputError(
            f"{workers} training processes need about {_bytes(each * workers)} of memory, {_bytes(free)} are "
            f"free; {remedy}"
        )
    # A trunk, weights and two moments of 4 bytes, stands beside the one that takes its place.
    trunks = 2 * 12 * workers * pack * max(size.params_total(corpus.vocab_size) for size in models)
    kept = 4 * sum(len(run.budgets) * sizes[run.size].params_total(corpus.vocab_size) for run in runs)
    need = _DISK_PER_CHECKPOINT * sum(len(run.budgets) for run in runs) + trunks + keep * kept
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    if need > (left := shutil.disk_usage(there).free):
        raise InputError(
            f"{folder}: results and runs under way need about {_bytes(need)}, {_bytes(left)} are free on "
            "that disk; make room, then run again"
        )


def memory(size: ModelSize, *, vocab_size: int, recipe: Recipe, pack: int = 1) -> float:
    """Bytes that a process takes to train models of a size, from above: torch, weights, activations."""
    weights = 4 * _COPIES * size.params_total(vocab_size)
    # Per position and block: the residual stream, q, k, v, attention and the SwiGLU, with their gradients.
    activations = 2 * 4 * recipe.batch_tokens * size.n_layers * (12 * size.d_model + 4 * size.d_ff)
    return _PROCESS + pack * (weights + activations)


def available_memory() -> float:
    """Bytes that this process and its children may still take: of the machine, or of its control group."""
    free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        free = min(free, float(limit) - float(used))
    except (OSError, ValueError, StopIteration):
        pass  # no Linux, or no limit ("max")
    return free


def _bytes(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
