"""The routines of the Snowball stemmers in six languages, as the Snowball compiler writes them.

The package holds the compiler and not what it writes, so it is built from its C sources and run on each
algorithm, in a folder that is deleted: the one place where langmix runs what it fetched. What it writes is
only read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from langmix.corpus._archives import read_archive
from langmix.corpus._packages import ClientMissingError
from langmix.corpus.pairing._items import Item
from langmix.errors import InputError, LangmixError

_MODULES: Final = "libstemmer/modules.txt"
_BUILD_SECONDS: Final = 300
_RUN_SECONDS: Final = 60
_WORD: Final = re.compile(r"\w+")


class _Shape(NamedTuple):
    """A language of the compiler's.

    Attributes:
        options: of the compiler, with the algorithm's name and that of its class.
        suffix: of the file that it writes.
        header: how a routine begins, with its indentation and its name.
    """

    options: tuple[str, ...]
    suffix: str
    header: re.Pattern[str]


def _header(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^(?P<indent> *){pattern}$", re.MULTILINE)


_SHAPES: Final = {
    "csharp": _Shape(
        ("-cs", "-n", "{title}Stemmer"),
        ".cs",
        _header(r"(?:private|public|protected override) bool (?P<name>\w+)\(\)"),
    ),
    "go": _Shape(
        ("-go", "-gop", "{name}"),
        ".go",
        _header(r"func (?P<name>\w+)\(env \*snowballRuntime\.Env\b.*\) bool \{"),
    ),
    "java": _Shape(
        ("-j", "-n", "{name}Stemmer", "-p", "org.tartarus.snowball.SnowballStemmer"),
        ".java",
        _header(r"(?:private|public) boolean (?P<name>\w+)\(\) \{"),
    ),
    "javascript": _Shape(
        ("-js", "-n", "{title}Stemmer"),
        ".js",
        _header(
            r"(?:/\*\* @return \{boolean\} \*/\n *function |this\.)(?P<name>\w+)"
            r"(?: = /\*\* @return \{boolean\} \*/ function)?\(\) \{"
        ),
    ),
    "python": _Shape(("-py", "-n", "{title}Stemmer"), ".py", _header(r"def (?P<name>\w+)\(self\):")),
    "rust": _Shape(
        ("-rust",), ".rs", _header(r"(?:pub )?fn (?P<name>\w+)\(env: &mut SnowballEnv\b.*\) -> bool \{")
    ),
}


class BuildError(LangmixError):
    """The Snowball compiler could not be built, or failed."""


def algorithms(modules: str) -> list[str]:
    """The stemmers that a modules.txt lists for UTF-8."""
    lines = (line.split() for line in modules.splitlines() if not line.startswith("#"))
    return [words[0] for words in lines if len(words) > 1 and "UTF_8" in words[1].split(",")]


def routines(language: str, source: str) -> dict[str, str]:
    """The text of each routine of a stemmer, by the name that it has in all languages.

    The compiler indents what it writes, so that a routine ends with the first brace that is closed in the
    column of its header, in Python before the first line in that column: what strings hold does not matter.

    Args:
        language: one of the six.
        source: what the compiler wrote.

    Raises:
        InputError: a routine does not end, or occurs twice.
    """
    header = _SHAPES[language].header
    found: dict[str, str] = {}
    for match in header.finditer(source):
        indent = match["indent"]
        # Python's names are private ones. What is exported has no r_, and in Go a capital.
        name = match["name"].lstrip("_")
        name = name if name.startswith("r_") else name.lower()
        if language == "python":
            end = re.compile(rf"(?:\n(?:{indent} +\S.*|[ ]*))*(?=\n|$)").match(source, match.end())
        else:
            end = re.compile(rf"^{indent}\}};?$", re.MULTILINE).search(source, match.end())
        text = source[match.start() : end.end()].rstrip() if end else ""
        if len(header.findall(text)) != 1 or name in found:
            raise InputError(
                f"Snowball's {language}: the routine {name} does not end, or occurs twice; expected what the "
                "Snowball compiler writes"
            )
        found[name] = textwrap.dedent(text)
    return found


def align(sources: Mapping[str, Mapping[str, str]]) -> list[Item]:
    """Items of the routines that a stemmer has in each of its languages.

    Left out: routines that in some language differ from an earlier one in no word (in Python most name the
    stemmer's class, so that Python alone would not tell).

    Args:
        sources: what the compiler wrote, by stemmer and language.

    Raises:
        InputError: a source is not the compiler's.
    """
    items: list[Item] = []
    seen: set[tuple[str, str]] = set()
    for stemmer, by_language in sources.items():
        found = {language: routines(language, source) for language, source in by_language.items()}
        for name in found["python"]:
            texts = {language: named[name] for language, named in found.items() if name in named}
            words = {(language, " ".join(_WORD.findall(text))) for language, text in texts.items()}
            if len(texts) < len(found) or words & seen:
                continue
            seen |= words
            items.append(Item(f"{stemmer}/{name}", texts))
    return items


def read_snowball(archive: Path) -> list[Item]:
    """Routines of the stemmers of an archive of Snowball's sources; its compiler is built and run.

    Raises:
        InputError: the archive is not Snowball's.
        ClientMissingError: there is no C compiler.
        BuildError: the Snowball compiler cannot be built, or fails on an algorithm.
    """
    members = {"/".join(PurePosixPath(name).parts[1:]): content for name, content in read_archive(archive)}
    stemmers = algorithms(members.get(_MODULES, b"").decode("utf-8", errors="replace"))
    needed = [f"algorithms/{stemmer}.sbl" for stemmer in stemmers]
    if not needed or not all(name in members for name in (*needed, "compiler/driver.c")):
        raise InputError(
            f"{archive}: is not an archive of Snowball's sources; expected its compiler, {_MODULES} and the "
            "algorithms that this lists"
        )
    with tempfile.TemporaryDirectory(prefix="langmix-") as temporary:
        folder = Path(temporary)
        for name, content in members.items():
            parent, _, file = name.rpartition("/")
            if name in needed or (parent == "compiler" and file.endswith((".c", ".h"))):
                (folder / file).write_bytes(content)
        compiler = _build(folder)
        return align({stemmer: _generate(compiler, folder, stemmer) for stemmer in stemmers})


def _build(folder: Path) -> Path:
    """Build the Snowball compiler from the C sources in a folder."""
    cc = shutil.which("cc")
    if cc is None:
        raise ClientMissingError(
            "snowball: cc is not installed, and builds the compiler that writes these texts; install a C "
            "compiler (the package gcc, on Debian), then run again"
        )
    sources = sorted(path.name for path in folder.glob("*.c"))
    _run([cc, "-w", "-o", "snowball", *sources], folder, "its compiler cannot be built", _BUILD_SECONDS)
    return folder / "snowball"


def _generate(compiler: Path, folder: Path, stemmer: str) -> dict[str, str]:
    """What the Snowball compiler writes for a stemmer, by language."""
    written = {}
    for language, shape in _SHAPES.items():
        options = [option.format(name=stemmer, title=stemmer.capitalize()) for option in shape.options]
        _run(
            [str(compiler), f"{stemmer}.sbl", *options, "-o", stemmer],
            folder,
            f"{stemmer}.sbl cannot be compiled to {language}",
            _RUN_SECONDS,
        )
        written[language] = (folder / f"{stemmer}{shape.suffix}").read_text(encoding="utf-8")
    return written


def _run(command: Sequence[str], folder: Path, failure: str, seconds: int) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"snowball: {failure}: no end after {seconds} s; run again when the machine is less busy"
        ) from None
    except OSError as error:
        raise BuildError(f"snowball: {failure} ({error})") from None
    if done.returncode:
        told = (done.stderr or done.stdout).decode("utf-8", errors="replace").strip().splitlines()
        reason = told[0] if told else f"exit code {done.returncode}"
        raise BuildError(f"snowball: {failure} ({reason}); check the C compiler, then run again")
