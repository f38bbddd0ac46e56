from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("rensa")

from code_samples import write_code

from langmix.corpus import CorpusConfig, Package, build_corpus, open_corpus, registry, source_of
from langmix.corpus._archives import read_archive
from langmix.corpus._document import Document
from langmix.corpus._duplicates import mark_duplicates
from langmix.corpus._filters import fault
from langmix.corpus._packages import DownloadError, fetch_package, read_package
from langmix.corpus._split import held_groups, in_turn
from langmix.errors import InputError, MissingExtraError
from langmix.languages import LANGUAGES


def config(*sources: Path, **options: object) -> CorpusConfig:
    return CorpusConfig.model_validate(
        {
            "sources": [source_of(str(path)).model_dump() for path in sources],
            "languages": ["python", "rust"],
            "vocab_size": 400,
            "validation_bytes": 5_000,
            **options,
        }
    )


def test_a_folder_becomes_token_shards_that_read_back_as_text(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    corpus = build_corpus(config(write_code(tmp_path / "code")), tmp_path / "corpus")
    again = open_corpus(tmp_path / "corpus")
    assert again.card == corpus.card
    tokenizer = Tokenizer.from_file(str(tmp_path / "corpus" / "tokenizer.json"))
    for name in ("python", "rust"):
        card = corpus.card.languages[name]
        assert not set(card.train_groups) & set(card.validation_groups)
        assert card.files == {"kept": 24}
        tokens = corpus.validation(name)
        assert len(tokens) == card.validation_tokens
        text = tokenizer.decode(tokens.tolist(), skip_special_tokens=True)
        assert text.startswith("def f0(")
        # Bytes per token count the end of each document as a token without bytes.
        assert len(text.encode()) / len(tokens) == pytest.approx(card.bytes_per_token)


def test_the_same_sources_give_the_same_corpus(tmp_path: Path) -> None:
    code = write_code(tmp_path / "code")
    first, second = (build_corpus(config(code), tmp_path / name) for name in ("a", "b"))
    assert first.card == second.card
    assert np.array_equal(first.train("rust"), second.train("rust"))


def test_the_text_of_a_language_can_be_limited(tmp_path: Path) -> None:
    code = write_code(tmp_path / "code")
    whole = build_corpus(config(code), tmp_path / "a").card.languages["python"].train_tokens
    part = (
        build_corpus(config(code, bytes_per_language=30_000), tmp_path / "b")
        .card.languages["python"]
        .train_tokens
    )
    assert part < whole / 2


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow"])
def test_a_table_is_a_source(tmp_path: Path, kind: str) -> None:
    rows = [
        {
            "content": path.read_text(),
            "lang": {"py": "Python", "rs": "Rust"}[path.suffix[1:]],
            "repo_name": path.parent.name,
        }
        for path in sorted(write_code(tmp_path / "code").rglob("file*"))
    ]
    table = tmp_path / f"data.{kind}"
    if kind == "jsonl":
        table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        frame = pa.Table.from_pylist(rows)
        if kind == "parquet":
            pq.write_table(frame, table)
        else:
            with pa.OSFile(str(table), "wb") as sink, pa.ipc.new_stream(sink, frame.schema) as writer:
                writer.write_table(frame)
    card = build_corpus(config(table), tmp_path / "corpus").card
    assert {name: entry.files["kept"] for name, entry in card.languages.items()} == {"python": 24, "rust": 24}


GOOD = "def add(first, second):\n    return first + second\n\n" * 10


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("src/a.py", GOOD, None),
        ("node_modules/x/a.js", GOOD, "vendored"),
        ("src/a.min.js", GOOD, "long lines"),
        ("src/a.js", "var a=1;" * 500, "long lines"),
        ("src/a.py", "# DO NOT EDIT\n" + GOOD, "generated"),
        ("src/a.d.ts", GOOD, "generated"),
        ("src/a.py", "x = [\n" + "1, 2, 3, 4, 5,\n" * 100 + "]\n", "few letters"),
        ("src/a.py", "x = 1\n", "size"),
        ("src/a.py", GOOD + "\ud800", "not Unicode"),
    ],
)
def test_files_that_nobody_wrote_are_left_out(path: str, text: str, reason: str | None) -> None:
    assert fault(Document("python", "g", path, text)) == reason


def test_exact_and_near_duplicates_are_found_across_groups() -> None:
    lines = [f"value_{k} = compute(value_{k - 1}, {k})" for k in range(200)]
    edited = [*lines[:100], "changed = True", *lines[101:]]
    other = [f"let entry_{k} = lookup(table_{k}, key_{k % 7});" for k in range(200)]
    documents = [
        Document("python", f"g{k}", "a.py", text)
        for k, text in enumerate(
            ["\n".join(lines), "  \n" + "\n".join(lines), "\n".join(edited), "\n".join(other)]
        )
    ]
    assert [reason for _, reason in mark_duplicates(documents)] == [
        None,
        "exact duplicate",
        "near duplicate",
        None,
    ]


def test_groups_are_held_out_whole_until_there_is_enough() -> None:
    sizes = {f"g{k}": 20_000 for k in range(10)}
    held = held_groups(sizes, files=200, language="go", validation_bytes=30_000, fewest=1, seed=0)
    assert len(held) == 2
    assert held != held_groups(sizes, files=200, language="go", validation_bytes=30_000, fewest=1, seed=1)


def test_a_group_too_large_to_hold_out_is_passed_over() -> None:
    sizes = {"large": 80_000, "small": 20_000, "smaller": 19_000}
    held = held_groups(sizes, files=3, language="go", validation_bytes=90_000, fewest=1, seed=0)
    assert "large" not in held
    assert held_groups({"a": 2, "b": 1}, files=2, language="go", validation_bytes=1, fewest=1, seed=0) == {
        "b"
    }


def test_validation_takes_as_much_from_each_of_three_packages_of_unlike_size() -> None:
    count_of = {"large": 400, "a": 30, "b": 20, "c": 10, "d": 25}
    names = list(count_of)
    sizes = {name: 1000 * n for name, n in count_of.items()}
    group = np.repeat(np.arange(len(names)), list(count_of.values()))
    for seed in range(5):
        held = held_groups(sizes, files=485, language="go", validation_bytes=30_000, fewest=3, seed=seed)
        assert len(held) >= 3
        assert "large" not in held
        out = np.flatnonzero(np.isin(group, [names.index(name) for name in held]))
        ordered = in_turn(np.random.default_rng(seed).permutation(out), group, np.full(485, 1000))
        taken = [int((group[ordered[:30]] == names.index(name)).sum()) for name in held]
        assert max(taken) - min(taken) <= 1


def test_one_package_alone_cannot_be_split() -> None:
    with pytest.raises(InputError, match=r"'go': all 1 files are of one package, 'g'"):
        held_groups({"g": 1}, files=1, language="go", validation_bytes=10, fewest=1, seed=0)


def test_archives_are_read_in_place(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as zipped:
        zipped.writestr("pkg/a.py", "print(1)\n")
    content = b"fn main() {}\n"
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tarred:
        member = tarfile.TarInfo("pkg/main.rs")
        member.size = len(content)
        tarred.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("pkg/passwd.rs")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tarred.addfile(link)
    assert list(read_archive(tmp_path / "a.whl")) == [("pkg/a.py", b"print(1)\n")]
    assert list(read_archive(tmp_path / "a.tar.gz")) == [("pkg/main.rs", content)]


def test_a_broken_archive_is_named_with_the_remedy(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tarred:
        member = tarfile.TarInfo("a.py")
        member.size = 100_000
        tarred.addfile(member, io.BytesIO(np.random.default_rng(0).bytes(100_000)))
    path = tmp_path / "half.tar.gz"
    path.write_bytes(whole.getvalue()[:50_000])
    with pytest.raises(InputError, match=r"half\.tar\.gz: is not a readable archive .* delete it"):
        list(read_archive(path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"content": "x", "lang": "go"}\n', ["line 1", "no group column", "'content'"]),
        ('{"content": "x"', ["line 1", "is not JSON"]),
        ('{"content": 3, "lang": "go", "repo": "r"}\n', ["line 1", "the text is 3", "expected a string"]),
        ("", ["no package"]),
    ],
)
def test_a_wrong_table_is_named_with_its_line(tmp_path: Path, content: str, told: list[str]) -> None:
    table = tmp_path / "data.jsonl"
    table.write_text(content)
    with pytest.raises(InputError) as caught:
        build_corpus(config(table), tmp_path / "corpus")
    for part in told:
        assert part in str(caught.value)
    assert not (tmp_path / "corpus").exists()


def test_an_empty_folder_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds no code; expected files ending in"):
        build_corpus(config(tmp_path / "empty"), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_languages_without_files_are_refused_except_from_tables(tmp_path: Path) -> None:
    folder = write_code(tmp_path / "code")
    with pytest.raises(InputError, match="'cobol' is not one that packages and folders have files of"):
        config(folder, languages=["python", "cobol"])
    (tmp_path / "data.jsonl").write_text("")
    assert config(folder, tmp_path / "data.jsonl", languages=["cobol"]).languages == ["cobol"]


def test_what_is_missing_is_told_before_a_source_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.jsonl").write_text("not JSON")
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(MissingExtraError, match="'rensa'"):
        build_corpus(config(tmp_path / "data.jsonl"), tmp_path / "corpus")


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("LANGMIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"cache.*cannot be written .*set LANGMIX_CACHE"):
        fetch_package(registry()[0])


def test_the_registry_covers_every_language_with_packages_to_hold_out() -> None:
    for language in LANGUAGES:
        assert sum(language.name in package.languages for package in registry()) >= 6
    assert len({package.sha256 for package in registry()}) == len(registry())


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An index that does not exist, and an empty cache."""
    monkeypatch.setenv("LANGMIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    return tmp_path / "cache"


@pytest.mark.parametrize("source", ["pypi", "npm"])
def test_without_a_network_one_message_says_what_to_check(offline: Path, source: str) -> None:
    package = next(p for p in registry() if p.source == source)
    if source == "npm":
        import shutil

        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
    with pytest.raises(DownloadError, match=rf"{package.name}.*check the network.*run again"):
        fetch_package(package)
    assert not list(offline.rglob("*.t*gz"))


def test_a_cached_archive_that_has_changed_is_not_trusted(offline: Path, tmp_path: Path) -> None:
    content = b"not the archive"
    package = Package(
        source="pypi",
        name="absent-package",
        version="1.0",
        file="absent.tar.gz",
        sha256=hashlib.sha256(b"the archive").hexdigest(),
        licence="MIT",
        languages=("python",),
    )
    cached = offline / "packages" / f"{package.sha256[:12]}-absent.tar.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    with pytest.raises(DownloadError):
        fetch_package(package)


@pytest.mark.network
@pytest.mark.parametrize("name", ["jpype1", "zod"])
def test_a_package_comes_from_its_client_and_is_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LANGMIX_CACHE", str(tmp_path))
    package = next(p for p in registry() if p.name == name)
    documents = list(read_package(package, fetch_package(package)))
    assert {d.language for d in documents} == set(package.languages)
    assert sum(len(d.text) for d in documents) > 100_000
