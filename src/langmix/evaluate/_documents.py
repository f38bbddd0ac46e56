"""Where the documents of held-out text begin and end: they, and not its tokens, are drawn independently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from langmix.corpus import Corpus


def document_ends(corpus: Corpus, language: str) -> NDArray[np.int64] | None:
    """Places after each document of a language's held-out tokens; None where no id is known to end one."""
    end = corpus.end_of_document(language)
    if end is None:
        return None
    tokens = np.asarray(corpus.validation(language))
    ends: NDArray[np.int64] = np.flatnonzero(tokens == end) + 1
    return ends if len(ends) and ends[-1] == len(tokens) else np.append(ends, len(tokens))
