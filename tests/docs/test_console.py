"""What runs the documentation notices what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import console
import pytest


def command(text: str) -> console.Command:
    (only,) = console.commands(text)
    return only


def test_commands_and_what_they_print_are_told_apart() -> None:
    first, second = console.commands(
        "$ langmix fit \\\n    'a b.csv'   # a comment\nlaws: laws.json\n\nnext\n$ cd x\n"
    )
    assert first == (["langmix", "fit", "a b.csv"], "laws: laws.json\n\nnext")
    assert second == (["cd", "x"], "")


@pytest.mark.parametrize(
    ("told", "printed", "within"),
    [
        ("a  1.5", "a 1.5\n", 0.0),
        ("a\n...\nz", "a\nb\nc\nz", 0.0),
        ("loss 4.00 (3.9-4.1)", "loss 4.02 (3.92-4.12)", 0.01),
        ("", "whatever", 0.0),
    ],
)
def test_what_agrees_is_accepted(told: str, printed: str, within: float) -> None:
    console.compare(told, printed, within=within)


@pytest.mark.parametrize(
    ("told", "printed", "within"),
    [
        ("a 1.5", "a 1.6", 0.0),
        ("a 1.5", "a 1.5 and more", 0.0),
        ("a\n...\nz", "a\nb\nc", 0.0),
        ("loss 4.00", "loss 4.20", 0.01),
        ("loss 4.00 nats", "loss 4.00 bits", 0.01),
    ],
)
def test_what_differs_is_refused(told: str, printed: str, within: float) -> None:
    with pytest.raises(AssertionError):
        console.compare(told, printed, within=within)


def test_a_command_has_to_end_as_the_page_says(tmp_path: Path) -> None:
    console.run(command("$ langmix fit absent.csv\nerror: absent.csv: there is no such file; ..."), tmp_path)
    with pytest.raises(AssertionError, match="exit code 2"):
        console.run(command("$ langmix fit absent.csv\n"), tmp_path)
    with pytest.raises(AssertionError, match="exit code 0"):
        console.run(command("$ langmix trainers\nerror: none\n"), tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        "langmix study run FOLDER --engine ray --address auto --cpus-per-run 1",
        "langmix evaluate generate MODEL --problems a.jsonl --samples 10",
        ".venv/bin/pip install -e '.[lab,report]' -c constraints.txt",
        "python benchmarks/fitting.py FOLDER",
        "make test",
    ],
)
def test_what_cannot_be_run_is_checked(words: str, tmp_path: Path) -> None:
    console.check(command(f"$ {words}"), tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        "langmix studdy run FOLDER",
        "langmix study run FOLDER --motor ray",
        "langmix study run FOLDER --workers many",
        "langmix --versions",
        "pip install 'langmix[everything]'",
        "python benchmarks/absent.py",
        "make absent",
        "rm -r /tmp/x",
    ],
)
def test_what_does_not_exist_is_noticed(words: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r".+"):
        console.check(command(f"$ {words}"), tmp_path)
