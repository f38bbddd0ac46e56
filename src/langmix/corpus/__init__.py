"""From code to tokens: sources, cleaning, near-duplicates, split, tokenizer, token shards and token files."""

from langmix.corpus._build import build_corpus
from langmix.corpus._config import CorpusConfig
from langmix.corpus._export import export_corpus
from langmix.corpus._packages import Package, cache_folder, registry
from langmix.corpus._shards import Corpus, CorpusCard, LanguageCard, Tokens, open_corpus
from langmix.corpus._sources import Source, TokensSource, languages_in, source_of
from langmix.corpus._stream import TokenStream
from langmix.corpus._tokens import vocab_size

__all__ = [
    "Corpus",
    "CorpusCard",
    "CorpusConfig",
    "LanguageCard",
    "Package",
    "Source",
    "TokenStream",
    "Tokens",
    "TokensSource",
    "build_corpus",
    "cache_folder",
    "export_corpus",
    "languages_in",
    "open_corpus",
    "registry",
    "source_of",
    "vocab_size",
]
