"""How long the sandbox takes to judge: the reference solutions, so many of each language.

python benchmarks/judging.py FOLDER [--copies 8]: FOLDER holds MultiPL-E's problems; prints seconds in
all, and medians by language.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from statistics import median

from langmix.evaluate.execution import Harness, Sample, execute, read_problems

SOLUTIONS = Path(__file__).parents[1] / "tests" / "evaluate" / "solutions"
EACH = 20  # problems that all seven languages have


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=8)
    given = parser.parse_args()
    problems = {(p.language, p.name): p for p in read_problems([given.folder])}
    samples = [
        Sample(problem=problems[path.stem, row["name"]], number=k, completion=row["completion"])
        for path in sorted(SOLUTIONS.glob("*.jsonl"))
        for row in map(json.loads, path.read_text().splitlines()[:EACH])
        for k in range(given.copies)
    ]
    begun = time.monotonic()
    with Harness(sorted({s.problem.language for s in samples})) as harness:
        ready = time.monotonic() - begun
        judged = execute(samples, harness)
    took = time.monotonic() - begun
    print(
        f"{len(judged)} programs, {harness.workers} workers: {took:.0f} s, {ready:.1f} s of it to get ready"
    )
    for language in sorted({each.language for each in judged}):
        own = [each for each in judged if each.language == language]
        compiling, running = (
            median(getattr(each, f"{what}_seconds") for each in own) for what in ("compile", "run")
        )
        print(f"{language:12} median seconds: {compiling:.3f} compiling, {running:.3f} running")
    print(dict(Counter(each.status.value for each in judged)), "left out:", harness.missing or "none")


if __name__ == "__main__":
    main()
