"""A study.yaml to start from: a preset's design, at any scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from langmix import files
from langmix.corpus import Source
from langmix.errors import InputError
from langmix.lab import ModelSize, Recipe
from langmix.study._config import CONFIG, read_study


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """The design of a study, in parts of its largest model and its largest budget.

    Attributes:
        what: in a sentence.
        sizes: of the grid, parts of the largest, ascending.
        budgets: of the grid, parts of the largest, ascending.
        pairs: indices of the sizes at which all pairs are trained.
        tokens_each: of each language of a pair, part of the largest budget.
        mixtures: by index of the size, how many; at the two largest budgets that are at most half of the
            largest for the smallest size, and at the largest two otherwise.
        seeds: further ones, of the grid, self-repetition and pairs at the smallest size.
        validation: size and tokens of the runs that test the answer, in parts of the largest; none if absent.
        params: of the largest model, by default.
        tokens: of the largest budget, by default.
    """

    what: str
    sizes: tuple[float, ...]
    budgets: tuple[float, ...]
    pairs: tuple[int, ...]
    tokens_each: float
    mixtures: Mapping[int, int]
    seeds: tuple[int, ...]
    validation: tuple[float, float] | None
    params: float
    tokens: float


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "quick": Preset(
            what="3 sizes, pairs at the smallest, mixtures at two",
            sizes=(1 / 16, 1 / 4, 1),
            budgets=(1 / 8, 1 / 4, 1 / 2, 1),
            pairs=(0,),
            tokens_each=1 / 4,
            mixtures=MappingProxyType({0: 8, 1: 6}),
            seeds=(1,),
            validation=None,
            params=400e3,
            tokens=800e3,
        ),
        "standard": Preset(
            what="5 sizes, pairs at two, mixtures at three, 3 seeds for the noise, and a validation",
            sizes=(1 / 16, 1 / 8, 1 / 4, 1 / 2, 1),
            budgets=(1 / 8, 1 / 4, 1 / 2, 1),
            pairs=(0, 2),
            tokens_each=1 / 4,
            mixtures=MappingProxyType({0: 12, 2: 12, 4: 4}),
            seeds=(1, 2),
            validation=(2, 2),
            params=400e3,
            tokens=800e3,
        ),
        "paper": Preset(
            what="arXiv 2512.13472 to scale: 10 sizes x 6 budgets of each language, and all pairs at the 5th",
            sizes=tuple(billions / 3.1 for billions in (0.1, 0.2, 0.4, 0.6, 1.1, 1.3, 1.6, 2.0, 2.4, 3.1)),
            budgets=tuple(2.0**-k for k in range(5, -1, -1)),
            pairs=(4,),
            tokens_each=1,
            mixtures=MappingProxyType({}),
            seeds=(),
            validation=None,
            params=800e3,
            tokens=1.6e6,
        ),
    }
)
"""``paper`` has the reference study's 420 checkpoints of languages alone and its 28 runs of pairs and
self-repetition; it does not print the size of these."""


_VOCABULARIES: Final = ((1e6, 2048), (3e7, 8192), (float("inf"), 32_768))
"""Largest model, and a vocabulary that does not outweigh it."""
_BYTES_PER_TOKEN: Final = 8
"""Of text to keep per token of the largest budget: more than code has, so that nothing need repeat."""


def new_study(
    folder: Path,
    *,
    preset: str = "standard",
    languages: Sequence[str],
    sources: Sequence[Source],
    params: float | None = None,
    tokens: float | None = None,
) -> Path:
    """Write a study.yaml to edit and run.

    Args:
        folder: to write into; made if it is not there.
        preset: one of `PRESETS`.
        languages: to study, two or more.
        sources: of the corpus.
        params: of the largest model of the fit, non-embedding; default: the preset's.
        tokens: of its largest budget; default: the preset's.

    Raises:
        InputError: an unknown preset, a study.yaml that is there, or a scale too small for the preset.
    """
    path = folder / CONFIG
    if preset not in PRESETS:
        raise InputError(f"preset {preset!r} is not known; expected one of {', '.join(PRESETS)}")
    if path.exists():
        raise InputError(f"{path}: is there already; edit it, or choose another folder")
    design = PRESETS[preset]
    content = _content(
        design,
        languages=languages,
        sources=sources,
        params=params or design.params,
        tokens=tokens or design.tokens,
    )
    head = (
        f"# {design.what[0].upper()}{design.what[1:]}.\n"
        "# What it costs: langmix study price FOLDER. To run it, or to go on: langmix study run FOLDER.\n"
    )
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
    made = not folder.exists()
    files.write_text(path, head + text)
    try:
        read_study(folder)
    except InputError:
        path.unlink()
        if made:
            folder.rmdir()
        raise
    return path


def _content(
    design: Preset, *, languages: Sequence[str], sources: Sequence[Source], params: float, tokens: float
) -> dict[str, Any]:
    shapes = [ModelSize.near(part * params) for part in design.sizes]
    names = [shape.name for shape in shapes]
    budgets = [_round(part * tokens) for part in design.budgets]
    if budgets[0] < 1:
        raise InputError(
            f"--tokens: {tokens:g} for the largest budget leaves {budgets[0]} for the smallest; expected more"
        )
    plan: dict[str, Any] = {"grid": {"sizes": names, "budgets": budgets}}
    plan["pairs"] = [
        {"size": names[k], "tokens_each": _round(design.tokens_each * tokens), "pairs": "all"}
        for k in design.pairs
    ]
    if design.mixtures:
        plan["mixtures"] = [
            {"size": names[k], "count": n, "budgets": budgets[-3:-1] if k == 0 else budgets[-2:]}
            for k, n in design.mixtures.items()
        ]
    if design.seeds:
        plan["repeats"] = [
            {"arm": arm, "size": names[0], "seeds": list(design.seeds)} for arm in ("grid", "self", "pair")
        ]
    content: dict[str, Any] = {
        "title": f"{len(languages)} languages",
        "corpus": {
            "sources": [source.model_dump(mode="json", exclude_none=True) for source in sources],
            "languages": list(languages),
            "vocab_size": next(size for most, size in _VOCABULARIES if params <= most),
            "bytes_per_language": max(6_000_000, _round(_BYTES_PER_TOKEN * tokens)),
        },
    }
    if design.validation:
        shapes.append(ModelSize.near(design.validation[0] * params))
    content["sizes"] = [
        {"name": s.name, "d_model": s.d_model, "n_layers": s.n_layers, "n_heads": s.n_heads, "d_ff": s.d_ff}
        for s in shapes
    ]
    recipe = Recipe.near(params=params, budgets=budgets)
    content["recipe"] = recipe.model_dump(exclude_defaults=True) or {
        "sequence": recipe.sequence,
        "batch": recipe.batch,
        "learning_rate": recipe.learning_rate,
    }
    content["plan"] = plan
    if design.validation:
        content["validation"] = {
            "size": shapes[-1].name,
            "tokens": _round(design.validation[1] * tokens),
            "seeds": [0, 1, 2],
        }
    return content


def _round(tokens: float) -> int:
    """To three digits."""
    return int(float(f"{tokens:.3g}"))
