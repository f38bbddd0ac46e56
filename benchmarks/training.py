"""Training throughput beside `transformers.Trainer` and a plain loop, and its share of the matmul peak.

    python benchmarks/training.py [--seconds 8] [--repeats 3] [--size 0.1M 1M 5M]

The same models (LLaMA, vocabulary 4,096, sequences of 256 tokens, 8 per step, AdamW, clipping, float32)
on the same random tokens, several runs to train: langmix trains one run per core in processes of one thread;
Trainer and the plain loop train one run after the other with all cores. Tokens per second are of the whole
machine, start-up and compilation left out. The three take turns: medians over the turns. The peak is that
of a product of matrices of 1,024 rows, timed before and after each turn of langmix, the faster of which
counts: once with all threads in one process, once with a process of one thread per core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from langmix.corpus import open_corpus
from langmix.corpus._shards import CorpusCard, LanguageCard, shard_path, write_card
from langmix.design import PlannedRun
from langmix.lab import ModelSize, Recipe

VOCAB, SEQUENCE, BATCH = 4096, 256, 8
SIZES = {
    "0.1M": ModelSize(name="0.1M", d_model=64, n_layers=2, n_heads=2, d_ff=176),
    "1M": ModelSize(name="1M", d_model=144, n_layers=4, n_heads=4, d_ff=384),
    "5M": ModelSize(name="5M", d_model=256, n_layers=6, n_heads=4, d_ff=704),
}
PEAKS = ("one process", "a process per core")
RECIPE = Recipe(sequence=SEQUENCE, batch=BATCH, evaluation_tokens=SEQUENCE)


def main() -> None:
    """Measure in turns and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of one measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for package in ("transformers", "accelerate"):
        if find_spec(package) is None:
            parser.error(f"{package}, which Trainer needs, is not installed: pip install {package}")
    cores = len(os.sched_getaffinity(0))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        corpus = random_corpus(Path(temporary))
        for name in asked.size:
            turns: dict[str, list[float]] = {
                what: [] for what in (*PEAKS, "langmix", "Trainer", "plain loop")
            }
            for _ in range(asked.repeats):
                before = peaks(cores, asked.seconds / 4)
                turns["langmix"].append(per_core(langmix, cores, asked.seconds, name, corpus))
                for what, faster in zip(
                    PEAKS, map(max, before, peaks(cores, asked.seconds / 4)), strict=True
                ):
                    turns[what].append(faster)
                turns["Trainer"].append(in_process(trainer, cores, name, corpus, asked.seconds))
                turns["plain loop"].append(in_process(plain_loop, cores, name, corpus, asked.seconds))
            flops = SIZES[name].flops_per_token(VOCAB, SEQUENCE)
            median = {what: statistics.median(values) for what, values in turns.items()}
            shares = {
                what: statistics.median(
                    each * flops / peak for each, peak in zip(turns["langmix"], turns[what], strict=True)
                )
                for what in PEAKS
            }
            rows.append(
                {"size": name, "params": SIZES[name].params}
                | {f"gflops, {what}": median[what] / 1e9 for what in PEAKS}
                | {what: median[what] for what in ("langmix", "Trainer", "plain loop")}
                | {
                    "share_of_peak": shares,
                    "times_trainer": median["langmix"] / median["Trainer"],
                    "times_plain": median["langmix"] / median["plain loop"],
                    "turns": turns,
                }
            )
            if not asked.json:
                show(rows[-1])
    if asked.json:
        print(json.dumps(rows, indent=1))


def show(row: dict[str, Any]) -> None:
    """One line of the table."""
    print(
        f"{row['size']:>5}  langmix {row['langmix']:,.0f} tokens/s ("
        + ", ".join(
            f"{share:.0%} of {row[f'gflops, {what}']:.0f} GFLOP/s of {what}"
            for what, share in row["share_of_peak"].items()
        )
        + ")"
        f"  Trainer {row['Trainer']:,.0f} ({row['times_trainer']:.1f}x)"
        f"  plain loop {row['plain loop']:,.0f} ({row['times_plain']:.1f}x)",
        flush=True,
    )


def random_corpus(folder: Path) -> Path:
    """One language of random tokens: what is measured does not depend on what they say."""
    tokens = np.random.default_rng(0).integers(VOCAB, size=2_000_000).astype(np.uint16)
    for split in ("train", "validation"):
        path = shard_path(folder, "random", split)  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, tokens)
    card = LanguageCard(
        train_tokens=len(tokens),
        validation_tokens=len(tokens),
        bytes_per_token=1.0,
        train_groups=[],
        validation_groups=[],
        files={},
    )
    write_card(
        folder,
        CorpusCard(
            vocab_size=VOCAB, tokenizer_sha256="0" * 64, seed=0, languages={"random": card}, sources=[]
        ),
    )
    return folder


def per_core(work: Callable[..., None], cores: int, seconds: float, *arguments: object) -> float:
    """Sum of what processes of one thread find, a process per core, which begin to measure together."""
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(cores), context.SimpleQueue()
    jobs = [context.Process(target=work, args=(barrier, found, seconds, *arguments)) for _ in range(cores)]
    with OneThread():
        for job in jobs:
            job.start()
    total = sum(found.get() for _ in jobs)
    for job in jobs:
        job.join()
    return float(total)


def langmix(barrier: Any, found: Any, seconds: float, name: str, corpus: Path) -> None:
    """Tokens per second, by the trainer itself."""
    import torch

    from langmix.lab._train import train

    torch.set_num_threads(1)
    clock = Clock(seconds, wait=barrier.wait)
    planned = PlannedRun(run="r", arm="grid", size=name, budgets=(1_000_000_000,), shares={"random": 1.0})
    try:
        for _ in train(
            planned,
            size=SIZES[name],
            corpus=open_corpus(corpus),
            recipe=RECIPE,
            compiled=True,
            advance=clock.advance,
        ):
            pass
    except Over:
        found.put(clock.speed)


def peaks(cores: int, seconds: float) -> tuple[float, float]:
    """FLOP/s of a product of square matrices, in the order of `PEAKS`."""
    return in_process(matmul, cores, seconds), per_core(matmul_peak, cores, seconds)


def matmul_peak(barrier: Any, found: Any, seconds: float) -> None:
    """The same beside other processes."""
    found.put(matmul(1, seconds, wait=barrier.wait))


def matmul(threads: int, seconds: float, wait: Callable[[], object] = lambda: None) -> float:
    """FLOP/s with so many threads."""
    import torch

    torch.set_num_threads(threads)
    n = 1024
    a, b, out = (torch.randn(n, n) for _ in range(3))
    torch.mm(a, b, out=out)
    wait()
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - start)
    return 2 * n**3 / statistics.median(times)


class Over(Exception):
    """The time of a measurement is over."""


class Clock:
    """Tokens per second between the end of warming up and the end of the measurement."""

    def __init__(
        self, seconds: float, *, wait: Callable[[], object] = lambda: None, warm: int = 5, each: int = 1
    ) -> None:
        self.seconds, self.wait, self.warm, self.each = seconds, wait, warm, each
        self.begin = self.speed = 0.0
        self.tokens = self.steps = 0

    def advance(self, tokens: int) -> None:
        """To be called after every step; raises `Over` when the time is over."""
        self.steps += 1
        if self.steps == self.warm:
            self.wait()
            self.begin = time.perf_counter()
        elif self.steps > self.warm:
            self.tokens += tokens * self.each
            passed = time.perf_counter() - self.begin
            if passed >= self.seconds:
                self.speed = self.tokens / passed
                raise Over


def trainer(
    cores: int, name: str, corpus: Path, seconds: float, device: str = "cpu", precision: str = "float32"
) -> float:
    """Tokens per second of `transformers.Trainer` with all cores."""
    import torch
    from transformers import LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

    torch.set_num_threads(cores)
    clock = Clock(seconds)

    class Watch(TrainerCallback):
        def on_step_end(self, args: object, state: object, control: object, **rest: object) -> None:
            clock.advance(BATCH * SEQUENCE)

    tokens = open_corpus(corpus).train("random")

    class Data(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(tokens) // SEQUENCE

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            row = torch.from_numpy(tokens[index * SEQUENCE : (index + 1) * SEQUENCE].astype(np.int64))
            return {"input_ids": row, "labels": row}

    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            output_dir=out,
            per_device_train_batch_size=BATCH,
            max_steps=1_000_000,
            learning_rate=1e-3,
            adam_beta2=0.99,
            weight_decay=0.1,
            max_grad_norm=1.0,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=device == "cpu",
            bf16=precision == "bfloat16",
        )
        try:
            Trainer(
                LlamaForCausalLM(llama(name)), arguments, train_dataset=Data(), callbacks=[Watch()]
            ).train()
        except Over:
            pass
        except RuntimeError:
            if not clock.speed:  # some versions wrap what a callback raises
                raise
    return clock.speed


def plain_loop(cores: int, name: str, corpus: Path, seconds: float) -> float:
    """Tokens per second of the usual twenty lines with all cores: Llama, its loss, torch's fused AdamW."""
    import torch
    from transformers import LlamaForCausalLM

    torch.set_num_threads(cores)
    model = LlamaForCausalLM(llama(name))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )
    clock, tokens = Clock(seconds), open_corpus(corpus).train("random")
    for batch in batches(tokens):
        row = torch.from_numpy(batch)
        loss = model(input_ids=row, labels=row).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        try:
            clock.advance(BATCH * SEQUENCE)
        except Over:
            break
    return clock.speed


def batches(tokens: np.ndarray) -> Iterator[np.ndarray]:
    """Batches of consecutive sequences, again and again."""
    size = BATCH * SEQUENCE
    while True:
        for first in range(0, len(tokens) - size, size):
            yield tokens[first : first + size].astype(np.int64).reshape(BATCH, SEQUENCE)


def llama(name: str) -> object:
    """The same shape as transformers' Llama."""
    from transformers import LlamaConfig

    size = SIZES[name]
    return LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=size.d_model,
        intermediate_size=size.d_ff,
        num_hidden_layers=size.n_layers,
        num_attention_heads=size.n_heads,
        max_position_embeddings=SEQUENCE,
        tie_word_embeddings=True,
        use_cache=False,
    )


def in_process(work: Callable[..., float], *arguments: object) -> float:
    """Run in a fresh process: threads and allocators of one measurement don't reach the next."""
    context = multiprocessing.get_context("spawn")
    found = context.SimpleQueue()
    job = context.Process(target=_report, args=(work, arguments, found))
    job.start()
    job.join()
    if job.exitcode:
        raise SystemExit(f"{work.__name__} failed")
    return float(found.get())


def _report(work: Callable[..., float], arguments: tuple[object, ...], found: object) -> None:
    warnings.simplefilter("ignore")
    found.put(work(*arguments))  # type: ignore[attr-defined]


class OneThread:
    """Children that are started inside have one thread."""

    NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS")

    def __enter__(self) -> None:
        self.saved = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *failed: object) -> None:
        for name, value in self.saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


if __name__ == "__main__":
    main()
