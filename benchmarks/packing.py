"""Packed runs beside the same runs one after the other: tokens per second of one device.

    python benchmarks/packing.py [--device cuda] [--size 1M] [--runs 1 8 32 128] [--precision bfloat16]

The models, data and steps of benchmarks/training.py. One by one are langmix itself with one run per program,
and `transformers.Trainer`; the packs take turns with them, and medians over the turns count.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from training import BATCH, RECIPE, SEQUENCE, SIZES, Clock, Over, in_process, random_corpus, trainer

from langmix.corpus import open_corpus
from langmix.design import PlannedRun


def main() -> None:
    """Measure in turns and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--size", default="1M", choices=SIZES)
    parser.add_argument("--runs", nargs="+", type=int, default=[1, 8, 32, 128])
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--seconds", type=float, default=8.0, help="of one measurement")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    turns: dict[str, list[float]] = {f"{runs} packed": [] for runs in asked.runs} | {"Trainer": []}
    with tempfile.TemporaryDirectory() as temporary:
        corpus = random_corpus(Path(temporary))
        for _ in range(asked.repeats):
            for runs in asked.runs:
                found = in_process(
                    packed, runs, asked.size, corpus, asked.seconds, asked.device, asked.precision
                )
                turns[f"{runs} packed"].append(found)
            turns["Trainer"].append(
                in_process(trainer, 1, asked.size, corpus, asked.seconds, asked.device, asked.precision)
            )
    print(f"{asked.size}, {asked.device}, {asked.precision}, {BATCH} x {SEQUENCE} tokens per step and run")
    alone = statistics.median(turns[f"{asked.runs[0]} packed"])
    for what, values in turns.items():
        median = statistics.median(values)
        print(f"  {what:<12} {median:12,.0f} tokens/s  {median / alone:6.2f}x", [round(v) for v in values])


def packed(runs: int, name: str, corpus: Path, seconds: float, device: str, precision: str) -> float:
    """Tokens per second of all runs together."""
    import torch

    from langmix.lab._train import train_packed

    torch.set_num_threads(1)
    clock = Clock(seconds, each=runs)
    planned = [
        PlannedRun(
            run=f"r{seed}", arm="grid", size=name, budgets=(50_000_000,), shares={"random": 1.0}, seed=seed
        )
        for seed in range(runs)
    ]
    try:
        for _ in train_packed(
            planned,
            size=SIZES[name],
            corpus=open_corpus(corpus),
            recipe=RECIPE.model_copy(update={"precision": precision}),
            device=device,
            compiled=True,
            advance=clock.advance,
        ):
            pass
    except Over:
        pass
    return clock.speed


if __name__ == "__main__":
    main()
