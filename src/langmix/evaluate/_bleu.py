"""BLEU of code: sacrebleu (Post 2018, arXiv 1804.08771) over the tokens of each language's own lexer.

A lexer of the language, from Pygments, says where its tokens end, so that a score does not depend on how the
code is spaced. Scores of other lexers cannot be compared: the signature names ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

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
    sacrebleu, pygments = _packages()
    lines = [[" ".join(lex(text, language)) for text in texts] for texts in (translations, references)]
    # Of one item alone an order without a match would be smoothed: only its counts are taken.
    alone = sacrebleu.BLEU(tokenize="none", effective_order=True, force=True)
    found = [alone.sentence_score(ours, [theirs]) for ours, theirs in zip(*lines, strict=True)]
    counts = np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found])
    orders = len(found[0].counts)
    metric = sacrebleu.BLEU(tokenize="none", force=True)

    def score(total: Any) -> float:
        return float(
            metric.compute_bleu(
                total[:orders].tolist(),
                total[orders:-2].tolist(),
                int(total[-2]),
                int(total[-1]),
                smooth_method=metric.smooth_method,
            ).score
        )

    weights = resampled(len(found), draws=DRAWS, seed=seed)
    value = metric.corpus_score(lines[0], [lines[1]]).score
    low, high = interval(np.array([score(drawn) for drawn in weights @ counts]), np.array(value))
    signature = f"{metric.get_signature()}|lex:pygments-{_lexer(language).name}-{pygments.__version__}"
    return Bleu(value, float(low), float(high), len(found), signature)


def lex(code: str, language: str) -> list[str]:
    """Tokens of code: what its lexer finds, without white space; comments and strings word by word.

    Raises:
        InputError: no lexer is known for the language.
        MissingExtraError: Pygments is not installed.
    """
    return [word for _, text in _lexer(language).get_tokens(code) for word in text.split()]


def _lexer(language: str) -> Any:
    _packages()
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        raise InputError(f"language {language!r}: Pygments has no lexer of that name; rename it") from None


def _packages() -> tuple[Any, Any]:
    try:
        import pygments
        import sacrebleu
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="eval", module=str(error.name), purpose="BLEU") from None
    return sacrebleu, pygments
