"""N of the runs: non-embedding parameters, given or derived from the total."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from langmix.errors import InputError
from langmix.runs.importers._lookup import Floats, Lookup
from langmix.runs.importers._resolve import listing


def add_params(lookup: Lookup, rows: pd.DataFrame) -> None:
    """Add ``params``, and ``params_total`` where it is known, to the rows."""
    mapping = lookup.mapping
    if mapping.params_total is not None:
        rows["params_total"] = lookup.numbers(mapping.params_total, rows, field="params_total")
    if mapping.params is not None:
        rows["params"] = lookup.complete(lookup.numbers(mapping.params, rows, field="params"), rows, "params")
    elif mapping.params_total is not None:
        total = lookup.complete(rows["params_total"].to_numpy(dtype=float), rows, "params_total")
        embedding = _embedding(lookup, rows)
        rows["params"] = total - embedding
        for index in np.flatnonzero(~(rows["params"] > 0).to_numpy())[:1]:
            raise InputError(
                f"{lookup.source}: run {rows['run'].iloc[index]!r}: params_total {total[index]:g} is not "
                f"above its embedding parameters {embedding[index]:g}; check params_total, vocab_size and "
                "d_model"
            )
    else:
        raise InputError(
            f"{lookup.source}: params: nothing says how many parameters a run has; give --params "
            "(non-embedding), or --params-total with --embedding-params (or --vocab-size, --d-model and "
            f"--tied-embeddings), each a number or a name; {listing(lookup.tracked.names)}"
        )


def _embedding(lookup: Lookup, rows: pd.DataFrame) -> Floats:
    """Parameters of the embedding, and of the head where it is a matrix of its own."""
    mapping = lookup.mapping
    if mapping.embedding_params is not None:
        given = lookup.numbers(mapping.embedding_params, rows, field="embedding_params")
        return lookup.complete(given, rows, "embedding_params")
    needed = ("vocab_size", "d_model", "tied_embeddings")
    if missing := [name for name in needed if getattr(mapping, name) is None]:
        raise InputError(
            f"{lookup.source}: params: only the total is known ({mapping.params_total}), and langmix counts "
            "non-embedding parameters. Give "
            f"{', '.join('--' + name.replace('_', '-') for name in missing)} to "
            "derive them, or --embedding-params; to count the embedding in, map --params to the total"
        )
    vocab, width = (
        lookup.complete(lookup.numbers(getattr(mapping, name), rows, field=name), rows, name)
        for name in needed[:2]
    )
    return vocab * width * np.where(_tied(lookup, rows), 1.0, 2.0)


def _tied(lookup: Lookup, rows: pd.DataFrame) -> NDArray[np.bool_]:
    text = lookup.mapping.tied_embeddings
    assert text is not None
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    spelled = lookup.texts(text, rows, field="tied_embeddings")
    tied = [words.get(str(value).strip().lower()) for value in spelled]
    for run, value, answer in zip(rows["run"], spelled, tied, strict=True):
        if answer is None:
            raise InputError(
                f"{lookup.source}: run {run!r}: tied_embeddings is {value!r}; expected true or false"
            )
    return np.array(tied, dtype=bool)
