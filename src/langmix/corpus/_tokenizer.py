"""A byte-level BPE over an equal mix of the languages, so that no language is favoured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

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


def train_tokenizer(texts: Iterable[Iterable[str]], *, vocab_size: int, bytes_each: int) -> Tokenizer:
    """Train a byte-level BPE on the first ``bytes_each`` bytes of every language.

    Args:
        texts: of each language, in the order in which they are to be taken; no more are read than needed.
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
    tokenizer.train_from_iterator(_equal_mix(texts, bytes_each), trainer)
    return tokenizer


def _equal_mix(texts: Iterable[Iterable[str]], bytes_each: int) -> Iterator[str]:
    for listed in texts:
        left = bytes_each
        for text in listed:
            content = text.encode()
            yield content[:left].decode(errors="ignore")
            left -= len(content)
            if left <= 0:
                break
