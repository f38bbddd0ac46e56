"""From code to tokens: sources, cleaning, near-duplicates, split, tokenizer, token shards."""

from langmix.corpus._build import CorpusConfig, build_corpus
from langmix.corpus._packages import Package, registry
from langmix.corpus._shards import Corpus, CorpusCard, LanguageCard, open_corpus
from langmix.corpus._sources import Source, source_of

__all__ = [
    "Corpus",
    "CorpusCard",
    "CorpusConfig",
    "LanguageCard",
    "Package",
    "Source",
    "build_corpus",
    "open_corpus",
    "registry",
    "source_of",
]
