"""The pages of the documentation, each a list of blocks that are run from its top in a folder of its own.

Comments that the site does not show say what a page needs:

    <!-- given: runs.csv laws.json -->    files that are there at the beginning, see `given.py`
    <!-- file: current.json -->           the next block is written to this file
    <!-- slow: why -->                    the next block runs in the slow tests alone
    <!-- network: why -->                 it runs in the network tests alone
    <!-- needs: a Ray cluster -->         it runs nowhere; that all it names exists is checked
    <!-- where: bwrap -->                 if a program of this name is installed
    <!-- within: 5% -->                   numbers of the next block may differ by so much: other processors

What is not run is checked: verbs and options against the command line, code against Python's parser.
"""

from __future__ import annotations

import ast
import doctest
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import console
import yaml
from console import ROOT
from given import GIVEN
from pydantic import TypeAdapter
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.doctest import DocTestEvaluator
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

from langmix.study import StudyConfig

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "studies/*/README.md", "src/**/README.md")
    for path in ROOT.glob(pattern)
)
LEVELS = ("quick", "slow", "network")
_LANGUAGES = ("console", "python", "yaml", "json", "bash", "math", "text")
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class State:
    """Of a page that is run.

    Attributes:
        folder: in which the next command runs.
        level: of `LEVELS`; blocks up to it are run, the others checked.
        next: what comments say about the next block.
        done: how many blocks were run, and how many checked.
    """

    folder: Path
    level: str
    next: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)


def _comments(document: Document) -> Iterator[Region]:
    for region in DirectiveInHTMLCommentLexer("given|file|slow|network|needs|where|within")(document):
        region.parsed, region.evaluator = (region.lexemes["directive"], region.lexemes["arguments"]), _note
        yield region


def _blocks(document: Document) -> Iterator[Region]:
    for region in RawFencedCodeBlockLexer(re.compile(r"(?P<language>\w*)[^\n]*\n"))(document):
        region.parsed, region.evaluator = region.lexemes["source"], _block
        yield region


SYBIL = Sybil(parsers=[_comments, _blocks])


def levels(page: str) -> set[str]:
    """At which levels a page has blocks."""
    kinds = {example.parsed[0] for example in _examples(page) if isinstance(example.parsed, tuple)}
    return {"quick", *kinds} & set(LEVELS)


def _examples(page: str) -> list[Example]:
    return list(SYBIL.parse(ROOT / page).examples())


def run(page: str, folder: Path, level: str) -> Counter[str]:
    """Run the blocks of a page up to a level.

    Raises:
        AssertionError: with all blocks that did something else than the page says.
    """
    state, wrong = State(folder, level), []
    for example in _examples(page):
        example.namespace["state"] = state
        try:
            example.evaluate()
        except Exception as error:  # the rest of the page is told of too
            wrong.append(f"{page}:{example.line}: {type(error).__name__}: {error}")
    assert not wrong, "\n\n".join(wrong)
    return state.done


def _note(example: Example) -> None:
    state: State = example.namespace["state"]
    directive, argument = example.parsed
    if directive != "given":
        state.next[directive] = argument.strip()
        return
    for name in argument.split():
        GIVEN[name](state.folder)


def _block(example: Example) -> None:
    state: State = example.namespace["state"]
    told, state.next = state.next, {}
    language = example.region.lexemes["language"]
    assert language in _LANGUAGES, f"a block of {language or 'no language'}; expected {', '.join(_LANGUAGES)}"
    level = next((name for name in ("needs", "network", "slow") if name in told), "quick")
    here = "where" not in told or shutil.which(told["where"]) is not None
    runs = here and level in LEVELS[: LEVELS.index(state.level) + 1]
    state.done[level if runs else "checked"] += language in ("console", "python", "bash", "yaml", "json")
    text = str(example.parsed)
    if "file" in told:
        (state.folder / told["file"]).write_text(text)
    if language == "console":
        within = float(told.get("within", "0").rstrip("%")) / 100
        _console(text, state, runs=runs, within=within)
    elif language == "python":
        _python(example, state, runs=runs)
    elif language == "yaml":
        _yaml(text, state.folder)
    elif language == "json" and "file" not in told:
        for line in text.splitlines():
            json.loads(line)
    elif language == "bash":
        _bash(text, state.folder)
    elif language == "text":
        assert not re.search(r"^\s*\$ ", text, re.MULTILINE), "a command in a block of text; make it console"


def _console(text: str, state: State, *, runs: bool, within: float) -> None:
    listed = list(console.commands(text))
    assert listed, "a block of console without a command"
    for command in listed:
        if runs:
            state.folder = console.run(command, state.folder, within=within)
        else:
            console.check(command, state.folder)


def _python(example: Example, state: State, *, runs: bool) -> None:
    text = example.parsed
    shown = text.lstrip().startswith(">>>")
    if not runs:
        examples = doctest.DocTestParser().get_examples(text)
        ast.parse("".join(each.source for each in examples) if shown else text)
        return
    with chdir(state.folder):
        if not shown:
            PythonEvaluator()(example)
            return
        for region in DocTestStringParser(DocTestEvaluator(_OPTIONS))(text, example.path):
            part = Example(example.document, example.line, 0, region, example.namespace)
            if said := region.evaluator(part):
                raise AssertionError(said)


def _yaml(text: str, folder: Path) -> None:
    """Top-level keys are those of a study, and each is valid as such."""
    with chdir(folder):
        for key, value in yaml.safe_load(text).items():
            assert key in StudyConfig.model_fields, f"{key} is no key of study.yaml"
            TypeAdapter(StudyConfig.model_fields[key].annotation).validate_python(value)


def _bash(text: str, folder: Path) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in re.findall(r"^langmix .*$", text.replace("\\\n", " "), re.MULTILINE):
        console.check(next(console.commands(f"$ {line}\n")), folder)


def commands_outside_blocks(page: str) -> Sequence[str]:
    """Lines that look like a command of a terminal and stand in no block."""
    text = (ROOT / page).read_text()
    for example in reversed(_examples(page)):
        text = text[: example.region.start] + text[example.region.end :]
    return re.findall(r"^\s*\$ .*$", text, re.MULTILINE)
