"""A page in headless Chromium, and what tests ask of it: what is drawn, logged, requested, and at fault.

`make browser` installs Chromium and axe-core. The fixture ``browser`` (conftest.py) opens pages and apps::

    browser.open(url, scheme="dark", width=500)
    assert browser.console() == [] and browser.requested_elsewhere() == [] and browser.faults() == []
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from langmix.corpus._packages import cache_folder

AXE = cache_folder() / "axe" / "node_modules" / "axe-core" / "axe.min.js"


class Browser:
    """Chromium, driven by Selenium."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str, *, scheme: str = "light", width: int = 1100, height: int = 1600) -> None:
        """Open a page in a colour scheme and a width in pixels; what earlier pages logged is forgotten."""
        self.console()
        self.requested_elsewhere()
        self.show_as(scheme=scheme, width=width, height=height)
        self.driver.get(url)

    def show_as(self, *, scheme: str, width: int, height: int) -> None:
        """A colour scheme, and a window in pixels."""
        self.command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        self.command(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def command(self, name: str, **arguments: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str) -> Any:
        """What a script returns in the page."""
        return self.driver.execute_script(script)

    def all(self, selector: str) -> list[Any]:
        """Elements by a CSS selector."""
        return list(self.driver.find_elements("css selector", selector))

    def console(self) -> list[str]:
        """What was logged to the console since the last question."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Addresses that were asked for since the last question."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def requested_elsewhere(self) -> list[str]:
        """Addresses beyond this machine that were asked for since the last question."""
        here = (
            "file:",
            "data:",
            "blob:",
            "http://127.0.0.1",
            "http://localhost",
            "http://[::1]",
            "ws://127.",
        )
        return [url for url in self.requested() if not url.startswith(here)]

    def faults(self, *, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
        """Faults that axe-core finds in the page as it is, one line per rule and element."""
        if not AXE.is_file():
            pytest.skip(f"needs axe-core at {AXE} (`make browser` installs it)")
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; axe.run().then(done, e => done(String(e)))"
        )
        assert isinstance(found, dict), found
        return [
            f"{each['id']} ({each['impact']}): {each['help']}: {node['target']}: {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in impacts
            for node in each["nodes"]
        ]

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it prints on A4."""
        printed = self.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(printed["data"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is closed again; skips the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver (`make browser` installs them, on Debian)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
