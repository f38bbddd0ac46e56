"""What a model writes after the beginnings of held-out passages, to be compared with what stands there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from langmix import files
from langmix.corpus import Corpus
from langmix.errors import InputError
from langmix.evaluate._bleu import lex
from langmix.evaluate._complete import open_tokenizer
from langmix.evaluate._documents import document_ends
from langmix.evaluate._generate import greedy, open_model
from langmix.evaluate._shared import lab_needed

DOCUMENTS: Final = 100
_PROMPT, _CONTINUED = 256, 64  # most tokens; half of the model's context where that is less


class Passage(NamedTuple):
    """Consecutive tokens of a held-out document.

    Attributes:
        prompt: ids that a model goes on from.
        reference: ids that follow.
    """

    prompt: list[int]
    reference: list[int]


class Continued(NamedTuple):
    """What a model wrote of one language.

    Attributes:
        texts: one per passage.
        references: likewise.
    """

    texts: list[str]
    references: list[str]


def passages(
    corpus: Corpus, *, context: int, documents: int = DOCUMENTS, seed: int = 0
) -> Mapping[str, list[Passage]]:
    """One passage of each of ``documents`` held-out documents, by language, at a place drawn at random.

    The same arguments give the same passages. A beginning of a file would be its licence and its imports.

    Args:
        corpus: of text.
        context: tokens that a model sees.
        documents: of each language, drawn from those that are long enough; fewer where there are fewer.
        seed: of documents and places.

    Raises:
        InputError: documents are not told apart in the corpus.
    """
    prompt, continued = min(_PROMPT, context // 2), min(_CONTINUED, context // 2)
    found = {}
    for name in corpus.languages:
        ends = document_ends(corpus, name)
        if ends is None:
            raise InputError(
                f"{corpus.folder}: does not say where documents end; expected end_of_document, or a "
                "tokenizer that has it"
            )
        rng, tokens = np.random.default_rng(seed), corpus.validation(name)
        begins = np.append(0, ends[:-1])
        room = ends - 1 - begins - (prompt + continued)  # the id that ends a document is no text
        drawn = rng.permutation(np.flatnonzero(room >= 0))[:documents]
        starts = begins[drawn] + rng.integers(0, room[drawn] + 1)
        found[name] = [
            Passage(
                prompt=tokens[start : start + prompt].tolist(),
                reference=tokens[start + prompt : start + prompt + continued].tolist(),
            )
            for start in sorted(starts)
        ]
    return found


def continuations(
    checkpoint: Path,
    corpus: Corpus,
    *,
    documents: int = DOCUMENTS,
    seed: int = 0,
    advance: Callable[[int], None] = lambda passages: None,
) -> Mapping[str, Continued]:
    """What a checkpoint writes greedily after passages of held-out text, by language.

    Languages that have no lexer, or no document that is long enough, are left out.

    Args:
        checkpoint: folder that `langmix train` wrote.
        corpus: whose held-out text is gone on from.
        documents: of each language, see `passages`.
        seed: of the passages.
        advance: told passages as they are done.

    Raises:
        InputError: no checkpoint there, one of another tokenizer, or a corpus of token files without one.
        MissingExtraError: torch, transformers, sacrebleu or Pygments is not installed.
    """
    with lab_needed():
        from langmix.lab._checkpoints import check_tokenizer, read_card
    lex("", "python")  # what is not installed is told before anything is written
    card = read_card(checkpoint)
    check_tokenizer(checkpoint, card, corpus)
    tokenizer, model = open_tokenizer(checkpoint), open_model(checkpoint)
    found = {}
    for name, chosen in passages(corpus, context=card.sequence, documents=documents, seed=seed).items():
        if not chosen or not _lexed(name):
            continue
        end = corpus.end_of_document(name)
        assert end is not None
        prompts = [each.prompt for each in chosen]
        written = greedy(model, prompts, end=end, most=len(chosen[0].reference), advance=advance)
        found[name] = Continued(
            texts=[tokenizer.decode(ids) for ids in written],
            references=[tokenizer.decode(each.reference) for each in chosen],
        )
    return found


def write_continuations(written: Mapping[str, Continued], path: Path) -> None:
    """Write texts beside their references, a row of JSONL each."""
    rows = [
        {"language": name, "text": text, "reference": reference}
        for name, each in written.items()
        for text, reference in zip(each.texts, each.references, strict=True)
    ]
    files.write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _lexed(language: str) -> bool:
    try:
        lex("", language)
    except InputError:
        return False
    return True
