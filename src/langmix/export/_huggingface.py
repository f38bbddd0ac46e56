"""Hugging Face datasets: ``interleave_datasets``."""

from __future__ import annotations

from langmix.export._blend import Blend
from langmix.export._python import literal
from langmix.quantities import count


def interleave(blend: Blend) -> str:
    """Python that builds the mixed stream with ``interleave_datasets``.

    Unit: samples of the datasets, so documents, unless the rows were tokenised and packed to one length.

    Source: huggingface/datasets, ``src/datasets/combine.py`` (``interleave_datasets``),
    ``arrow_dataset.py`` (``_interleave_map_style_datasets``), ``iterable_dataset.py``
    (``RandomlyCyclingMultiSourcesExamplesIterable``).

    Pitfalls:
        - Probabilities must sum to 1 (numpy's ``Generator.choice`` refuses others); they are not normalised.
        - Samples are drawn at random: after n draws a share p is off by about sqrt(p (1 - p) / n).
        - ``first_exhausted`` stops at the first language that runs out and ``all_exhausted`` when the last
          one does: neither is the budget. So every language repeats without end and the stream is cut at the
          number of samples that make up the budget.
        - With ``all_exhausted`` a probability of 0 never ends (streams): languages without tokens are left
          out.
        - ``.repeat`` yields the same order every time; shuffle each language before.
    """
    take = "" if blend.draws is None else f".take({blend.draws})"
    cut = (
        "# without end: stop after the steps that make up the token budget"
        if blend.draws is None
        else f"# {blend.draws} samples make up the budget of {count(blend.allocation.tokens)} tokens"
    )
    probabilities = literal({part.path: part.weight for part in blend.parts})
    return (
        "from datasets import interleave_datasets, load_dataset\n\n"
        f"# probabilities of drawing a sample; they count {blend.unit}\n"
        f"PROBABILITIES = {probabilities}\n"
        "mixture = interleave_datasets(\n"
        '    [load_dataset(path, split="train", streaming=True).repeat(None) for path in PROBABILITIES],\n'
        "    probabilities=list(PROBABILITIES.values()),\n"
        "    seed=0,\n"
        '    stopping_strategy="first_exhausted",\n'
        f"){take}  {cut}\n"
    )
