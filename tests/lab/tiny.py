"""The smallest size, recipe and plan of runs that tests train."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from langmix.corpus import Corpus  # noqa: E402
from langmix.design import PlannedRun, grid, mixtures, pairs  # noqa: E402
from langmix.lab import ModelSize, Recipe  # noqa: E402
from langmix.lab._model import Model  # noqa: E402
from langmix.lab._results import Checkpoint  # noqa: E402
from langmix.lab._train import train  # noqa: E402

SIZE = ModelSize(name="tiny", d_model=16, n_layers=1, n_heads=2, d_ff=32)
RECIPE = Recipe(sequence=32, batch=4, evaluation_tokens=512, warmup_steps=2)


def run(corpus: Corpus, **changes: object) -> list[Checkpoint]:
    planned = PlannedRun(
        **{  # type: ignore[arg-type]
            "run": "r",
            "arm": "grid",
            "size": "tiny",
            "budgets": (1280, 2560),
            "shares": {"python": 1.0},
            **changes,
        }
    )
    return list(train(planned, size=SIZE, corpus=corpus, recipe=RECIPE))


def random_model(runs: int = 1, sequence: int = 64) -> Model:
    """Far from the start, where logits are near 0."""
    model = Model(SIZE, 300, sequence, runs)
    model.initialise(list(range(runs)))
    with torch.no_grad():
        torch.manual_seed(0)
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


PLAN = [
    *grid(["python", "rust"], sizes=["tiny"], budgets=[1280, 2560]),
    *pairs([("python", "rust")], size="tiny", tokens_each=640),
    *mixtures(["python", "rust"], count=2, size="tiny", budgets=[1280]),
]
