"""Parallel pairing: aligned items as training documents, shuffled or with their translations beside them."""

from langmix.corpus.pairing._aligned import ALIGNED, AlignedCorpus, read_tablet
from langmix.corpus.pairing._corpus import (
    HeldOut,
    ParallelConfig,
    build_parallel_corpus,
    encoder,
    held_out,
    read_as,
)
from langmix.corpus.pairing._files import PairingCard, read_pairing, write_items, write_pairing
from langmix.corpus.pairing._items import Item, read_items
from langmix.corpus.pairing._leaks import Leak, check_leaks, hold_out, leaks
from langmix.corpus.pairing._organise import (
    Direction,
    Organisation,
    PairedDocument,
    Pairing,
    directions,
    organise,
)
from langmix.corpus.pairing._pack import (
    COUNTED,
    Counted,
    PackedDocuments,
    TooLong,
    best_fit,
    encode_document,
    encode_prompt,
    pack,
)

__all__ = [
    "ALIGNED",
    "COUNTED",
    "AlignedCorpus",
    "Counted",
    "Direction",
    "HeldOut",
    "Item",
    "Leak",
    "Organisation",
    "PackedDocuments",
    "PairedDocument",
    "Pairing",
    "PairingCard",
    "ParallelConfig",
    "TooLong",
    "best_fit",
    "build_parallel_corpus",
    "check_leaks",
    "directions",
    "encode_document",
    "encode_prompt",
    "encoder",
    "held_out",
    "hold_out",
    "leaks",
    "organise",
    "pack",
    "read_as",
    "read_items",
    "read_pairing",
    "read_tablet",
    "write_items",
    "write_pairing",
]
