"""What apt is told so that it fetches source packages, and changes nothing of the system's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"[ \t]*deb(?:-src)?(?=[ \t])")
_TYPES: Final = re.compile(r"^types:(.*(?:\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)


def source_entries(name: str, text: str) -> str:
    """The entries of a file of apt's sources, as entries of source packages.

    They stay in the file's format, with what they are signed by; empty where there are none.

    Args:
        name: of the file, whose suffix tells the format: .list (an entry per line) or .sources (stanzas).
            Files of other suffixes are not apt's.
        text: its content.
    """
    if name.endswith(".list"):
        entries = [_LINE.sub("deb-src", line).strip() for line in text.splitlines() if _LINE.match(line)]
        return "".join(f"{entry}\n" for entry in dict.fromkeys(entries))
    if not name.endswith(".sources"):
        return ""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stanzas = [
        _TYPES.sub("Types: deb-src", stanza).strip("\n")
        for stanza in re.split(r"\n[ \t]*(?:\n|$)", plain)
        if (types := _TYPES.search(stanza)) and {"deb", "deb-src"} & set(types[1].split())
    ]
    return "".join(f"{stanza}\n\n" for stanza in stanzas)


def apt_sources(folder: Path) -> dict[str, str]:
    """Entries of source packages, by a file's name, from those in apt's own folder.

    Files that may not be read (some hold passwords) are left out.
    """
    listed = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    found = {}
    for number, path in enumerate(listed):
        try:
            entries = source_entries(path.name, path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
        if entries:
            found[f"{number}-{path.name}"] = entries
    return found


def lay_out(folder: Path, sources: Mapping[str, str]) -> Path:
    """Lay out a folder in which apt keeps its lists and its cache apart from the system's.

    The commands that a system has apt run beside an update are left out.

    Returns:
        The file of configuration to hand to apt.
    """
    parts = folder / "parts"
    for made in (parts, folder / "lists" / "partial", folder / "cache" / "archives" / "partial"):
        made.mkdir(parents=True)
    for name, entries in sources.items():
        (parts / name).write_text(entries, encoding="utf-8")
    configuration = folder / "apt.conf"
    configuration.write_text(
        f"""\
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{parts}";
Dir::State::lists "{folder / "lists"}";
Dir::Cache "{folder / "cache"}";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
""",
        encoding="utf-8",
    )
    return configuration
