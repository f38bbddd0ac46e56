from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from browser import Browser
from html_page import Page
from planted import plant, truth

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from langmix.allocate import allocate
from langmix.errors import InputError
from langmix.languages import label
from langmix.laws import Laws, fit, held_out_predictions
from langmix.report import build_report, next_runs
from langmix.report._prices import along_budget, prices_figure
from langmix.runs import RunTable, read_runs
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
    assert {"prices-1", "prices-2", "predicted-measured"} <= names
    assert page.images == len(names)
    assert len(page.ids) == len(set(page.ids))
    for name in names:
        assert (folder / "figures" / f"{name}.svg").read_text().startswith("<?xml")
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(folder / "figures" / f"{name}.csv")) > 0
        assert f"figures/{name}.csv" in page.links
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids)


def test_people_who_hear_the_page_find_their_way(folder: Path) -> None:
    page = Page((folder / "index.html").read_text())
    assert page.language == "en"
    assert {"main", "nav", "header"} <= page.tags
    levels = [int(tag[1]) for tag in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for image in page.pictures:
        assert image["role"] == "img"
        assert image["aria-label"]
        assert image["aria-describedby"] in page.ids
    assert all(scope in ("col", "row") for scope in page.scopes)
    assert page.links[1] == "#main"  # after the icon: the link that skips to the content


def test_the_answer_stands_beside_every_other_mixture(folder: Path) -> None:
    page = Page((folder / "index.html").read_text())
    first, second = (table for name, table in page.tables if name.startswith("Allocation for"))
    assert first[0][4:] == ["uniform tokens", "price", "price at uniform"]
    assert second[0][4:6] == ["uniform tokens", "proportional tokens"]
    assert {row[0]: row[5] for row in second[1:]} == {
        name: "140B" if name == "Python" else "35B"
        for name in ("Python", "Java", "JavaScript", "TypeScript", "C#", "Go", "Rust")
    }
    data = pd.read_csv(folder / "figures" / "allocation-2.csv")
    assert data["share_proportional"].tolist() == pytest.approx([0.4] + [0.1] * 6)
    assert page.text.count("Expected gain over") == 3


def test_prices_along_the_budget_keep_the_limits_of_the_answer(planted_fit: Laws) -> None:
    limits = {"available": {"go": 1e6}, "max_epochs": 2.0, "floors": {"rust": 0.2}}
    mix = allocate(planted_fit, params=3e6, tokens=2e7, **limits)  # type: ignore[arg-type]
    along = along_budget(planted_fit, mix)
    data = prices_figure(along, mix, planted_fit, name="prices").data
    assert data["tokens"].min() <= planted_fit.reach.tokens[1]
    assert data["tokens"].max() == pytest.approx(2e8)
    tolerance = 1e-6  # of the solver
    assert (data["share"] * data["tokens"])[data["language"] == "go"].max() <= 2e6 * (1 + tolerance)
    assert data["share"][data["language"] == "rust"].min() >= 0.2 * (1 - tolerance)
    asked = data[data["tokens"] == 2e7].set_index("language")
    assert asked["share"].to_dict() == pytest.approx(mix.shares, abs=tolerance)
    assert asked["price"].to_dict() == pytest.approx(mix.prices, rel=1e-3)
    assert along_budget(planted_fit, replace(mix, asked=None)) == ()  # nobody knows what to ask again


def test_the_page_says_whether_the_runs_that_it_shows_were_fitted(
    folder: Path, tmp_path: Path, planted_runs: RunTable, planted_fit: Laws
) -> None:
    fitted = Page((folder / "index.html").read_text())
    assert "on the runs that it was fitted to" in fitted.text
    held_out = held_out_predictions(planted_runs, planted_fit)
    page = build_report(planted_runs, planted_fit, [], [], tmp_path, title="t", held_out=held_out)
    unseen = Page(page.read_text())
    assert "on runs that the fit did not see" in unseen.text
    assert "on the runs that it was fitted to" not in unseen.text
    (table,) = (table for name, table in unseen.tables if name == "Errors on held-out runs, by target")
    mine = held_out[(held_out["target"] == "java") & (held_out["split"] == "new runs")]
    error = (mine["predicted"] / mine["measured"] - 1).abs().mean()
    java = dict(zip(table[0], next(row for row in table if row[0] == "Java"), strict=True))
    assert java["new runs"] == f"{100 * error:.2f}%"


def test_what_the_runs_cannot_tell_comes_with_runs_that_would(
    tmp_path: Path, planted_runs: RunTable, planted_fit: Laws
) -> None:
    first, second, *others = planted_fit.summaries
    told = [replace(each, unidentified=(), at_bound=(), fixed=()) for each in others]
    laws = replace(
        planted_fit,
        summaries=(
            replace(first, unidentified=("tau[rust]", "R"), at_bound=(), fixed=()),
            replace(second, unidentified=("R",), at_bound=("beta",), fixed=()),
            *told,
        ),
    )
    mix = allocate(planted_fit, params=3e6, tokens=2e7)
    planned = next_runs(planted_runs, planted_fit, mix)
    page = Page(
        build_report(planted_runs, laws, [mix], [], tmp_path, title="t", next_runs=planned).read_text()
    )
    tables = dict(page.tables)
    rows = {row[0].partition(",")[0]: row for row in tables["What the runs cannot tell"][1:]}
    assert rows["R"][1] == f"{label(first.target)}, {label(second.target)}"
    assert rows["what other languages teach"][1] == f"{label(first.target)} by Rust"
    assert rows["beta"][2] == "at a bound of the search"
    bought = tables["Which runs to buy next"][1:]
    assert [row[5] for row in bought] == [
        f"{100 * step.removed:.0f}%" for step in planned.steps[: len(bought)]
    ]
    assert set(planned.sizes.values()) <= set(planted_runs.params)


def test_answers_of_other_laws_are_told(tmp_path: Path, planted_runs: RunTable, planted_fit: Laws) -> None:
    mix = allocate(planted_fit, params=3e6, tokens=2e7)
    other = replace(mix, runs_sha256="0" * 64)
    page = build_report(planted_runs, planted_fit, [other], [], tmp_path, title="t").read_text()
    assert "answer 1 was solved for with laws of another run table" in page
    foreign = replace(mix, shares={"cobol": 1.0})
    with pytest.raises(InputError, match="answer 1: is a mixture of cobol"):
        build_report(planted_runs, planted_fit, [foreign], [], tmp_path / "b", title="t")
    assert not (tmp_path / "b").exists()


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
    assert "they are equal where no limit holds" in text
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
@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_browser_shows_every_figure(folder: Path, browser: Browser, scheme: str, width: int) -> None:
    browser.open((folder / "index.html").as_uri(), scheme=scheme, width=width)
    figures = browser.all("figure svg")
    assert len(figures) == len(list((folder / "figures").glob("*.svg")))
    for figure in figures:
        assert figure.size["width"] > 250
        assert figure.size["height"] > 80
    assert browser.console() == []
    assert browser.requested_elsewhere() == []
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.faults() == []
    # Also with the data of every figure unfolded.
    browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert browser.faults() == []


@pytest.mark.browser
def test_figures_follow_the_theme_and_print_on_white(folder: Path, browser: Browser) -> None:
    page = (folder / "index.html").as_uri()
    ink = "return getComputedStyle(document.querySelector('figure svg text')).fill"
    ground = "return getComputedStyle(document.querySelector('.card')).backgroundColor"
    browser.open(page, scheme="light")
    light = browser.run(ink), browser.run(ground)
    browser.open(page, scheme="dark")
    assert browser.run(ink) != light[0]
    assert browser.run(ground) != light[1]
    browser.command(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    assert (browser.run(ink), browser.run(ground)) == light
    assert browser.run("return getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    assert browser.pdf().startswith(b"%PDF")
    browser.command("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.browser
def test_what_axe_finds_is_a_fault(tmp_path: Path, browser: Browser) -> None:
    """The check can fail: a picture without a name, and grey on grey."""
    page = tmp_path / "faulty.html"
    page.write_text(
        "<html><body><img src='data:,'><p style='color:#bbb;background:#ccc'>pale</p></body></html>"
    )
    browser.open(page.as_uri())
    rules = {fault.partition(" ")[0] for fault in browser.faults()}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= rules


def test_names_with_dollars_are_names(tmp_path: Path) -> None:
    runs = plant(truth(np.random.default_rng(0), count=2), np.random.default_rng(1))
    table = runs.to_csv().replace("java", r"$\foo$")
    (tmp_path / "runs.csv").write_text(table)
    named = read_runs(tmp_path / "runs.csv")
    laws = fit(named, law="transfer", draws=5)
    mix = allocate(laws, params=1e6, tokens=1e7)
    mix.plot().savefig(tmp_path / "a.svg")
    assert r"$\foo$" in (tmp_path / "a.svg").read_text()  # in its comments; what is drawn are outlines
