"""One small corpus for all tests of the lab."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers")

from code_samples import write_code

from langmix.corpus import Corpus, CorpusConfig, build_corpus, source_of


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("lab")
    config = CorpusConfig(
        sources=[source_of(str(write_code(folder / "code")))],
        languages=["python", "rust"],
        vocab_size=300,
        validation_bytes=5_000,
    )
    return build_corpus(config, folder / "corpus")
