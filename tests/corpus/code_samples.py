"""A small folder of made-up code, for tests."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = ("count", "value", "index", "total", "buffer", "parse", "token", "lines", "source", "result", "cache")


def function(rng: random.Random, name: str) -> str:
    lines = [
        f"    {rng.choice(WORDS)}_{rng.randrange(50)} = {rng.choice(WORDS)}({rng.choice(WORDS)})"
        for _ in range(12)
    ]
    return f"def {name}({rng.choice(WORDS)}):\n" + "\n".join(lines) + "\n"


def write_code(
    folder: Path, *, suffixes: tuple[str, ...] = (".py", ".rs"), groups: int = 4, files: int = 6
) -> Path:
    """``groups`` repositories per suffix with ``files`` files each, no two alike."""
    rng = random.Random(0)
    for suffix in suffixes:
        for g in range(groups):
            for f in range(files):
                path = folder / f"repo{g}{suffix[1:]}" / f"file{f}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(function(rng, f"f{k}") for k in range(20)))
    return folder
