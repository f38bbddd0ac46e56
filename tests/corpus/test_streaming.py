"""A corpus does not depend on how its text was cut into batches, nor its memory on how much there is."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("rensa")

from code_samples import WORDS, write_code
from hypothesis import given
from hypothesis import strategies as st

from langmix.corpus import CorpusConfig, build_corpus, open_corpus
from langmix.corpus import _build as build
from langmix.corpus import _place as place
from langmix.corpus._document import Document
from langmix.corpus._npy import token_dtype, write_npy
from langmix.corpus._sources import TableSource, read_table
from langmix.corpus._spill import Spill
from langmix.corpus._split import order_key
from langmix.errors import InputError


def config(folder: Path, **options: object) -> CorpusConfig:
    return CorpusConfig.model_validate(
        {
            "sources": [{"kind": "folder", "path": folder}],
            "languages": ["python", "rust"],
            "vocab_size": 400,
            "validation_bytes": 5_000,
            **options,
        }
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (4, 3_000), (2, 10**9)])
def test_workers_and_batches_change_no_byte(tmp_path: Path, workers: int, batch: int) -> None:
    asked = config(write_code(tmp_path / "code"))
    build_corpus(asked, tmp_path / "a")
    build_corpus(asked, tmp_path / "b", workers=workers, batch=batch)
    found = contents(tmp_path / "a")
    assert found == contents(tmp_path / "b")
    assert set(found) == {
        "corpus.json",
        "tokenizer.json",
        *(f"tokens/{name}.{split}.npy" for name in ("python", "rust") for split in ("train", "validation")),
    }


@given(st.lists(st.lists(st.integers(0, 65535), max_size=5), max_size=5))
def test_a_shard_written_in_pieces_has_the_bytes_of_numpy(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("npy")
    arrays = [np.array(piece, dtype=np.uint16) for piece in pieces]
    whole = np.concatenate([np.empty(0, np.uint16), *arrays])
    assert write_npy(folder / "ours.npy", iter(arrays), np.dtype(np.uint16)) == len(whole)
    np.save(folder / "theirs.npy", whole)
    assert (folder / "ours.npy").read_bytes() == (folder / "theirs.npy").read_bytes()


def test_ids_of_a_large_vocabulary_take_four_bytes() -> None:
    assert token_dtype(1 << 16) == np.uint16
    assert token_dtype((1 << 16) + 1) == np.uint32


def test_documents_come_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    documents = [Document("go", f"g{k % 3}", f"{k % 40}.go", f"text \u00e9 {k}") for k in range(100)]
    spill = Spill(tmp_path / "text")
    for document in documents:
        spill.add(document, order_key(document, 7))
    expected = sorted(documents, key=lambda document: order_key(document, 7))  # some keys are equal
    assert list(spill.texts(spill.order)) == [document.text for document in expected]
    assert spill.group_sizes() == {
        g: sum(len(d.text.encode()) for d in documents if d.group == g) for g in ("g0", "g1", "g2")
    }
    assert spill.groups(np.flatnonzero(spill.of_groups(["g2", "g0"]))) == ["g0", "g2"]
    spill.close()


def test_a_killed_build_leaves_the_older_corpus_and_the_next_one_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "corpus"
    before = build_corpus(config(write_code(tmp_path / "code")), folder)
    kept = contents(folder)

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(build, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(config(tmp_path / "code", seed=1), folder)
    assert contents(folder) == kept
    (folder / ".building" / "text").mkdir(parents=True)  # what kill -9 leaves
    (folder / ".building" / "text" / "0").write_text("half")
    after = build_corpus(config(tmp_path / "code", seed=1), folder)
    assert after.card != before.card
    assert open_corpus(folder).card == after.card
    assert not (folder / ".building").exists()


def test_between_two_corpora_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "corpus"
    build_corpus(config(write_code(tmp_path / "code")), folder)

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(place, "write_card", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(config(tmp_path / "code", seed=1), folder)
    with pytest.raises(InputError, match=r"corpus\.json: there is no such file"):
        open_corpus(folder)
    build_corpus(config(tmp_path / "code", seed=1), folder)


def test_a_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Spill, document: Document, key: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spill, "add", full)
    with pytest.raises(InputError, match=r"corpus: cannot be written \(No space left on device\)"):
        build_corpus(config(write_code(tmp_path / "code")), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_rows_of_a_table_are_numbered_through_its_batches(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"content": "x", "lang": "go", "repo": "r"}] * 1000 + [
        {"content": None, "lang": "go", "repo": "r"}
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet", row_group_size=300)
    with pytest.raises(InputError, match=r"data\.parquet: row 1001: the text is None"):
        list(read_table(TableSource(kind="table", path=tmp_path / "data.parquet")))


def lines(rng: random.Random, megabytes: int) -> Iterator[str]:
    """Rows of 20 kB, no two alike."""
    pool = [
        f"{a}_{rng.randrange(999)} = {b}({c})" for a in WORDS for b in WORDS for c in WORDS for _ in range(9)
    ]
    for k in range(50 * megabytes):
        content = "\n".join(rng.choices(pool, k=850))
        yield json.dumps({"content": content, "lang": "python", "repo": f"r{k % 40}"}) + "\n"


PEAK = """
import resource, sys
from pathlib import Path
from langmix.corpus import CorpusConfig, build_corpus
build_corpus(CorpusConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """120 MB of text, 8 of them tokenised, take at most 60 MB more than 12 MB do."""
    peaks = []
    for megabytes in (12, 120):
        table = tmp_path / f"{megabytes}.jsonl"
        with table.open("w") as file:
            file.writelines(lines(random.Random(0), megabytes))
        asked = config(
            tmp_path,
            sources=[{"kind": "table", "path": table}],
            languages=["python"],
            tokenizer_bytes=200_000,
            bytes_per_language=8_000_000,
            validation_bytes=100_000,
        )
        done = subprocess.run(
            [sys.executable, "-c", PEAK, asked.model_dump_json(), str(tmp_path / f"{megabytes}")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout))
        card = open_corpus(tmp_path / f"{megabytes}").card.languages["python"]
        assert card.files["kept"] == 50 * megabytes
    print(f"peak memory: {peaks[0]:.0f} MB for 12 MB of text, {peaks[1]:.0f} MB for 120 MB")
    assert peaks[1] < peaks[0] + 60
