"""Translation between all pairs of languages: the loss of the target given its source, and BLEU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from langmix.corpus import Corpus
from langmix.corpus.pairing import Direction, encode_document, encode_prompt, held_out, read_as
from langmix.errors import InputError
from langmix.evaluate._bleu import Bleu, bleu, lex
from langmix.evaluate._generate import greedy, open_model
from langmix.evaluate._shared import lab_needed, resampled
from langmix.laws import interval

_DRAWS: Final = 1000


class TargetLoss(NamedTuple):
    """Loss on the held-out items of one target.

    Attributes:
        target: a language, its text alone; or a direction, the text of its target given that of its source.
        kind: ``alone``; ``seen`` or ``unseen``, whether the corpus pairs the direction in training.
        nats_per_token: mean over the tokens of the target's texts, their ends included.
        low, high: its 90% interval, over items.
        items: measured.
        tokens: that count.
    """

    target: str
    kind: str
    nats_per_token: float
    low: float
    high: float
    items: int
    tokens: int


class Translated(NamedTuple):
    """BLEU of one direction's greedy translations."""

    target: str
    kind: str
    bleu: Bleu


def translation_losses(
    checkpoint: Path,
    corpus: Corpus,
    *,
    organisation: str | None = None,
    advance: Callable[[int], None] = lambda items: None,
) -> list[TargetLoss]:
    """Measure a checkpoint on the items that a corpus of parallel texts holds out.

    Args:
        checkpoint: folder that `langmix train` wrote.
        corpus: of parallel texts.
        organisation: in which pairs are read; default: that which taught the checkpoint to, see `read_as`.
        advance: told the items of every target, for progress.

    Raises:
        InputError: no checkpoint there, one of another tokenizer, or a corpus without parallel texts.
        MissingExtraError: torch is not installed.
    """
    opened = _open(checkpoint, corpus, organisation)
    from langmix.lab._checkpoints import read_checkpoint
    from langmix.lab._windows import documents_apart, mean_loss

    model, held = read_checkpoint(checkpoint, corpus=corpus), held_out(corpus, opened)
    found = []
    for target, documents in held.documents.items():
        alone = [
            documents_apart([encode_document(each, held.encode, counted="target")], held.end)
            for each in documents
        ]
        tokens = np.array([int(each.counted_NT.sum()) for each in alone if each.counted_NT is not None])
        nats = tokens * np.array([mean_loss(model, each)[0] for each in alone])
        low, high = _over_items(nats, tokens)
        found.append(
            TargetLoss(
                target=target,
                kind=kind(corpus, target),
                nats_per_token=float(nats.sum() / tokens.sum()),
                low=low,
                high=high,
                items=len(documents),
                tokens=int(tokens.sum()),
            )
        )
        advance(len(documents))
    return found


def translations(
    checkpoint: Path,
    corpus: Corpus,
    *,
    organisation: str | None = None,
    directions: Sequence[str] | None = None,
    items: int | None = None,
    advance: Callable[[int], None] = lambda items: None,
) -> list[tuple[Translated, dict[str, str]]]:
    """Greedy translations of the held-out items, scored by BLEU, and their texts by item.

    Args:
        checkpoint: folder that `langmix train` wrote.
        corpus: of parallel texts.
        organisation: see `translation_losses`.
        directions: such as ``python>java``; default: all.
        items: of each direction, the first so many; default: all.
        advance: told items as they are translated.

    Raises:
        InputError: as `translation_losses`, or an unknown direction.
        MissingExtraError: transformers, sacrebleu or Pygments is not installed.
    """
    held = held_out(corpus, _open(checkpoint, corpus, organisation))
    known = [target for target in held.documents if ">" in target]
    if unknown := [name for name in directions or () if name not in known]:
        raise InputError(
            f"direction {unknown[0]!r}: the corpus has {', '.join(known)}; expected one of these"
        )
    for target in directions or known:
        lex("", Direction.of(target).target)  # a lexer that is missing is told before anything is written
    model = open_model(checkpoint)
    found = []
    for target in directions or known:
        documents = held.documents[target][:items]
        written = greedy(
            model, [encode_prompt(each, held.encode) for each in documents], end=held.end, advance=advance
        )
        texts = [held.decode(ids) for ids in written]
        references = [each.text[slice(*each.target_span)] for each in documents]
        score = bleu(texts, references, Direction.of(target).target)
        by_item = {each.item: text for each, text in zip(documents, texts, strict=True)}
        found.append((Translated(target, kind(corpus, target), score), by_item))
    return found


def kind(corpus: Corpus, target: str) -> str:
    """``alone`` for a language, ``seen`` or ``unseen`` for a direction."""
    if ">" not in target:
        return "alone"
    return "seen" if corpus.card.parallel and target in corpus.card.parallel.seen else "unseen"


def _open(checkpoint: Path, corpus: Corpus, organisation: str | None) -> str:
    """The organisation in which a checkpoint reads pairs; what does not fit together is refused."""
    with lab_needed():
        from langmix.lab._checkpoints import check_tokenizer, read_card
    if corpus.card.parallel is None:
        raise InputError(
            f"{corpus.folder}: has no parallel texts; expected a corpus of aligned items (`langmix "
            "parallel-corpus`)"
        )
    card = read_card(checkpoint)
    check_tokenizer(checkpoint, card, corpus)
    domain = organisation or read_as(corpus, card.shares)
    if domain not in corpus.languages:
        raise InputError(
            f"organisation {domain!r}: the corpus {corpus.folder} has {', '.join(corpus.languages)}; "
            "expected one of these"
        )
    return domain


def _over_items(nats: NDArray[np.float64], tokens: NDArray[np.int64]) -> tuple[float, float]:
    weights = resampled(len(nats), draws=_DRAWS)
    low, high = interval((weights @ nats) / (weights @ tokens), np.array(nats.sum() / tokens.sum()))
    return float(low), float(high)
