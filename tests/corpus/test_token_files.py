"""Megatron-LM's token files: written, read, refused, trained on in place."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from langmix.corpus import Corpus, CorpusConfig, TokenStream, build_corpus, export_corpus, open_corpus
from langmix.corpus._export import documents
from langmix.corpus._megatron import (
    TokenFile,
    bin_path,
    idx_path,
    megatron_dtype,
    read_token_file,
    write_token_file,
)
from langmix.corpus._stream import Piece
from langmix.errors import InputError

END = 0
VOCAB = 1000


def texts(count: int, *, seed: int = 0, vocab: int = VOCAB, longest: int = 60) -> list[NDArray[np.int64]]:
    """Documents of random ids, each ended by `END`."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest, count)
    return [np.append(rng.integers(1, vocab, length), END) for length in lengths]


def write(prefix: Path, listed: list[NDArray[np.int64]], dtype: str = "uint16") -> Path:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    write_token_file(prefix, listed, np.dtype(dtype))
    return prefix


def config(source: dict[str, object], **options: object) -> CorpusConfig:
    return CorpusConfig.model_validate({"sources": [{"kind": "tokens", **source}], **options})


def known(**languages: object) -> dict[str, object]:
    return {
        "languages": languages,
        "vocab_size": VOCAB,
        "end_of_document": END,
        "validation_tokens": 500,
    }


def read_documents(file: TokenFile) -> list[list[int]]:
    spans = [file.span(k) for k in range(file.documents)]
    return [file.tokens[first:stop].tolist() for first, stop in spans]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "int64"])
def test_documents_come_back_as_they_were_written(tmp_path: Path, dtype: str) -> None:
    listed = [*texts(50, vocab=100), np.empty(0, np.int64), *texts(3, vocab=100)]
    file = read_token_file(write(tmp_path / "data.v1_document", listed, dtype))
    assert read_documents(file) == [text.tolist() for text in listed]
    assert file.tokens.dtype == dtype
    assert isinstance(file.tokens, np.memmap)


def test_an_index_is_the_published_layout_byte_by_byte(tmp_path: Path) -> None:
    """Built here from the description of the format alone."""
    prefix = write(tmp_path / "a", [np.array([5, 6, 7]), np.array([8, 9])])
    assert bin_path(prefix).read_bytes() == struct.pack("<5H", 5, 6, 7, 8, 9)
    assert idx_path(prefix).read_bytes() == (
        b"MMIDIDX\0\0"
        + struct.pack("<Q", 1)
        + struct.pack("<B", 8)
        + struct.pack("<QQ", 2, 3)
        + struct.pack("<2i", 3, 2)
        + struct.pack("<2q", 0, 6)
        + struct.pack("<3q", 0, 1, 2)
    )


def test_a_document_may_have_several_sequences(tmp_path: Path) -> None:
    bin_path(tmp_path / "a").write_bytes(struct.pack("<5i", 1, 2, 3, 4, 5))
    idx_path(tmp_path / "a").write_bytes(
        b"MMIDIDX\0\0"
        + struct.pack("<QBQQ", 1, 4, 3, 3)
        + struct.pack("<3i", 1, 2, 2)
        + struct.pack("<3q", 0, 4, 12)
        + struct.pack("<3q", 0, 2, 3)
    )
    assert read_documents(read_token_file(tmp_path / "a")) == [[1, 2, 3], [4, 5]]


def test_a_vocabulary_is_written_in_the_type_that_megatron_chooses() -> None:
    assert [megatron_dtype(n) for n in (65_499, 65_500, 152_064)] == [np.uint16, np.int32, np.int32]


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def patch(path: Path, offset: int, content: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[offset : offset + len(content)] = content
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda p: bin_path(p).unlink(), ["a.bin: there is no such file", "by their prefix"]),
        (lambda p: idx_path(p).unlink(), ["a.idx: there is no such file"]),
        (lambda p: idx_path(p).write_bytes(b""), ["a.idx: begins with b''", "preprocess_data.py"]),
        (lambda p: patch(idx_path(p), 0, b"TNTIDX"), ["a.idx: begins with b'TNTIDXX", "MMIDIDX"]),
        (lambda p: patch(idx_path(p), 9, b"\2"), ["a.idx: is an index of version 2; expected version 1"]),
        (lambda p: patch(idx_path(p), 17, b"\7"), ["are of type 7", "4 (int32)", "8 (uint16)"]),
        (lambda p: cut(idx_path(p), 8), ["a.idx: holds 274 bytes", "12 sequences and 12 documents take 282"]),
        (
            lambda p: cut(bin_path(p), 2),
            ["a.bin: holds 622 bytes", "a.idx expects 624 (312 tokens of 2 bytes)"],
        ),
        (lambda p: patch(idx_path(p), 38, b"\xff" * 4), ["sequence 1 has -1 tokens from byte"]),
        (
            lambda p: patch(idx_path(p), 34 + 48, b"\4"),
            ["sequence 0 has", "from byte 4", "follow one another"],
        ),
        (lambda p: patch(idx_path(p), 34 + 144, b"\1"), ["documents do not divide its 12 sequences"]),
    ],
)
def test_a_broken_pair_of_files_is_one_message(tmp_path: Path, broken: object, told: list[str]) -> None:
    prefix = write(tmp_path / "a", [np.arange(1, 27)] * 12)
    broken(prefix)  # type: ignore[operator]
    with pytest.raises(InputError) as caught:
        build_corpus(config(known(go=str(prefix))), tmp_path / "corpus")
    for part in ["language 'go'", *told]:
        assert part in str(caught.value)
    assert not (tmp_path / "corpus").exists()


def test_ids_beyond_the_vocabulary_are_named_with_their_place(tmp_path: Path) -> None:
    listed = texts(100)
    listed[40][3:4] = VOCAB + 7
    prefix = write(tmp_path / "a", listed)
    with pytest.raises(InputError, match=r"a\.bin: token \d+ has the id 1007; the vocabulary has 1000 ids"):
        build_corpus(config(known(go=str(prefix))), tmp_path / "corpus")


def test_an_id_that_no_window_met_is_refused_where_it_is_read(tmp_path: Path) -> None:
    ids = np.zeros(1000, np.int32)
    ids[700] = -1
    stream = TokenStream([(tmp_path / "a.bin", ids)], [Piece(0, 600, 400)], 5)
    assert len(stream[:50]) == 50
    with pytest.raises(InputError, match=r"a\.bin: token 700 has the id -1"):
        stream[90:110]


def test_documents_that_end_otherwise_are_refused(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", texts(20))
    with pytest.raises(InputError, match=r"document 0 ends with the id 0; expected end_of_document, 3"):
        build_corpus(config({**known(go=str(prefix)), "end_of_document": 3}), tmp_path / "corpus")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (known(), "at least 1 item"),
        (known(go=[]), "language 'go' has no token files"),
        (known(go="data/go.bin"), "expected the prefix without .bin or .idx: 'data/go'"),
        (
            {"languages": {"go": "x"}, "vocab_size": 9},
            "give the tokenizer .*or vocab_size and end_of_document",
        ),
        ({**known(go="x"), "validation": {"rust": "y"}}, "validation: 'rust' is none of the languages"),
        ({**known(go="x"), "validation": {"go": "x"}}, "x is both trained on and held out"),
    ],
)
def test_a_source_that_says_too_little_is_refused(source: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        config(source)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"languages": ["go", "cobol"]}, "language 'cobol' has no token files; the source has go"),
        ({"bytes_per_language": 5}, "bytes_per_language: says how to cut text"),
        ({"vocab_size": 500}, "vocab_size: says how to cut text"),
    ],
)
def test_what_has_no_meaning_for_token_files_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        config(known(go="x"), **options)


def test_token_files_stand_alone() -> None:
    with pytest.raises(InputError, match="expected them alone"):
        CorpusConfig.model_validate(
            {"sources": [{"kind": "tokens", **known(go="x")}, {"kind": "registry"}], "languages": ["go"]}
        )


@pytest.fixture
def two(tmp_path: Path) -> tuple[Corpus, list[NDArray[np.int64]]]:
    """A language in two files of different types, and its documents."""
    first, second = texts(200, seed=1), texts(150, seed=2)
    prefixes = [
        str(write(tmp_path / "data" / "a", first)),
        str(write(tmp_path / "data" / "b", second, "int32")),
    ]
    asked = config(known(cobol=prefixes, go=str(write(tmp_path / "data" / "go", texts(90, seed=3)))))
    assert asked.languages == ["cobol", "go"]
    return build_corpus(asked, tmp_path / "corpus"), [*first, *second]


def test_documents_are_held_out_whole_and_all_others_are_trained_on(
    two: tuple[Corpus, list[NDArray[np.int64]]],
) -> None:
    corpus, listed = two
    card = corpus.card.languages["cobol"]
    train, held = corpus.train("cobol"), corpus.validation("cobol")
    assert (len(train), len(held)) == (card.train_tokens, card.validation_tokens)
    assert 500 <= len(held) < 560
    trained = [tuple(text.tolist()) for text in documents(train, END)]
    out = [tuple(text.tolist()) for text in documents(held, END)]
    assert sorted([*trained, *out]) == sorted(tuple(text.tolist()) for text in listed)
    order = [tuple(text.tolist()) for text in listed if tuple(text.tolist()) not in set(out)]
    assert trained == order
    assert card.bytes_per_token is None
    assert corpus.bytes_per_token == {}
    assert open_corpus(corpus.folder).card == corpus.card


def test_nothing_is_copied_and_any_slice_is_that_of_the_stream(
    two: tuple[Corpus, list[NDArray[np.int64]]],
) -> None:
    corpus, _ = two
    stream = corpus.train("cobol")
    assert {p.name for p in (corpus.folder / "tokens").iterdir()} == {
        f"{name}.{rest}" for name in ("cobol", "go") for rest in ("train.json", "validation.npy")
    }
    whole = np.concatenate([stream[k : k + 1] for k in range(len(stream))])
    rng = np.random.default_rng(0)
    for start, stop in np.sort(rng.integers(0, len(stream) + 20, (300, 2)), axis=1).tolist():
        assert np.array_equal(stream[start:stop], whole[start:stop])
    assert stream[:3].base is not None  # a view of the file


def test_a_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    prefix = str(write(tmp_path / "a", texts(200)))
    held = [
        build_corpus(config(known(go=prefix), seed=seed), tmp_path / name).validation("go").tolist()
        for seed, name in ((0, "x"), (0, "y"), (1, "z"))
    ]
    assert held[0] == held[1] != held[2]


def test_held_out_files_leave_the_training_files_whole(tmp_path: Path) -> None:
    train, other = texts(50, seed=1), texts(50, seed=2)
    source = {
        **known(go=str(write(tmp_path / "a", train))),
        "validation": {"go": str(write(tmp_path / "b", other))},
    }
    corpus = build_corpus(config(source), tmp_path / "corpus")
    assert corpus.train("go")[:].tolist() == np.concatenate(train).tolist()
    held = [text.tolist() for text in documents(corpus.validation("go"), END)]
    assert all(text in [one.tolist() for one in other] for text in held)


def test_one_long_document_cannot_be_held_out(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", [np.append(np.ones(999), END)])
    with pytest.raises(InputError, match=r"'go': none of its 1 documents can be held out.*validation:"):
        build_corpus(config(known(go=str(prefix))), tmp_path / "corpus")


def test_a_vocabulary_above_65536_keeps_its_ids(tmp_path: Path) -> None:
    listed = texts(100, vocab=150_000)
    source = {**known(go=str(write(tmp_path / "a", listed, "int32"))), "vocab_size": 152_064}
    corpus = build_corpus(config(source), tmp_path / "corpus")
    held, train = corpus.validation("go"), corpus.train("go")[:]
    assert held.dtype == np.uint32
    assert sorted([*held.tolist(), *train.tolist()]) == sorted(np.concatenate(listed).tolist())


@pytest.mark.parametrize("change", ["grown", "gone"])
def test_files_that_changed_under_a_corpus_are_noticed(
    two: tuple[Corpus, list[NDArray[np.int64]]], tmp_path: Path, change: str
) -> None:
    path = tmp_path / "data" / "a.bin"
    if change == "gone":
        path.unlink()
    else:
        with path.open("ab") as file:
            file.write(b"\0" * 8)
    with pytest.raises(InputError, match=r"a\.bin: .*build the corpus again"):
        two[0].train("cobol")


def test_a_corpus_of_text_replaces_one_of_token_files(
    two: tuple[Corpus, list[NDArray[np.int64]]], tmp_path: Path
) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("rensa")
    from code_samples import write_code

    asked = {
        "sources": [{"kind": "folder", "path": write_code(tmp_path / "code", suffixes=(".go",))}],
        "languages": ["go"],
        "vocab_size": 300,
        "validation_bytes": 5_000,
    }
    corpus = build_corpus(CorpusConfig.model_validate(asked), two[0].folder)
    assert isinstance(corpus.train("go"), np.memmap)


@pytest.fixture
def text_corpus(tmp_path: Path) -> Corpus:
    pytest.importorskip("tokenizers")
    pytest.importorskip("rensa")
    from code_samples import write_code

    asked = {
        "sources": [{"kind": "folder", "path": write_code(tmp_path / "code")}],
        "languages": ["python", "rust"],
        "vocab_size": 400,
        "validation_bytes": 5_000,
    }
    return build_corpus(CorpusConfig.model_validate(asked), tmp_path / "text")


def test_an_exported_corpus_is_a_source_with_the_same_tokens(text_corpus: Corpus, tmp_path: Path) -> None:
    prefixes = export_corpus(text_corpus, tmp_path / "megatron")
    source = {
        "languages": {name: str(prefix) for name, prefix in prefixes.items()},
        "validation": {name: str(tmp_path / "megatron" / f"{name}_validation") for name in prefixes},
        "tokenizer": str(text_corpus.folder / "tokenizer.json"),
        "end_of_document": 0,
        "validation_tokens": 10**9,
    }
    again = build_corpus(config(source), tmp_path / "again")
    assert again.card.tokenizer_sha256 == text_corpus.card.tokenizer_sha256
    assert again.vocab_size == text_corpus.vocab_size
    for name, card in text_corpus.card.languages.items():
        assert again.train(name)[:].tolist() == text_corpus.train(name).tolist()
        # Held-out documents come in another order; their bytes are decoded from the tokens.
        assert sorted(again.validation(name).tolist()) == sorted(text_corpus.validation(name).tolist())
        assert again.bytes_per_token[name] == pytest.approx(card.bytes_per_token, rel=1e-12)
        assert read_token_file(prefixes[name]).documents == np.count_nonzero(text_corpus.train(name) == 0)


def test_a_corpus_whose_documents_have_no_known_end_is_not_exported(
    text_corpus: Corpus, tmp_path: Path
) -> None:
    prefixes = export_corpus(text_corpus, tmp_path / "megatron")
    source = {
        "languages": {"python": str(prefixes["python"])},
        "tokenizer": str(text_corpus.folder / "tokenizer.json"),
        "validation_tokens": 500,
    }
    corpus = build_corpus(config(source), tmp_path / "again")
    with pytest.raises(InputError, match="which id ends a document of 'python'"):
        export_corpus(corpus, tmp_path / "out")


def test_a_wrong_tokenizer_is_named(text_corpus: Corpus, tmp_path: Path) -> None:
    prefix = str(write(tmp_path / "a", texts(100)))
    (tmp_path / "wrong.json").write_text("{}")
    tokenizer = {"languages": {"go": prefix}, "validation_tokens": 500}
    with pytest.raises(InputError, match=r"wrong\.json: is not a tokenizer\.json"):
        build_corpus(config({**tokenizer, "tokenizer": str(tmp_path / "wrong.json")}), tmp_path / "c")
    tokenizer["tokenizer"] = str(text_corpus.folder / "tokenizer.json")
    known_ids = text_corpus.vocab_size
    with pytest.raises(InputError, match=f"vocab_size: 300; .*has ids up to {known_ids - 1}"):
        build_corpus(config({**tokenizer, "vocab_size": 300}), tmp_path / "c")
    with pytest.raises(InputError, match=f"the vocabulary has {known_ids} ids"):
        build_corpus(config(tokenizer), tmp_path / "c")


def test_documents_longer_than_a_block_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from langmix.corpus import _export

    monkeypatch.setattr(_export, "_BLOCK", 7)
    listed = texts(40)
    unended = np.array([4, 5])
    stream = np.concatenate([*listed, unended]).astype(np.uint16)
    found = [text.tolist() for text in documents(stream, END)]
    assert found == [*(text.tolist() for text in listed), [4, 5]]
