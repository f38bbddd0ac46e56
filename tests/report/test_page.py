from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planted import plant, truth

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from langmix.allocate import allocate
from langmix.laws import Laws, fit
from langmix.report import build_report
from langmix.runs import RunTable
from langmix.transfer import synergy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, planted_runs: RunTable, planted_fit: Laws) -> Path:
    folder = tmp_path_factory.mktemp("page")
    mixes = [
        allocate(planted_fit, params=3e6, tokens=2e7),
        allocate(
            planted_fit,
            params=1.5e9,
            tokens=350e9,
            mixtures={
                "proportional": dict(
                    zip(planted_fit.languages, [0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], strict=True)
                )
            },
        ),
    ]
    found = synergy(planted_runs)
    build_report(
        planted_runs, planted_fit, mixes, found, folder, title="<b>Bold & more</b>", notes=["A note."]
    )
    return folder


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "src", "xlink:href") and value:
                self.links.append(value)
        self.images += tag == "svg"


def test_the_page_asks_for_nothing_from_elsewhere(folder: Path) -> None:
    text = (folder / "index.html").read_text()
    page = Page(text)
    assert all(link.startswith(("#", "figures/", "data:,")) for link in page.links)
    assert "<script" not in text
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", text)


def test_every_figure_is_there_with_its_files_and_no_id_is_used_twice(folder: Path) -> None:
    page = Page((folder / "index.html").read_text())
    names = {path.stem for path in (folder / "figures").iterdir()}
    assert {"allocation-1", "allocation-2", "scaling-curves", "exponents", "synergy-1", "transfer"} <= names
    assert page.images == len(names)
    assert len(page.ids) == len(set(page.ids))
    for name in names:
        assert (folder / "figures" / f"{name}.svg").read_text().startswith("<?xml")
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(folder / "figures" / f"{name}.csv")) > 0
        assert f"figures/{name}.csv" in page.links
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids)


def test_figures_hold_the_numbers_of_the_library(folder: Path, planted_fit: Laws) -> None:
    data = pd.read_csv(folder / "figures" / "allocation-1.csv").set_index("language")
    mix = allocate(planted_fit, params=3e6, tokens=2e7)
    assert data["share"].to_dict() == pytest.approx(mix.shares)
    assert data["tokens"].to_dict() == mix.token_counts()
    curves = pd.read_csv(folder / "figures" / "scaling-curves.csv")
    one = curves[curves["kind"] == "law"].iloc[17]
    shown = planted_fit.predict(params=one["params"], tokens=one["tokens"], shares={one["target"]: 1.0})
    assert one["loss"] == pytest.approx(shown.loss[one["target"]])
    assert one["low"] == pytest.approx(shown.low[one["target"]])


def test_text_is_escaped_and_warnings_are_shown(folder: Path) -> None:
    text = (folder / "index.html").read_text()
    assert "<b>Bold" not in text
    assert "&lt;b&gt;Bold &amp; more" in text
    assert "5,000 times the largest run" in text
    assert "A note." in text


def test_readings_say_what_holds(folder: Path, planted_fit: Laws) -> None:
    text = (folder / "index.html").read_text()
    assert "equal for languages at no limit" in text
    assert "equal at the allocation" not in text
    assert "Orange helps (above 0), purple harms (below 0)" in text
    hatched = any(
        name.startswith("tau") for summary in planted_fit.summaries for name in summary.unidentified
    )
    assert ("the prior rules." in text) == hatched


def test_parameters_at_a_bound_are_marked(tmp_path: Path, planted_runs: RunTable, planted_fit: Laws) -> None:
    first, *others = planted_fit.summaries
    bound = replace(planted_fit, summaries=(replace(first, at_bound=("alpha", "E")), *others))
    page = build_report(planted_runs, bound, [], [], tmp_path, title="t").read_text()
    assert page.count(" (bound)</td>") == 2
    assert "A hollow point lies at a bound of the search" in page
    data = pd.read_csv(tmp_path / "figures" / "exponents.csv")
    assert list(data["alpha_at_bound"]) == [True] + [False] * len(others)


def test_sentences_hold_code_labels_and_no_local_path(
    tmp_path: Path, planted_runs: RunTable, planted_fit: Laws
) -> None:
    mix = replace(
        allocate(planted_fit, params=3e6, tokens=2e7), warnings=("held: javascript 3.3%, go 2e-05%",)
    )
    laws = replace(planted_fit, provenance=replace(planted_fit.provenance, runs="/home/me/runs.csv"))
    page = build_report(planted_runs, laws, [mix], [], tmp_path, title="t", notes=["Run `a < b` again."])
    text = page.read_text()
    assert "held: JavaScript 3.3%, Go 2e-05%" in text
    assert "<code>a &lt; b</code>" in text
    assert "<code>runs.csv</code>" in text
    assert "/home/me" not in text


def test_laws_of_a_table_with_the_columns_in_another_order_say_the_same(
    tmp_path: Path, planted_runs: RunTable, planted_fit: Laws
) -> None:
    turned = RunTable.from_frame(planted_runs.frame.iloc[:, ::-1])
    build_report(planted_runs, planted_fit, [], [], tmp_path / "a", title="t")
    page = build_report(turned, planted_fit, [], [], tmp_path / "b", title="t")
    assert "fitted to another version of the run table" in page.read_text()
    first, second = (
        pd.read_csv(tmp_path / name / "figures" / "predicted-measured.csv") for name in ("a", "b")
    )
    pd.testing.assert_frame_equal(first, second)


def test_the_same_input_gives_the_same_page(
    folder: Path, tmp_path: Path, planted_runs: RunTable, planted_fit: Laws
) -> None:
    mixes = [allocate(planted_fit, params=3e6, tokens=2e7)]
    first, second = (
        build_report(planted_runs, planted_fit, mixes, [], tmp_path / name, title="t").read_bytes()
        for name in ("a", "b")
    )
    assert first == second


def test_one_language_without_pairs_or_intervals_has_a_page(tmp_path: Path) -> None:
    runs = plant(truth(np.random.default_rng(0), count=1), np.random.default_rng(1))
    laws = fit(runs, draws=0)
    page = build_report(runs, laws, [allocate(laws, params=1e6, tokens=1e7)], [], tmp_path, title="One")
    assert "What languages do for each other" not in page.read_text()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_browser_shows_every_figure(folder: Path, scheme: str, tmp_path: Path) -> None:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1100,1600"):
        options.add_argument(argument)
    if scheme == "dark":
        options.add_argument("--force-dark-mode")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.get((folder / "index.html").as_uri())
        figures = browser.find_elements("css selector", "figure svg")
        assert len(figures) == len(list((folder / "figures").glob("*.svg")))
        for figure in figures:
            assert figure.size["width"] > 300
            assert figure.size["height"] > 100
            assert figure.get_attribute("aria-label")
        assert browser.get_log("browser") == []
        requested = [
            entry["message"]
            for entry in browser.get_log("performance")
            if "requestWillBeSent" in entry["message"]
        ]
        assert all('"url":"file:' in message or '"url":"data:' in message for message in requested)
        # Nothing is wider than the window.
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        browser.quit()
