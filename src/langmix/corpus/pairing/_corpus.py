"""A corpus of parallel texts: the same items in each organisation, as sequences, and items held out.

What differs between organisations is only what stands beside what: an item with a document that is longer
than a sequence, in any organisation or direction, is left out of all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from rich.progress import Progress

from langmix import files
from langmix.config import Config
from langmix.corpus._duplicates import minhash
from langmix.corpus._npy import token_dtype, write_npy
from langmix.corpus._place import put_in_place, scratch_in
from langmix.corpus._shards import (
    EVALUATION,
    Corpus,
    CorpusCard,
    LanguageCard,
    ParallelCard,
    open_corpus,
    shard_path,
)
from langmix.corpus._tokenizer import END_OF_TEXT, check_tokenizers, train_tokenizer
from langmix.corpus.pairing._aligned import ALIGNED
from langmix.corpus.pairing._files import write_items
from langmix.corpus.pairing._items import Item, read_items
from langmix.corpus.pairing._leaks import check_leaks, hold_out
from langmix.corpus.pairing._organise import (
    TEMPLATE,
    Direction,
    Organisation,
    PairedDocument,
    Pairing,
    alone,
    document,
    organise,
)
from langmix.corpus.pairing._pack import Counted, encode_document, pack
from langmix.errors import InputError


class ParallelConfig(Config):
    """How to build a corpus of parallel texts.

    Attributes:
        kind: ``parallel``.
        items: name of an aligned corpus (`ALIGNED`), or a file of aligned items.
        languages: of the items.
        evaluation: file of items to hold out, in place of ``hold_out``.
        hold_out: items to hold out, with their near-duplicates.
        organisations: of the same texts, each a domain to train on.
        pivot, seen, separator, template: see `Pairing`.
        counted: whose tokens the loss counts, see `pack`.
        sequence: tokens that a sequence predicts; the recipe's.
        vocab_size: of the byte-level BPE.
        tokenizer_bytes: text per language that the BPE is trained on.
        seed: of the hold-out and of the orders.
        partial: keep items that lack some of the languages.
    """

    kind: Literal["parallel"]
    items: str
    languages: list[str] = Field(min_length=2)
    evaluation: Path | None = None
    hold_out: int = Field(default=100, gt=0)
    organisations: list[Organisation] = Field(default=["shuffled", "paired", "paired-prompt"], min_length=1)
    pivot: str | None = None
    seen: list[str] | None = Field(default=None, min_length=1)
    separator: str = "\n\n"
    template: str = TEMPLATE
    counted: Counted = "all"
    sequence: int = Field(default=512, gt=1)
    vocab_size: int = Field(default=2048, ge=257, lt=2**31)
    tokenizer_bytes: int = Field(default=1_000_000, gt=0)
    seed: int = Field(default=0, ge=0)
    partial: bool = False

    @model_validator(mode="after")
    def _check(self) -> ParallelConfig:
        for name in ("languages", "organisations"):
            listed = getattr(self, name)
            if len(set(listed)) < len(listed):
                raise InputError(f"{name}: {', '.join(listed)}; expected each once")
        self.directions()  # a template or a pivot that is wrong is told here
        return self

    @property
    def domains(self) -> list[str]:
        """What runs are trained on."""
        return list(self.organisations)

    @property
    def targets(self) -> list[str]:
        """What losses are measured on: languages, then seen directions, then those held out."""
        seen, held_out = self.directions()
        return [*self.languages, *map(str, seen), *map(str, held_out)]

    def directions(self) -> tuple[list[Direction], list[Direction]]:
        """Seen in pairs, and held out."""
        return next(iter(self.pairings().values())).directions(self.languages)

    @property
    def paths(self) -> list[Path]:
        """That it is built from, on this machine."""
        named = [] if self.items in ALIGNED else [Path(self.items)]
        return [*named, *([self.evaluation] if self.evaluation else [])]

    def pairings(self) -> dict[str, Pairing]:
        """How the documents of each domain are made."""
        alike = {name: getattr(self, name) for name in ("pivot", "seen", "separator", "template", "seed")}
        return {name: Pairing.model_validate({"organisation": name, **alike}) for name in self.organisations}

    def beside(self, folder: Path) -> ParallelConfig:
        """The same with its paths relative to a folder."""
        named = self.items in ALIGNED
        return self.model_copy(
            update={
                "items": self.items if named else str(folder / self.items),
                "evaluation": self.evaluation and folder / self.evaluation,
            }
        )


def build_parallel_corpus(
    config: ParallelConfig, folder: Path, *, progress: Progress | None = None
) -> Corpus:
    """Build a corpus of parallel texts in ``folder``; the card is written last.

    Raises:
        InputError: no such items, a leak, or none left that fits.
        LangmixError: a package could not be fetched, or one that this takes is not installed.
    """
    progress = progress or Progress(disable=True)
    minhash()
    check_tokenizers()
    train, held, source = _items(config)
    with scratch_in(folder) as scratch:
        task = progress.add_task("tokenizer", total=None)
        tokenizer = train_tokenizer(
            ((item.texts[name] for item in train if name in item.texts) for name in config.languages),
            vocab_size=config.vocab_size,
            bytes_each=config.tokenizer_bytes,
        )
        progress.update(task, total=1, completed=1)
        tokenizer_json = tokenizer.to_str()
        files.write_text(scratch / "tokenizer.json", tokenizer_json)
        end: int = tokenizer.token_to_id(END_OF_TEXT)  # type: ignore[assignment]
        encode = encoder(tokenizer)
        pairings = config.pairings()
        longest = {item.id: _longest(item, config, encode) for item in [*train, *held]}
        left_out = [name for name, tokens in longest.items() if tokens > config.sequence]
        train, held = ([i for i in some if longest[i.id] <= config.sequence] for some in (train, held))
        for what, some in (("to train on", train), ("held out", held)):
            if not some:
                raise InputError(
                    f"{config.items}: no item {what} has all its documents within a sequence of "
                    f"{config.sequence} tokens (shortest: {min(longest.values()) + 1}); take longer sequences"
                )
        seen, held_out = config.directions()
        _check_every(config, train, held)
        write_items(scratch / EVALUATION, held)
        cards, filled = {}, {}
        task = progress.add_task("sequences", total=len(pairings))
        for name, pairing in pairings.items():
            packed = pack(
                organise(train, pairing),
                encode,
                sequence=config.sequence,
                end_of_document=end,
                counted=config.counted,
                seed=config.seed,
            )
            dtype = token_dtype(tokenizer.get_vocab_size())
            write_npy(shard_path(scratch, name, "train"), packed.tokens, dtype)
            write_npy(shard_path(scratch, name, "counted"), packed.counted, np.dtype(np.uint8))
            filled[name] = packed.filled
            cards[name] = LanguageCard(
                train_tokens=packed.counted.size,
                validation_tokens=0,
                bytes_per_token=None,
                train_groups=[],
                validation_groups=[],
                files={"documents": packed.documents},
            )
            progress.advance(task)
        card = CorpusCard(
            vocab_size=tokenizer.get_vocab_size(),
            tokenizer_sha256=hashlib.sha256(tokenizer_json.encode()).hexdigest(),
            seed=config.seed,
            languages=cards,
            sources=[source],
            parallel=ParallelCard(
                sequence=config.sequence,
                languages=config.languages,
                seen=list(map(str, seen)),
                held_out=list(map(str, held_out)),
                items=len(train),
                evaluation_items=len(held),
                left_out=left_out,
                evaluation_tokens=sum(_read(item, [*seen, *held_out], encode) for item in held),
                evaluation_sha256=files.sha256(scratch / EVALUATION),
                filled=filled,
                documents={name: pairing.model_dump() for name, pairing in pairings.items()},
            ),
        )
        put_in_place(scratch, folder, card)
    return open_corpus(folder)


def encoder(tokenizer: Any) -> Callable[[str], Sequence[int]]:
    """Ids of a text, kept: an item's text is encoded once for all its documents."""
    known: dict[str, Sequence[int]] = {}

    def encode(text: str) -> Sequence[int]:
        if text not in known:
            known[text] = tokenizer.encode(text).ids
        return known[text]

    return encode


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """What the losses of runs on one domain are measured on.

    Attributes:
        documents: by target: a language, each text alone; a direction, as pairs in the domain's organisation,
            and of shuffled texts one after the other.
        encode: ids of a text.
        decode: text of ids.
        end: id of the end of a document.
    """

    documents: Mapping[str, Sequence[PairedDocument]]
    encode: Callable[[str], Sequence[int]]
    decode: Callable[[Sequence[int]], str]
    end: int


def read_as(corpus: Corpus, shares: Mapping[str, float]) -> str:
    """The organisation in which a model of a mixture reads pairs: the one that taught it most of them.

    Of several with as many tokens, the first of the corpus; texts one after the other, where none has pairs.
    """
    paired = [name for name in corpus.languages if name != "shuffled" and shares.get(name, 0.0) > 0]
    return max(paired, key=lambda name: shares[name], default="shuffled")


def held_out(corpus: Corpus, domain: str) -> HeldOut:
    """The items that a corpus of parallel texts holds out, as documents of every target.

    Raises:
        InputError: the corpus has no parallel texts, or is not whole.
    """
    parallel = corpus.card.parallel
    if parallel is None:
        raise InputError(f"{corpus.folder}: has no parallel texts; expected a corpus of aligned items")
    check_tokenizers()
    from tokenizers import Tokenizer

    text = files.read_text(corpus.folder / "tokenizer.json", what="the tokenizer of a corpus")
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(
            f"{corpus.folder / 'tokenizer.json'}: is no tokenizer ({error}); build the corpus again"
        ) from None
    items = read_items(corpus.folder / EVALUATION, languages=parallel.languages, partial=True)
    pairing = Pairing.model_validate(parallel.documents[domain])
    documents: dict[str, list[PairedDocument]] = {
        name: [alone(item, name) for item in items if name in item.texts] for name in parallel.languages
    }
    for text in (*parallel.seen, *parallel.held_out):
        direction = Direction.of(text)
        documents[text] = [
            document(item, direction, pairing) for item in items if set(direction) <= set(item.texts)
        ]
    end: int = tokenizer.token_to_id(END_OF_TEXT)  # type: ignore[assignment]
    return HeldOut(documents=documents, encode=encoder(tokenizer), decode=tokenizer.decode, end=end)


def _items(config: ParallelConfig) -> tuple[list[Item], list[Item], dict[str, str]]:
    """To train on, held out, and what they are of."""
    if config.items in ALIGNED:
        aligned = ALIGNED[config.items]
        items = [
            Item(i.id, {name: i.texts[name] for name in config.languages if name in i.texts})
            for i in aligned.items()
        ]
        source = {"items": config.items, "package": str(aligned.package), "sha256": aligned.package.sha256}
    else:
        if "." not in config.items and not Path(config.items).exists():
            raise InputError(
                f"items {Path(config.items).name!r}: is no aligned corpus ({', '.join(ALIGNED)}), and no "
                "file of that name is here"
            )
        items = read_items(config.items, languages=config.languages, partial=config.partial)
        source = {"items": Path(config.items).name, "sha256": files.sha256(Path(config.items))}
    if config.evaluation is None:
        return *hold_out(items, config.hold_out, seed=config.seed), source
    held = read_items(config.evaluation, languages=config.languages, partial=config.partial)
    check_leaks(items, held)
    return items, held, source


def _check_every(config: ParallelConfig, train: Sequence[Item], held: Sequence[Item]) -> None:
    """Refuse a language or direction that no item is of: its loss would be that of nothing."""
    seen, unseen = config.directions()
    wanted: list[tuple[tuple[str, ...], str]] = [((name,), name) for name in config.languages]
    wanted += [(tuple(each), str(each)) for each in (*seen, *unseen)]
    for what, some in (("held out", held), ("to train on", train)):
        for needed, target in wanted:
            if not any(set(needed) <= set(item.texts) for item in some):
                raise InputError(
                    f"{config.items}: no item {what} has {' and '.join(needed)}, which {target!r} needs; "
                    "hold out more items, or leave a language out"
                )


def _longest(item: Item, config: ParallelConfig, encode: Callable[[str], Sequence[int]]) -> int:
    """Ids of an item's longest document, in any organisation and direction, its end not counted."""
    found = [len(encode(text)) for text in item.texts.values()]
    for pairing in config.pairings().values():  # after shuffled texts, pairs are read one after the other
        for source in item.texts:
            for target in item.texts:
                if source != target:
                    made = document(item, Direction(source, target), pairing)
                    found.append(len(encode_document(made, encode, counted="all")[0]))
    return max(found)


def _read(item: Item, directions: Iterable[Direction], encode: Callable[[str], Sequence[int]]) -> int:
    """Ids that measuring all targets on an item reads, about."""
    tokens = {name: len(encode(text)) for name, text in item.texts.items()}
    pairs = (tokens[a] + tokens[b] for a, b in directions if a in tokens and b in tokens)
    return sum(tokens.values()) + sum(pairs)
