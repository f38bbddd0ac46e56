"""A study of organisations, from aligned items to a page."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("rensa")

from langmix.corpus import open_corpus
from langmix.corpus.pairing import Item, write_items
from langmix.errors import InputError
from langmix.runs import read_runs
from langmix.study import read_study, run_study, study_price, study_status
from terminal import langmix

NAMES = ["python", "java", "go"]
CONFIG: dict[str, Any] = {
    "title": "A test of pairs",
    "corpus": {
        "kind": "parallel",
        "items": "items.jsonl",
        "languages": NAMES,
        "pivot": "python",
        "hold_out": 5,
        "organisations": ["shuffled", "paired"],
        "sequence": 64,
        "vocab_size": 300,
    },
    "sizes": [
        {"name": "a", "d_model": 8, "n_layers": 1, "n_heads": 1, "d_ff": 16},
        {"name": "b", "d_model": 16, "n_layers": 1, "n_heads": 1, "d_ff": 32},
        {"name": "c", "d_model": 32, "n_layers": 1, "n_heads": 1, "d_ff": 64},
    ],
    "recipe": {"sequence": 64, "batch": 2},
    "plan": {
        "grid": {"sizes": ["a", "b", "c"], "budgets": [1280, 2560, 5120]},
        "repeats": [{"arm": "grid", "size": "a", "seeds": [1]}],
        "mixtures": [{"size": "a", "count": 1, "budgets": [2560, 5120]}],
        "max_epochs": 20,
    },
    "questions": [{"times_largest": 2, "weights": {"java>go": 1, "python": 1}}],
    "draws": 10,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    drawn = random.Random(0)

    def code() -> str:
        return " ".join("".join(drawn.choices("abcdefgh", k=3)) for _ in range(5))

    texts = [code() for _ in range(40)]
    write_items(
        folder / "items.jsonl",
        [Item(f"i{k}", {name: f"{name} {text}" for name in NAMES}) for k, text in enumerate(texts)],
    )
    (folder / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.mark.slow
def test_a_study_goes_from_items_to_a_page(folder: Path) -> None:
    whole, _ = study_price(folder, measured=False)
    assert whole.runs == len(read_study(folder).runs()) == 10
    said: list[str] = []
    run_study(folder, workers=2, say=said.append)
    runs = read_runs(folder / "runs.csv")
    assert runs.languages == ("shuffled", "paired")
    assert {"python>java", "java>go", "go"} <= set(runs.targets)
    assert set(runs.frame["organisation"]) == {"shuffled", "paired", "mixed"}
    page = (folder / "report" / "index.html").read_text()
    assert "Translation, by how the data are organised" in page
    mixture = json.loads((folder / "mixture.json").read_text())["allocation"]
    assert set(mixture["shares"]) == {"shuffled", "paired"}
    assert all(stage.done for stage in study_status(folder))
    # A second call trains and builds nothing.
    again: list[str] = []
    run_study(folder, workers=2, say=again.append)
    assert all(line.endswith("up to date") for line in again)
    # A larger hold-out is another corpus, and other runs.
    changed = {**CONFIG, "corpus": {**CONFIG["corpus"], "hold_out": 6}}
    (folder / "study.yaml").write_text(yaml.safe_dump(changed))
    assert not study_status(folder)[0].done
    card = open_corpus(folder / "work" / "corpus").card.parallel
    assert card is not None
    assert card.seen == ["python>java", "python>go", "java>python", "go>python"]


@pytest.mark.parametrize(
    ("part", "changes", "told"),
    [
        ("corpus", {"pivot": "rust"}, "pivot 'rust': is none of the languages"),
        ("corpus", {"organisations": ["woven"]}, "corpus.organisations.0"),
        ("corpus", {"template": "{target}"}, "slots {source}"),
        ("corpus", {"kind": "woven"}, "corpus: expected kind: parallel"),
        ("corpus", {"languages": ["python"]}, "languages"),
        ("questions", [{"times_largest": 2, "weights": {"java>rust": 1}}], "'java>rust' is not"),
        (
            "plan",
            {
                "grid": {"sizes": ["a"], "budgets": [1280]},
                "runs": [
                    {"run": "x", "arm": "mixture", "size": "a", "budgets": [1280], "shares": {"python": 1.0}},
                ],
            },
            "'python' is not a language of the corpus",
        ),
        ("recipe", {"sequence": 32, "batch": 4}, "sequences of 64 tokens, and recipe.sequence is 32"),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, tmp_path: Path, part: str, changes: dict[str, Any], told: str
) -> None:
    (tmp_path / "items.jsonl").write_bytes((folder / "items.jsonl").read_bytes())
    changed = {**CONFIG[part], **changes} if isinstance(changes, dict) and part != "plan" else changes
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**CONFIG, part: changed}))
    outcome = langmix("study", "run", ".", "--workers", "1", cwd=tmp_path)
    assert outcome.returncode == 2
    assert told in outcome.stderr
    assert "study.yaml" in outcome.stderr


def test_a_study_without_its_items_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    with pytest.raises(InputError, match=r"items\.jsonl"):
        run_study(tmp_path)
