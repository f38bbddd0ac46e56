"""What tests ask of the HTML of a page."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page, parsed.

    Attributes:
        language: of the page.
        tags: that it has.
        ids, links: in order.
        headings: tags h1 to h6 in order.
        pictures: attributes of every SVG.
        scopes: of every heading cell.
        tables: name of the region that holds each table, and its rows of texts.
        text: all that is shown.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.scopes: list[str | None] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.text = ""
        self._region = self._inside = ""
        self.feed(text)

    @property
    def images(self) -> int:
        return len(self.pictures)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if "id" in given:
            self.ids.append(given["id"])
        self.links += [given[name] for name in ("href", "src", "xlink:href") if given.get(name)]
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append(tag)
        elif tag == "svg":
            self.pictures.append(given)
        elif tag == "div" and given.get("role") == "region":
            self._region = given["aria-label"]
        elif tag == "table":
            self.tables.append((self._region, []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][1][-1].append("")
            if tag == "th":
                self.scopes.append(given.get("scope"))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside in ("th", "td"):
            self.tables[-1][1][-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
