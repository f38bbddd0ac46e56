"""torchtitan: the interleaved text data loader."""

from __future__ import annotations

from langmix.errors import InputError
from langmix.export._blend import Blend


def dataloader(blend: Blend) -> str:
    """Python that registers the languages and configures ``InterleavedHuggingFaceTextDataLoader``.

    Unit: packed rows: each source tokenises, concatenates and cuts before the loader draws.

    Source: pytorch/torchtitan 0.3, ``torchtitan/hf_datasets/interleaved.py`` (``InterleavedDataset``) and
    ``torchtitan/hf_datasets/text_datasets.py`` (``HFDataSource``).

    Pitfalls:
        - Weights are normalised. Rows are drawn at random: after n draws a share p is off by about
          sqrt(p (1 - p) / n). All data-parallel ranks draw the same languages in the same order (one seed),
          so n is the draws of one rank.
        - A weight of 0 is allowed, but with ``all_exhausted`` it never ends: left out.
        - Sources are infinite here, so that the budget (``training.steps``) ends the run and not the smallest
          language. All sources must agree on ``infinite``.
        - Names are looked up in lower case in the ``DATASETS`` table, which the file fills; ``text`` is the
          column that is read.
        - The main branch replaces this loader by ``DatasetMixConfig`` with ``WeightedDataset(weight=...)``:
          the same weights hold if every child is packed **before** mixing. Mixed before packing they would
          count documents.
    """
    names = [part.language.lower() for part in blend.parts]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"torchtitan: two languages are called {name!r} in lower case, in which torchtitan looks its "
                "datasets up; rename one in the run table"
            )
    sources = "".join(
        f"    {name!r}: ({part.path!r}, {part.weight!r}),\n"
        for name, part in zip(names, blend.parts, strict=True)
    )
    return (
        "from functools import partial\n\n"
        "from datasets import load_dataset\n"
        "from torchtitan.hf_datasets import DatasetConfig\n"
        "from torchtitan.hf_datasets.text_datasets import (\n"
        "    DATASETS,\n    HFDataSource,\n    InterleavedHuggingFaceTextDataLoader,\n)\n\n"
        "# name: (path, weight); weights count packed rows\n"
        f"SOURCES = {{\n{sources}}}\n"
        "for name, (path, _) in SOURCES.items():\n"
        "    DATASETS[name] = DatasetConfig(\n"
        "        path=path,\n"
        '        loader=partial(load_dataset, split="train", streaming=True),\n'
        '        sample_processor=lambda sample: sample["text"],\n'
        "    )\n"
        "dataloader = InterleavedHuggingFaceTextDataLoader.Config(\n"
        "    sources=[\n"
        "        HFDataSource(dataset=name, infinite=True, weight=weight)\n"
        "        for name, (_, weight) in SOURCES.items()\n"
        "    ],\n"
        "    seed=42,\n"
        ")\n"
    )
