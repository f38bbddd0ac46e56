"""A byte-level BPE over an equal mix of the languages, so that no language is favoured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from langmix.corpus._document import Document
from langmix.errors import MissingExtraError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_OF_TEXT: Final = "<|endoftext|>"


def check_tokenizers() -> None:
    """Tell early that a corpus cannot be tokenised here.

    Raises:
        MissingExtraError: `tokenizers` is not installed.
    """
    try:
        import tokenizers  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError(extra="lab", module="tokenizers", purpose="training a tokenizer") from None


def train_tokenizer(
    documents: Mapping[str, Sequence[Document]], *, vocab_size: int, bytes_each: int
) -> Tokenizer:
    """Train a byte-level BPE on the first ``bytes_each`` bytes of every language.

    Args:
        documents: of each language, in the order in which they are to be taken.
        vocab_size: with the 256 bytes and the end-of-text token.
        bytes_each: text per language.
    """
    check_tokenizers()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_equal_mix(documents, bytes_each), trainer)
    return tokenizer


def _equal_mix(documents: Mapping[str, Sequence[Document]], bytes_each: int) -> Iterator[str]:
    for listed in documents.values():
        left = bytes_each
        for document in listed:
            if left <= 0:
                break
            text = document.text.encode()[:left].decode(errors="ignore")
            left -= len(document.text.encode())
            yield text
