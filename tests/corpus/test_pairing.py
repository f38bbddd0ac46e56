from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

pytest.importorskip("rensa")

from hypothesis import given
from hypothesis import strategies as st

from langmix.corpus.pairing import (
    COUNTED,
    Counted,
    Direction,
    Item,
    Pairing,
    best_fit,
    check_leaks,
    directions,
    hold_out,
    organise,
    pack,
    read_items,
    read_pairing,
    read_tablet,
    write_pairing,
)
from langmix.errors import InputError
from terminal import langmix

LANGUAGES = ("python", "java", "go")


def text(language: str, k: int) -> str:
    """Texts of no common words, so that none is nearly another."""
    return " ".join(f"{language}{k}word{j}" for j in range(12)) + "\n{braces} % \u00e9\U0001f600"


ITEMS = [Item(f"item{k}", {name: text(name, k) for name in LANGUAGES}) for k in range(6)]


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def wide() -> list[dict[str, object]]:
    return [{"id": item.id, **item.texts} for item in ITEMS]


def long() -> list[dict[str, object]]:
    return [{"id": i.id, "language": name.title(), "text": t} for i in ITEMS for name, t in i.texts.items()]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("rows", [wide, long])
def test_wide_and_long_tables_hold_the_same_items(tmp_path: Path, rows: object, suffix: str) -> None:
    assert read_items(write_rows(tmp_path / f"items{suffix}", rows())) == ITEMS  # type: ignore[operator]


@pytest.mark.parametrize("organisation", ["shuffled", "paired", "paired-prompt"])
@pytest.mark.parametrize("pivot", ["python", "go", None])
def test_every_organisation_has_the_same_texts_equally_often(organisation: str, pivot: str | None) -> None:
    pairing = Pairing(organisation=organisation, pivot=pivot)  # type: ignore[arg-type]
    seen, held_out = pairing.directions(LANGUAGES)
    found: Counter[tuple[str, str, str]] = Counter()
    for document in organise(ITEMS, pairing):
        if document.source is not None:
            assert Direction(document.source, document.target) in seen
            assert document.source_span[1] <= document.target_span[0]  # type: ignore[index]
        found.update((document.item, name, part) for name, part in document.texts().items())
    expected: Counter[tuple[str, str, str]] = Counter()
    for item in ITEMS:
        for direction in seen:
            expected.update((item.id, name, item.texts[name]) for name in direction)
    assert found == expected
    assert sorted([*seen, *held_out]) == sorted(directions(LANGUAGES))
    assert not set(seen) & set(held_out)


def test_the_order_is_the_seeds() -> None:
    first, again, other = (organise(ITEMS, Pairing(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert sorted(first, key=str) == sorted(other, key=str)


def test_a_prompt_stands_between_the_texts() -> None:
    pairing = Pairing(
        organisation="paired-prompt", seen=["python>go"], template="{source}|{{{target_language}}}|{target}"
    )
    (document,) = organise(ITEMS[:1], pairing)
    texts = ITEMS[0].texts
    assert document.text == f"{texts['python']}|{{Go}}|{texts['go']}"
    assert document.texts() == {"python": texts["python"], "go": texts["go"]}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{source}", "0 slots {target}"),
        ("no slots", "0 slots {source}"),
        ("{source}{target}{target}", "2 slots {target}"),
        ("{target}{source}", "{target} stands before {source}"),
        ("{source}{colour}{target}", "unknown slot {colour}"),
        ("{source}{target", "write {{ and }} for braces"),
    ],
)
def test_a_template_without_its_slots_is_refused(template: str, told: str) -> None:
    with pytest.raises((InputError, ValidationError)) as caught:
        Pairing(template=template)
    assert told in str(caught.value)


def test_a_folder_of_documents_is_read_back(tmp_path: Path) -> None:
    pairing = Pairing(organisation="paired-prompt", pivot="go")
    documents = organise(ITEMS[:4], pairing)
    card = write_pairing(
        tmp_path, pairing=pairing, items=ITEMS[:4], evaluation=ITEMS[4:], documents=documents
    )
    again, read, evaluation = read_pairing(tmp_path)
    assert (again, read, evaluation) == (card, documents, ITEMS[4:])
    assert card.seen == ["python>go", "java>go", "go>python", "go>java"]
    assert card.held_out == ["python>java", "java>python"]


def test_copies_and_near_copies_of_evaluation_items_are_leaks() -> None:
    check_leaks(ITEMS[:4], ITEMS[4:])
    nearly = Item(
        "other", {"java": "new words " + ITEMS[5].texts["java"], "go": "nothing like it at all here"}
    )
    with pytest.raises(
        InputError, match=r"item 'other' leaks from evaluation: its java text is nearly one of"
    ):
        check_leaks([*ITEMS[:4], nearly], ITEMS[4:])
    with pytest.raises(
        InputError, match=r"item 'item5' leaks from evaluation: it is there \(1 items in all\)"
    ):
        check_leaks(ITEMS[3:4] + ITEMS[5:], ITEMS[4:])


@pytest.mark.parametrize("seed", range(5))
def test_near_duplicates_are_held_out_together(seed: int) -> None:
    nearly = [Item(f"copy of {i.id}", {n: f"{t} and more" for n, t in i.texts.items()}) for i in ITEMS]
    train, evaluation = hold_out([*ITEMS, *nearly], 3, seed=seed)
    check_leaks(train, evaluation)
    assert len(evaluation) == 4
    assert {i.id for i in train} | {i.id for i in evaluation} == {i.id for i in [*ITEMS, *nearly]}
    with pytest.raises(InputError, match="none is left to train on"):
        hold_out(ITEMS, len(ITEMS))


def test_items_become_documents_on_the_command_line(tmp_path: Path) -> None:
    write_rows(tmp_path / "items.jsonl", wide())
    done = langmix(
        *("pair", "items.jsonl", "out", "--hold-out", "2", "--organisation", "paired-prompt", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert (card["items"], card["evaluation_items"], card["documents"]) == (4, 2, 16)
    assert card["held_out"] == ["java>go", "go>java"]
    _, documents, evaluation = read_pairing(tmp_path / "out")
    assert not {d.item for d in documents} & {i.id for i in evaluation}
    write_rows(tmp_path / "apart.jsonl", wide()[4:])
    done = langmix(
        "pair", "items.jsonl", "clean", "--evaluation", "apart.jsonl", "--drop-leaks", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "16 documents of 4 items in 3 languages; 2 items held out, 2 left out" in done.stdout


def changed(**changes: object) -> list[dict[str, object]]:
    rows = wide()
    rows[3].update(changes)
    return rows


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (changed(java=None), [], ["item 'item3' has no java text"]),
        (changed(java="  "), [], ["item 'item3' has no java text"]),
        (changed(java=3), [], ["line 4: item 'item3': the java text is 3"]),
        (changed(id="item1"), [], ["line 4: the id 'item1' occurs a second time"]),
        (changed(id=None), [], ["line 4: has no id"]),
        ([*long(), long()[3]], [], ["line 19: item 'item1' has a second python text"]),
        ([{"id": "x", "python": "a"}], [], ["has python; expected items in two languages"]),
        ([], [], ["has no rows"]),
        (wide(), ["--pivot", "rust"], ["pivot 'rust': is none of the languages", "python, java, go"]),
        (wide(), ["--direction", "python-java"], ["direction 'python-java': expected SOURCE>TARGET"]),
        (wide(), ["--direction", "python>rust"], ["direction 'python>rust': the languages are"]),
        (wide(), ["--language", "python", "--language", "rust"], ["no item is in 'rust'"]),
        (wide(), ["--organisation", "sorted"], ["organisation", "'sorted'"]),
        (wide(), ["--template", "{source}"], ["template", "0 slots {target}"]),
        (wide(), ["--evaluation", "items.jsonl"], ["item 'item0' leaks from evaluation", "6 items in all"]),
        (wide(), ["--evaluation", "items.jsonl", "--drop-leaks"], ["all items leak from items.jsonl"]),
        (wide(), ["--evaluation", "absent.jsonl"], ["absent.jsonl: there is no such file"]),
        (wide(), ["--evaluation", "items.jsonl", "--hold-out", "1"], ["--hold-out: cannot be combined"]),
    ],
)
def test_wrong_items_and_options_give_one_message_and_write_nothing(
    tmp_path: Path, rows: list[dict[str, object]], options: list[str], told: list[str]
) -> None:
    write_rows(tmp_path / "items.jsonl", rows)
    done = langmix("pair", "items.jsonl", "out", *options, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for part in told:
        assert part in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_was_changed_is_refused(tmp_path: Path) -> None:
    pairing = Pairing()
    write_pairing(tmp_path, pairing=pairing, items=ITEMS, evaluation=[], documents=organise(ITEMS, pairing))
    lines = (tmp_path / "train.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "train.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"has 23 documents, and pairing.json says 24"):
        read_pairing(tmp_path)
    (tmp_path / "train.jsonl").write_text('{"text": 1}\n')
    with pytest.raises(InputError, match=r"line 1: is no paired document"):
        read_pairing(tmp_path)


def encode(text: str) -> list[int]:
    return [ord(c) for c in text]


def decode(ids: object) -> str:
    return "".join(map(chr, ids))  # type: ignore[call-overload]


END = 0x10FFFF


@pytest.mark.parametrize("organisation", ["shuffled", "paired", "paired-prompt"])
@pytest.mark.parametrize("counted", COUNTED)
def test_packed_documents_are_whole_and_their_targets_count(organisation: str, counted: Counted) -> None:
    documents = organise(ITEMS, Pairing(organisation=organisation))  # type: ignore[arg-type]
    packed = pack(documents, encode, sequence=900, end_of_document=END, counted=counted)
    found, counts = [], 0
    for row, mask in zip(packed.tokens, packed.counted, strict=True):
        whole = decode(row).rstrip(chr(END))
        found += whole.split(chr(END))
        counts += int(mask.sum())
    assert Counter(found) == Counter(document.text for document in documents)
    texts = {
        "all": [len(d.text) + 1 for d in documents],
        "texts": [sum(map(len, d.texts().values())) + 1 for d in documents],
        "target": [len(d.texts()[d.target]) + 1 for d in documents],
    }[counted]
    # The first id of a sequence is no one's next token.
    first = sum(counted != "target" or organisation == "shuffled" for _ in packed.tokens)
    assert counts == sum(texts) - first
    assert packed.filled == sum(len(d.text) + 1 for d in documents) / packed.tokens.size
    assert packed.documents == len(documents)


def test_only_the_target_counts_where_that_is_asked() -> None:
    documents = organise(ITEMS[:1], Pairing(seen=["python>go"]))
    packed = pack(documents, encode, sequence=400, end_of_document=END, counted="target")
    (row,), (mask,) = packed.tokens, packed.counted
    assert decode(row[1:][mask]) == ITEMS[0].texts["go"] + chr(END)


def test_documents_longer_than_a_sequence_are_told_or_listed() -> None:
    long = Item("long", {"python": "a" * 300, "java": "b" * 300, "go": "c"})
    documents = organise([*ITEMS, long], Pairing())
    with pytest.raises(InputError, match=r"item 'long': its document has 603 tokens, .* 501 \(2 of 28 "):
        pack(documents, encode, sequence=500, end_of_document=END)
    packed = pack(documents, encode, sequence=500, end_of_document=END, leave_out=True)
    assert {(each.item, each.source, each.target) for each in packed.left_out} == {
        ("long", "python", "java"),
        ("long", "java", "python"),
    }
    assert packed.documents == 26
    with pytest.raises(InputError, match="no document fits into a sequence of 20 tokens"):
        pack(documents, encode, sequence=20, end_of_document=END, leave_out=True)


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=6), min_size=1, max_size=30))
def test_best_fit_keeps_everything_within_11_ninths_of_the_optimum(parts: list[list[int]]) -> None:
    """Full bins are cut into parts, so that the optimum is known; the bound is that of Johnson 1973."""
    room = max(map(sum, parts))
    cut = [[*part, *([room - sum(part)] if sum(part) < room else [])] for part in parts]
    lengths = [length for part in cut for length in part]
    bins = best_fit(lengths, room)
    assert sorted(k for members in bins for k in members) == list(range(len(lengths)))
    assert all(sum(lengths[k] for k in members) <= room for members in bins)
    assert len(parts) <= len(bins) <= 11 / 9 * len(parts) + 4


def tablet(folder: Path, content: bytes) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/.jsii.tabl.json.gz")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return path


def snippet(typescript: str, python: str) -> dict[str, object]:
    return {"translations": {"$": {"source": typescript}, "python": {"source": python}}}


def test_snippets_of_a_jsii_package_become_items(tmp_path: Path) -> None:
    snippets = {
        "a": snippet("new Bucket(stack);", "Bucket(stack)"),
        "again": snippet("new  Bucket( stack )", "Bucket(stack)"),
        "generated": snippet("// The values are placeholders you should change.\nf();", "f()"),
        "untranslated": snippet("g();", " "),
        "b": snippet("h();", "h()"),
    }
    content = gzip.compress(json.dumps({"snippets": snippets}).encode())
    assert read_tablet(tablet(tmp_path, content)) == [
        Item("a", {"typescript": "new Bucket(stack);", "python": "Bucket(stack)"}),
        Item("b", {"typescript": "h();", "python": "h()"}),
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"{}"), gzip.compress(b'{"snippets": [1]}')],
    ids=["empty", "no gzip", "no snippets", "no texts"],
)
def test_a_package_without_snippets_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"package.tgz: .*is not the snippets of a jsii package"):
        read_tablet(tablet(tmp_path, content))


def test_an_unknown_aligned_corpus_is_refused(tmp_path: Path) -> None:
    done = langmix("aligned", "atlantis", "items.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "'atlantis' is no aligned corpus; expected aws-cdk or snowball" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.network
def test_the_aligned_corpora_are_there(tmp_path: Path) -> None:
    done = langmix("aligned", "aws-cdk", "items.jsonl", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"] == 3212
    assert len(read_items(tmp_path / "items.jsonl")) == 3212
