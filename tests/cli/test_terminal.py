"""What a terminal is shown: at once, in 80 columns, in plain text where no colours are wanted."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from given import GIVEN

from langmix.cli import complete_app
from langmix.cli._print import progress
from langmix.cli._verbs import VERBS
from terminal import langmix

HEAVY = {"numpy", "scipy", "pandas", "pydantic", "torch", "matplotlib", "transformers", "pyarrow"}
COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|9[0-7])[0-9;]*m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    for name in ("runs.csv", "laws.json", "mixture.json", "studies", "trainer-states"):
        GIVEN[name](folder)
    (folder / "current.json").write_text('{"python": 0.5, "java": 0.5}')
    (folder / "configs.csv").write_text("run,share.go,share.rust\ngo75,0.75,0.25\ngo25,0.25,0.75\n")
    (folder / "items.jsonl").write_text(
        "".join(
            json.dumps({"id": str(k), "python": f"{word} = {k}", "go": f"{word} := {k}"}) + "\n"
            for k, word in enumerate(("first", "second", "third"))
        )
    )
    return folder


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_what_needs_no_mathematics_imports_none(arguments: list[str]) -> None:
    asked = f"import sys; from langmix.cli import app; app({arguments!r}, standalone_mode=False)"
    script = f"try:\n {asked}\nexcept BaseException: pass\nprint(*sys.modules)"
    done = process(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.split())


def test_the_list_of_verbs_says_what_each_says_of_itself() -> None:
    app = complete_app()
    assert list(app.commands) == list(VERBS)
    shown = process(sys.executable, "-m", "langmix", "--help", COLUMNS="80").stdout
    for name, verb in VERBS.items():
        assert app.commands[name].get_short_help_str(200) == verb.summary
        assert re.search(rf"^  {name} +{re.escape(verb.summary)}$", shown, re.MULTILINE)


def test_public_names_stay_functions_where_a_room_has_the_name() -> None:
    script = (
        "import langmix.allocate, langmix.export, langmix.published, langmix as lm\n"
        "assert all(callable(getattr(lm, name)) for name in lm.__all__)\n"
        "assert lm.allocate is langmix.allocate and set(lm.__all__) <= set(dir(lm))\n"
    )
    done = process(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr


def test_a_shell_completes_verbs_and_options() -> None:
    as_installed = "import sys; sys.argv[0] = 'langmix'; from langmix.cli import main; main()"

    def completed(*typed: str) -> list[str]:
        done = process(
            *(sys.executable, "-c", as_installed),
            _LANGMIX_COMPLETE="complete_bash",
            COMP_WORDS=" ".join(("langmix", *typed)),
            COMP_CWORD=str(len(typed)),
        )
        assert done.returncode == 0, done.stderr
        return sorted(done.stdout.split())

    assert completed("al") == ["aligned", "allocate"]
    assert completed("allocate", "--max") == ["--max-epochs"]
    assert completed("study", "") == ["new", "price", "run", "status"]


def in_a_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """What a terminal of 80 columns receives."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "langmix", *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        received += part
    done.wait()
    os.close(ours)
    return received.decode()


def test_colours_are_for_terminals_that_want_them(folder: Path) -> None:
    ask = ("allocate", "laws.json", "--params", "1M", "--tokens", "16M", "-o", "c.json")
    coloured = in_a_terminal(folder, *ask)
    assert COLOUR.search(coloured)
    plain = in_a_terminal(folder, *ask, NO_COLOR="1")
    assert "warning:" in plain
    assert not COLOUR.search(plain)
    assert "\x1b" not in langmix(*ask, cwd=folder, together=True).stdout


QUESTION = ("--params", "1M", "--tokens", "16M")
SEVEN, PARALLEL = "studies/seven-languages", "studies/parallel-pairing"
TRAINED = ("--params", "1M", "--trained", "8M", "--remaining", "8M")
ASKED: dict[str, list[tuple[str, ...]]] = {
    "demo": [],  # what it prints is what fit and allocate print
    "fit": [
        ("fit", "runs.csv", "--law", "chinchilla", "--draws", "10", "-o", "c.json"),
        ("fit", "runs.csv", "--law", "proportion", "--draws", "5", "-o", "p.json"),
    ],
    "predict": [("predict", "laws.json", *QUESTION)],
    "synergy": [("synergy", "runs.csv", "--laws", "laws.json", *QUESTION, "--draws", "20")],
    "translation": [("translation", f"{PARALLEL}/runs.csv", "--pivot", "python", "--draws", "5")],
    "allocate": [
        ("allocate", "laws.json", *QUESTION, "--current", "current.json", "-o", "a.json"),
        ("allocate", "laws.json", "--params", "1.5B", "--tokens", "350B", "--robust", "cvar", "-o", "a.json"),
        ("allocate", "laws.json", "--flops", "1e14", "--inference-tokens", "20M", "-o", "a.json"),
    ],
    "add": [("add", "laws.json", "rust", *TRAINED, "--current", "current.json", "--share", "0.1")],
    "plan": [("plan", "laws.json", *QUESTION, "--size", "100k", "--budget", "2e12", "--run-tokens", "1M")],
    "export": [("export", "mixture.json", "megatron", "-o", "m.txt", "--available", "rust=300k")],
    "trainers": [("trainers",)],
    "import": [("import", "trainer-state", "out", "--configs", "configs.csv", "--list")],
    "report": [("report", "runs.csv", "--laws", "laws.json", *QUESTION)],
    "study": [("study", "status", SEVEN), ("study", "new", "mine")],
    "pair": [("pair", "items.jsonl", "pairs", "--hold-out", "1")],
    "doctor": [("doctor",)],
}
"""What is asked of every verb."""

LONGER = {"explore", "corpus", "export-corpus", "aligned", "parallel-corpus", "train", "evaluate"}
"""They serve, or need a corpus or the network: what they print is tested elsewhere."""


def test_every_verb_is_asked() -> None:
    assert set(ASKED) | LONGER == set(VERBS)


@pytest.mark.parametrize("asked", [asked for verb in ASKED.values() for asked in verb], ids=" ".join)
def test_all_that_is_printed_fits_80_columns_whole(
    folder: Path, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("COLUMNS", "80")
    done = langmix(*asked, cwd=folder, together=True)
    assert done.returncode == 0, done.stdout
    assert "…" not in done.stdout  # what rich writes where it cuts a cell
    said = re.compile(r"note: |plan: |report: |page: ")  # sentences and paths, which a terminal wraps
    assert [line for line in done.stdout.splitlines() if len(line) > 80 and not said.match(line)] == []


def test_long_work_tells_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(hidden=False) as bars:
        task = bars.add_task("training", total=2)
        bars.advance(task)
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(r"training .*50% 0:00:00 left (-:--:--|0:00:0\d)", told.err)


def test_the_doctor_names_what_is_missing_and_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langmix.cli._doctor._version", lambda package: None)
    done = langmix("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    extras = {each["what"]: each for each in found["extras"]}
    assert extras["lab"]["found"] == ""
    assert extras["lab"]["remedy"].startswith("pip install 'langmix[lab]' (")
    assert "torch" in extras["lab"]["remedy"]
    assert {each["what"] for each in found["toolchains of evaluate execute"]} >= {"Python", "C#", "sandbox"}
    assert all(each["found"] or each["remedy"] for section in found.values() for each in section)
