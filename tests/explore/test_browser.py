"""The page in a real browser: what it shows is what the library gives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra explore")

from browser import Browser, chromium
from langmix import Allocation, allocate, export, prices_along
from langmix.explore import Scenario, open_server
from langmix.languages import label
from langmix.laws import Laws
from langmix.quantities import count

pytestmark = pytest.mark.browser

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"

START = Scenario(params=1e6, tokens=16e6)
LIMITED = (
    "params=1000000&tokens=16000000&available.rust=1000000&available.go=500000&max_epochs=2&floors.java=0.2"
    "&current.python=0.5&current.java=0.2&current.go=0.3&no_worse_than.uniform=0.05"
)
PINNED = "#pin=params%3D1e6%26tokens%3D16e6"


@pytest.fixture(scope="module")
def url(planted_fit: Laws) -> Iterator[str]:
    server = open_server(planted_fit, source="laws.json", start=START)
    running = threading.Thread(target=server.run)
    running.start()
    yield server.url
    server.stop()
    running.join()


@contextmanager
def window(*, width: int = 1400, scheme: str = "light") -> Iterator[Browser]:
    with chromium() as browser:
        browser.show_as(scheme=scheme, width=width, height=1200)
        yield browser


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with window() as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, url: str) -> Iterator[Any]:
    """Freshly opened; whatever a test does, no error comes to the console and no request leaves."""
    chrome.driver.get("about:blank")
    chrome.console()
    chrome.requested()
    visit(chrome.driver, url)
    yield chrome.driver
    assert chrome.console() == []
    assert [each for each in chrome.requested() if not each.startswith((url, "data:", "about:"))] == []


def visit(browser: Any, address: str) -> None:
    browser.get("about:blank")  # or another fragment alone would not load the page anew
    browser.get(address)
    settled(browser)


def settled(browser: Any) -> Scenario:
    """Wait for the curves and the file, which come last; the scenario that the page shows."""
    wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(browser, 30)
    wait.until(
        lambda b: b.execute_script(
            "const {answered, settled} = document.getElementById('answer').dataset;"
            "return answered && answered === settled && location.search === `?${answered}`"
        )
    )
    script = "return document.getElementById('answer').dataset.settled"
    return Scenario.from_query(browser.execute_script(script))


def texts(browser: Any, selector: str) -> list[str]:
    """Of all elements, shown or not, without those of marks."""
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    return list(browser.execute_script(script, selector))


def cells(browser: Any, rows: str) -> list[list[str]]:
    """Of all rows of a table."""
    script = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    return list(browser.execute_script(script, rows))


def knob(browser: Any, name: str) -> Any:
    """The slider of a name; its section is opened."""
    slider = browser.find_element("css selector", f"input[type=range][aria-label='{name}']")
    browser.execute_script("arguments[0].closest('details')?.setAttribute('open', '')", slider)
    return slider


def slide(browser: Any, name: str, place: int) -> None:
    """Drag a slider to one of its 400 places."""
    browser.execute_script(
        "const [slider, place] = arguments; slider.value = place;"
        "slider.dispatchEvent(new Event('input', {bubbles: true}))",
        knob(browser, name),
        str(place),
    )


def percent(part: float, digits: int = 1) -> str:
    return f"{100 * part:.{digits}f}%".replace("-", MINUS)


def asked(laws: Laws, scenario: Scenario) -> Allocation:
    return allocate(laws, params=scenario.params, tokens=scenario.tokens, **scenario.asked())


def check(browser: Any, laws: Laws, scenario: Scenario) -> None:
    """Every number of the answer is that of the library."""
    expected = asked(laws, scenario)
    tokens, uniform = expected.token_counts(), expected.against["uniform"]
    for name in laws.languages:
        low, high = expected.intervals[name]
        _, bar, *cells = texts(browser, f"#split tr[data-language='{name}'] > *")
        epochs = []
        if scenario.available:
            epochs = [f"{tokens[name] / scenario.available[name]:.3g}" if name in scenario.available else ""]
        assert bar == ""
        assert cells == [
            percent(expected.shares[name]),
            f"{percent(low)[:-1]} to {percent(high)}",
            count(tokens[name]),
            *epochs,
            f"{expected.prices[name] / expected.price_unit + 0.0:.2f}",  # -0.0 is 0.0
            f"{uniform.prices[name] / expected.price_unit + 0.0:.2f}",
        ]
    for target, loss in expected.losses.items():
        cells = texts(browser, f"#losses tr[data-target='{target}'] > *")
        assert cells[:3] == [label(target), f"{loss.value:.3f}", f"{loss.low:.3f} to {loss.high:.3f}"]
    for name, other in expected.against.items():
        _, value, interval, verdict, *rest = texts(browser, f"#gains [data-mixture='{name}'] p")
        gain = other.gain
        assert value == percent(gain.value, 2)
        assert interval == f"90% interval {percent(gain.low, 2)[:-1]} to {percent(gain.high, 2)}"
        sure = "" if gain.low > 0 else ": within noise" if gain.high >= 0 else ": it costs that much"
        assert verdict == f"better with probability {other.probability:.2f}{sure}"
        kept = ", ".join(label(t) for t in laws.targets if t not in other.left_out)
        assert rest == ([f"over {kept} alone: it has none of the others"] if other.left_out else [])
    assert texts(browser, "#warnings li") == list(expected.warnings)


def test_sliders_move_the_answer_to_what_python_gives(page: Any, planted_fit: Laws) -> None:
    before = settled(page)
    assert before == START
    check(page, planted_fit, before)
    for name, place, field in [
        ("Parameters", 200, "params"),
        ("Training tokens", 180, "tokens"),
        ("Rust: available tokens", 150, "available"),
        ("Most epochs", 100, "max_epochs"),
        ("Java: floor", 90, "floors"),
        ("TypeScript: ceiling", 40, "ceilings"),
        ("Go: weight", 300, "weights"),
        ("Loss above that of uniform at most", 250, "no_worse_than"),
    ]:
        slide(page, name, place)
        after = settled(page)
        assert getattr(after, field) != getattr(before, field)
        check(page, planted_fit, after)
        before = after


def test_the_keyboard_moves_a_slider_and_says_where_it_is(page: Any, planted_fit: Laws) -> None:
    slider = knob(page, "Training tokens")
    for _ in range(5):
        slider.send_keys("\ue014")  # arrow right
    after = settled(page)
    assert after.tokens > START.tokens
    assert slider.get_attribute("aria-valuetext") == count(after.tokens)
    check(page, planted_fit, after)
    said = page.find_element("id", "status").text
    assert said.startswith("Best split: Python ")
    assert percent(asked(planted_fit, after).expected_gain.value, 2) in said


def test_typed_numbers_are_taken_as_they_are_and_others_refused(page: Any, planted_fit: Laws) -> None:
    box = page.find_element("css selector", "input[aria-label='Training tokens, typed']")
    box.clear()
    box.send_keys("12345678\n")
    after = settled(page)
    assert after.tokens == 12345678
    check(page, planted_fit, after)
    box.clear()
    box.send_keys("many\n")
    assert "many: expected a number above 0" in page.find_element("css selector", ".fault:not([hidden])").text
    assert box.get_attribute("aria-invalid") == "true"
    assert settled(page) == after


def test_of_many_movements_the_last_one_counts(page: Any, chrome: Browser, planted_fit: Laws) -> None:
    for place in range(100, 220, 3):
        slide(page, "Training tokens", place)
    slide(page, "Training tokens", 140)
    after = settled(page)
    asked_for = [each for each in chrome.requested() if "/answer?" in each]
    assert len(asked_for) < 30  # one at a time, those in between left out
    assert count(after.tokens) == page.find_element(
        "css selector", "input[aria-label='Training tokens, typed']"
    ).get_attribute("value")
    check(page, planted_fit, after)


def test_a_link_holds_the_scenario_and_the_pinned_ones(page: Any, url: str, planted_fit: Laws) -> None:
    page.find_element("id", "pin").click()
    slide(page, "Java: floor", 160)
    after = settled(page)
    link = page.execute_script("return location.href")
    shown = texts(page, "#split td, #pins td, #pins th")
    visit(page, url)
    visit(page, link)
    assert settled(page) == after
    assert texts(page, "#split td, #pins td, #pins th") == shown
    check(page, planted_fit, after)
    pinned, now = asked(planted_fit, START), asked(planted_fit, after)
    rows = {row[0]: row[1:] for row in cells(page, "#pins tr") if len(row) == 3}
    difference = 100 * (pinned.shares["java"] - now.shares["java"])
    assert rows["Floors"] == ["Java 40%", DASH]
    assert rows["Gain"] == [percent(each.expected_gain.value, 2) for each in (now, pinned)]
    losses_come_last = rows["TypeScript"]
    assert losses_come_last[0] == f"{now.losses['typescript'].value:.3f}"
    assert f"{difference:+.1f}".replace("-", MINUS) in "".join(texts(page, "#pins .small"))
    page.find_element("css selector", "[aria-label='Open scenario A']").click()
    assert settled(page) == START
    page.find_element("css selector", "[aria-label='Remove scenario A']").click()
    assert not page.find_element("id", "pins").is_displayed()
    assert "#" not in page.execute_script("return location.href")


def test_limits_that_collide_are_explained_in_tokens(page: Any, url: str, planted_fit: Laws) -> None:
    slide(page, "Rust: floor", 240)
    slide(page, "Go: floor", 240)
    settled(page)
    assert not page.find_element("id", "solved").is_displayed()
    assert not page.find_element("id", "message").is_displayed()
    assert page.find_element("id", "infeasible-title").text == "No mixture of 16M tokens keeps all limits"
    reasons = page.find_element("id", "reasons").text
    assert "The floors ask for 19.2M in all" in reasons
    assert "loosen them by 3.2M tokens in all" in reasons
    assert not page.find_element("id", "save").is_displayed()
    slide(page, "Go: floor", 0)
    check(page, planted_fit, settled(page))
    assert not page.find_element("id", "infeasible").is_displayed()


def test_curves_and_their_table_are_those_of_the_library(page: Any, planted_fit: Laws) -> None:
    budgets = [START.tokens * 10 ** ((k - 5) / 5) for k in range(11)]
    along = prices_along(planted_fit, params=START.params, budgets=budgets)
    unit = asked(planted_fit, START).price_unit
    assert len(page.find_elements("css selector", "#panels svg[role=img]")) == len(planted_fit.targets)
    for kind in ("shares", "prices"):
        page.execute_script("document.getElementById(arguments[0]).click()", f"curve-{kind}")
        rows = cells(page, "#curves-table tbody tr")
        assert rows == [
            [count(at.tokens)]
            + [
                percent(at.shares[name]) if kind == "shares" else f"{at.prices[name] / unit:.2f}"
                for name in planted_fit.languages
            ]
            for at in along
        ]


def test_the_users_mixture_counts_once_it_is_whole(page: Any, planted_fit: Laws) -> None:
    slide(page, "Python: share in your mixture", 100)
    assert settled(page).current == {}
    assert "Sums to 25.0%" in page.find_element("id", "current-sum").text
    slide(page, "Go: share in your mixture", 100)
    page.find_element("xpath", "//button[text()='Scale to 100%']").click()
    after = settled(page)
    assert after.current == {"python": 0.5, "go": 0.5}
    slide(page, "Part of the tokens that may differ from your mixture", 80)
    near = settled(page)
    assert near.near == {"current": 0.1}
    check(page, planted_fit, near)


def test_the_file_of_a_trainer_is_that_of_export(page: Any, url: str, planted_fit: Laws) -> None:
    select = pytest.importorskip("selenium.webdriver.support.ui").Select
    choice = select(page.find_element("id", "trainer"))
    choice.select_by_value("nanotron")
    page.execute_script("document.querySelector('#download details').open = true")
    page.find_element("id", "path-go").send_keys("/data/go\t")
    wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(page, 10)
    wait.until(lambda b: "/data/go" in b.find_element("css selector", "pre").text)
    expected = export(asked(planted_fit, START), "nanotron", paths={"go": "/data/go"})
    assert texts(page, "pre") == [expected]
    saved = page.execute_async_script(
        "fetch(document.getElementById('save').href).then((r) => r.text()).then(arguments[0])"
    )
    assert saved == expected
    choice.select_by_value("mosaic")
    page.find_element("id", "packed").click()
    wait.until(lambda b: "tokens_per_document" in b.find_element("css selector", "#download .fault").text)
    assert not page.find_element("id", "save").is_displayed()
    page.get_log("browser")  # the browser notes the 400 by itself


def test_a_link_that_is_amiss_is_one_message(page: Any, url: str) -> None:
    page.get(f"{url}?params=-1&tokens=2")
    wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(page, 10)
    wait.until(lambda b: b.find_element("id", "message").is_displayed())
    assert page.find_element("id", "message").text.startswith("params: '-1': expected a number")
    page.get_log("browser")
    slide(page, "Parameters", 200)
    settled(page)
    assert not page.find_element("id", "message").is_displayed()


@pytest.mark.parametrize("width", [400, 500, 1000, 1400, 2000])
def test_nothing_is_wider_than_the_window(url: str, width: int) -> None:
    with window(width=width) as browser:
        visit(browser.driver, f"{url}?{LIMITED}{PINNED}")
        browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "query", ["", f"?{LIMITED}{PINNED}", "?params=1&tokens=2&floors.go=0.6&floors.rust=0.6"]
)
def test_axe_finds_no_fault(url: str, scheme: str, query: str) -> None:
    with window(scheme=scheme) as browser:
        visit(browser.driver, url + query)
        browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        assert browser.faults(impacts=("minor", "moderate", "serious", "critical")) == []


def test_a_server_that_ended_is_told(planted_fit: Laws) -> None:
    server = open_server(planted_fit, source="laws.json", start=START)
    running = threading.Thread(target=server.run)
    running.start()
    with window() as opened:
        browser = opened.driver
        visit(browser, server.url)
        server.stop()
        running.join()
        slide(browser, "Training tokens", 200)
        wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(browser, 10)
        wait.until(lambda b: b.find_element("id", "message").is_displayed())
        assert "Is `langmix explore` still running?" in browser.find_element("id", "message").text


def test_pointing_at_a_curve_tells_its_values(page: Any, planted_fit: Laws) -> None:
    actions = pytest.importorskip("selenium.webdriver").ActionChains(page)
    panel = page.find_element("css selector", "[data-panel='go'] svg")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", panel)
    actions.move_to_element_with_offset(panel, panel.size["width"] // 2 - 10, 0).perform()  # the right end
    last = prices_along(planted_fit, params=START.params, budgets=[10 * START.tokens])[0]
    losses = planted_fit.predict(params=START.params, tokens=last.tokens, shares=last.shares).loss
    for target, loss in losses.items():
        assert texts(page, f"[data-panel='{target}'] figcaption span")[1:] == ["at 160M", f"{loss:.2f}"]


def test_names_are_text(planted_fit: Laws) -> None:
    name = "<img src=x onerror=alert(1)>"
    old = planted_fit.languages[0]
    renamed = replace(
        planted_fit,
        languages=(name, *planted_fit.languages[1:]),
        targets=(name, *planted_fit.targets[1:]),
        reach=replace(
            planted_fit.reach,
            least_share={name if k == old else k: v for k, v in planted_fit.reach.least_share.items()},
        ),
    )
    server = open_server(renamed, source=f"{name}.json", start=START)
    running = threading.Thread(target=server.run)
    running.start()
    try:
        with window() as opened:
            browser = opened.driver
            visit(browser, server.url)
            slide(browser, f"{label(name)}: floor", 160)
            assert settled(browser).floors == {name: 0.4}
            assert texts(browser, "img") == []
            assert texts(browser, "#split tbody tr:first-child th") == [f"{label(name)}at its floor"]
            assert browser.get_log("browser") == []
    finally:
        server.stop()
        running.join()
