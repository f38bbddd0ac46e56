"""BLEU of code: sacrebleu (Post 2018, arXiv 1804.08771) over the tokens of each language's own lexer.

A lexer of the language, from Pygments, says where its tokens end, so that a score does not depend on how the
code is spaced. Scores of other lexers cannot be compared: the signature names ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.errors import InputError, MissingExtraError
from langmix.evaluate._shared import resampled
from langmix.laws import interval

DRAWS: Final = 1000


class Bleu(NamedTuple):
    """BLEU of a set of translations.

    Attributes:
        score: of the set, 0 to 100.
        low, high: its 90% interval, over items.
        items: translated.
        signature: sacrebleu's, with the lexer.
    """

    score: float
    low: float
    high: float
    items: int
    signature: str


def bleu(translations: Sequence[str], references: Sequence[str], language: str, *, seed: int = 0) -> Bleu:
    """Score translations into a language.

    Args:
        translations: one per item.
        references: likewise.
        language: that they are in.
        seed: of the bootstrap over items.

    Raises:
        InputError: no lexer is known for the language, or there are no items.
        MissingExtraError: sacrebleu or Pygments is not installed.
    """
    if not translations:
        raise InputError(f"BLEU: no translations into {language}; expected one per item")
    counts = bleu_counts(translations, references, language)
    value = bleu_score(counts.sum(axis=0))
    weights = resampled(len(counts), draws=DRAWS, seed=seed)
    low, high = interval(np.array([bleu_score(drawn) for drawn in weights @ counts]), np.array(value))
    return Bleu(value, float(low), float(high), len(counts), bleu_signature(language))


def bleu_counts(texts: Sequence[str], references: Sequence[str], language: str) -> NDArray[np.int64]:
    """What BLEU counts of each text, shape (n, 10): matches and totals of 1 to 4 tokens, and both lengths.

    Sums of rows are scored by `bleu_score`: of one text alone, an order without a match would be smoothed.

    Raises:
        InputError: no lexer is known for the language.
        MissingExtraError: sacrebleu or Pygments is not installed.
    """
    alone = _sacrebleu().BLEU(tokenize="none", effective_order=True, force=True)
    lines = [[" ".join(lex(text, language)) for text in each] for each in (texts, references)]
    found = [alone.sentence_score(ours, [theirs]) for ours, theirs in zip(*lines, strict=True)]
    counts = [[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found]
    return np.array(counts, dtype=np.int64).reshape(len(found), 2 * alone.max_ngram_order + 2)


def bleu_score(counts: NDArray[np.int64]) -> float:
    """BLEU, 0 to 100, of summed counts, shape (10,); see `bleu_counts`."""
    metric, orders = _sacrebleu().BLEU(tokenize="none", force=True), (len(counts) - 2) // 2
    return float(
        metric.compute_bleu(
            counts[:orders].tolist(),
            counts[orders:-2].tolist(),
            int(counts[-2]),
            int(counts[-1]),
            smooth_method=metric.smooth_method,
        ).score
    )


def bleu_signature(language: str) -> str:
    """sacrebleu's signature, with the lexer."""
    metric = _sacrebleu().BLEU(tokenize="none", force=True)
    metric.corpus_score([""], [[""]])  # it counts references before it signs
    import pygments

    return f"{metric.get_signature()}|lex:pygments-{_lexer(language).name}-{pygments.__version__}"


def lex(code: str, language: str) -> list[str]:
    """Tokens of code: what its lexer finds, without white space; comments and strings word by word.

    Raises:
        InputError: no lexer is known for the language.
        MissingExtraError: Pygments is not installed.
    """
    return [word for _, text in _lexer(language).get_tokens(code) for word in text.split()]


def _lexer(language: str) -> Any:
    try:
        from pygments.lexers import get_lexer_by_name
        from pygments.util import ClassNotFound
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        raise InputError(f"language {language!r}: Pygments has no lexer of that name; rename it") from None


def _sacrebleu() -> Any:
    try:
        import sacrebleu
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    return sacrebleu


def _missing(error: ModuleNotFoundError) -> MissingExtraError:
    return MissingExtraError(extra="eval", module=str(error.name), purpose="BLEU")
