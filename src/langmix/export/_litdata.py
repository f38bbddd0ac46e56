"""Lightning's litdata: ``CombinedStreamingDataset``, which litgpt trains from."""

from __future__ import annotations

from langmix.errors import InputError
from langmix.export._blend import Blend
from langmix.export._python import literal
from langmix.export._unit import Unit


def combined(blend: Blend) -> str:
    """Python that builds a weighted ``CombinedStreamingDataset``.

    Unit: samples of the streams, so documents, unless each stream was written as flat tokens and is read with
    ``TokensLoader(block_size=...)``, which yields packed rows.

    Source: Lightning-AI/litData, ``src/litdata/streaming/combined.py`` (``CombinedStreamingDataset``);
    Lightning-AI/litgpt, ``litgpt/data/tinyllama.py``, for its use in training.

    Pitfalls:
        - ``iterate_over_all`` is True by default and refuses weights: it must be False.
        - Weights are normalised. Samples are drawn at random: after n draws a share p is off by about
          sqrt(p (1 - p) / n).
        - The stream ends at the first language that runs out; the next epoch restarts every language, so a
          large language is never read to its end. Repeat small languages on disk, or loop over epochs with
          ``shuffle=True``.
        - The budget is the trainer's (litgpt: ``--train.max_tokens``).
    """
    packed = blend.unit is Unit.ROWS
    size = next(iter(blend.parts)).size
    if packed and size is None:
        raise InputError(
            "sequence_length: not given; expected the tokens of a row, which litdata's TokensLoader needs as "
            "block_size (a row there holds one token more, the last target)"
        )
    loader = f", item_loader=TokensLoader(block_size={int(size or 0) + 1})" if packed else ""
    names = "CombinedStreamingDataset, StreamingDataset" + (", TokensLoader" if packed else "")
    return (
        f"from litdata.streaming import {names}\n\n"
        f"# weights of drawing a sample; they count {blend.unit}\n"
        f"WEIGHTS = {literal({part.path: part.weight for part in blend.parts})}\n"
        "train_data = CombinedStreamingDataset(\n"
        "    datasets=[\n"
        f"        StreamingDataset(path{loader}, shuffle=True, drop_last=True)\n"
        "        for path in WEIGHTS\n"
        "    ],\n"
        "    weights=list(WEIGHTS.values()),\n"
        "    iterate_over_all=False,\n"
        "    seed=42,\n"
        ")\n"
    )
