"""Blocks of a terminal: commands after ``$``, each with what it prints below it."""

from __future__ import annotations

import contextlib
import difflib
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from langmix.cli import complete_app
from terminal import langmix

ROOT = Path(__file__).resolve().parents[2]
_READING = ("cat", "head", "ls")
_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"


class Command(NamedTuple):
    """What is typed, and what a page says it prints; nothing if it says nothing."""

    words: list[str]
    printed: str


def commands(block: str) -> Iterator[Command]:
    """Of a block; a line that ends with a backslash goes on."""
    for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, printed = part.partition("\n")
        yield Command(shlex.split(line, comments=True), printed.strip("\n"))


def run(command: Command, folder: Path, *, within: float = 0.0) -> Path:
    """Run a command and compare what it prints; returns the folder that the next one runs in.

    Raises:
        AssertionError: it ends otherwise, or prints something else, than the page says.
    """
    program, *arguments = command.words
    if program == "cd":
        return (folder / arguments[0]).resolve(strict=True)
    if program == "make":
        return _make(command, folder, within=within)
    if program in _READING:
        done = subprocess.run(command.words, cwd=folder, capture_output=True, text=True, check=False)
        code, printed = done.returncode, done.stdout + done.stderr
    else:
        assert program == "langmix", f"{program}: tests/docs/console.py cannot run it; see `check`"
        ran = langmix(*arguments, cwd=folder, together=True)
        code, printed = ran.returncode, ran.stdout
    meant = 2 if re.search(r"^error: ", command.printed, re.MULTILINE) else 0
    assert code == meant, f"exit code {code}:\n{printed}"
    compare(command.printed, printed, within=within)
    return folder


def check(command: Command, folder: Path) -> None:
    """That a command which is not run here could be: every verb, option, target, extra and file exists."""
    program, *arguments = command.words
    if program == "langmix":
        parse(arguments, folder)
    elif program == "make":
        _recipe(arguments)
    elif Path(program).name in ("pip", "pip3"):
        _installs(arguments)
    elif Path(program).name in ("python", "python3"):
        if arguments[0] != "-m":
            assert (ROOT / arguments[0]).is_file(), f"there is no {arguments[0]}"
    elif Path(program).name == "pytest":
        assert all((ROOT / each).exists() for each in arguments if "/" in each)
    else:
        assert program in ("ray", "cd", *_READING), f"{program}: tests/docs/console.py does not know it"


def parse(arguments: list[str], folder: Path) -> None:
    """Parse the words of a command line without running its verb."""
    with contextlib.chdir(folder):
        group: Any = complete_app()
        if arguments[0].startswith("-"):  # an option of langmix itself, which would act when it is parsed
            assert arguments[0] in [name for each in group.params for name in each.opts], arguments[0]
            return
        context = group.make_context("langmix", list(arguments))
        while hasattr(group, "commands") and context._protected_args:
            name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
            assert command is not None, name
            group, context = command, command.make_context(name, rest, parent=context)


def compare(told: str, printed: str, *, within: float = 0.0) -> None:
    """White space counts as one, ``...`` stands for anything, numbers may differ by a part `within`.

    Raises:
        AssertionError: with the differences.
    """
    if not told:
        return
    numbers: list[str] = []
    pattern = "".join(_pattern(part, numbers, within) for part in re.split(r"(\.\.\.|\s+)", told.strip()))
    found = re.fullmatch(pattern, printed.strip(), re.DOTALL)
    lines = (text.strip("\n").splitlines() for text in (told, re.sub(r"[ \t]+$", "", printed, flags=re.M)))
    assert found, "\n".join(difflib.unified_diff(*lines, "the page", "printed", lineterm="", n=0))
    for said, got in zip(numbers, found.groups(), strict=True):
        said_number, number = (float(text.replace(",", "")) for text in (said, got))
        assert abs(number - said_number) <= within * abs(said_number), f"{said} on the page, {got} printed"


def _pattern(part: str, numbers: list[str], within: float) -> str:
    if part == "...":
        return ".*?"
    if part.isspace():
        return r"\s+"
    if not within:
        return re.escape(part)
    numbers += re.findall(_NUMBER, part)
    return f"({_NUMBER})".join(re.escape(text) for text in re.split(_NUMBER, part))


def _make(command: Command, folder: Path, *, within: float) -> Path:
    """What a target does with langmix, in this process; the environment that it makes is this one."""
    recipe = _recipe(command.words[1:])
    inside = [line.split()[1:] for line in recipe if line.startswith(".venv/bin/langmix ")]
    assert inside, "only prepares something: mark the block with `needs`"
    for words in inside:
        run(Command(["langmix", *words], command.printed), folder, within=within)
    return folder


def _recipe(arguments: list[str]) -> list[str]:
    done = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _installs(arguments: list[str]) -> None:
    """Extras that a command of pip names exist."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for named in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
        assert set(named.split(",")) <= set(known), named
