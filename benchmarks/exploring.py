"""How long the explorer takes to follow a slider: answers and curves, in the process and over the wire.

python benchmarks/exploring.py [--repeats 50] [--browser]: fits the run table that ships with langmix (seven
languages, 200 bootstrap laws), then prints medians in milliseconds, and of answer and curves the time of the
processor, which other work on the machine changes less. With --browser also from the movement of a slider to
the frame that shows its answer in headless Chromium.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import threading
import time
from collections.abc import Callable
from importlib import resources

import numpy as np

from langmix import fit, read_runs
from langmix.explore import Scenario, answer, curves, open_server

BASE = "params=4M&tokens=8M"
SCENARIOS = {
    "no limits": BASE,
    "data, epochs, floors": f"{BASE}&available.rust=300k&available.python=1M&max_epochs=2&floors.go=0.12",
    "no language worse than uniform by 1%": f"{BASE}&no_worse_than.uniform=0.01",
    "near another mixture": f"{BASE}&current.python=0.5&current.java=0.5&near.current=0.7",
    "worst language": f"{BASE}&objective=worst",
    "robust, mean": f"{BASE}&robust=mean",
    "robust, tail mean": f"{BASE}&robust=cvar",
}

FOLLOW = """
const [place, done] = arguments;
const slider = document.querySelector("#scale input[type=range]");
const begun = performance.now();
const seen = new MutationObserver(() => {
  seen.disconnect();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
});
seen.observe(document.getElementById("answer"), { attributes: true, attributeFilter: ["data-answered"] });
slider.value = place;
slider.dispatchEvent(new Event("input", { bubbles: true }));
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--browser", action="store_true")
    given = parser.parse_args()
    with resources.as_file(resources.files("langmix.data").joinpath("seven-languages.csv")) as path:
        laws = fit(read_runs(path))
    server = open_server(laws, source="laws.json", start=Scenario.from_query(BASE))
    running = threading.Thread(target=server.run)
    running.start()
    host, port = server.url.removeprefix("http://").rstrip("/").split(":")
    wire = http.client.HTTPConnection(host, int(port))

    def asked(path: str) -> None:
        wire.close()  # so that the time of a connection counts
        wire.request("GET", path)
        reply = wire.getresponse()
        content = reply.read()
        assert reply.status == 200, content

    print(f"{'milliseconds (of the processor)':<38}{'answer':>14}{'over the wire':>16}{'curves':>16}")
    try:
        for name, query in SCENARIOS.items():
            scenario = Scenario.from_query(query)
            told = [
                _took(lambda scenario=scenario: answer(laws, scenario), given.repeats),
                _took(lambda query=query: asked(f"/answer?{query}"), given.repeats),
                _took(lambda scenario=scenario: curves(laws, scenario), max(given.repeats // 5, 3)),
            ]
            print(f"{name:<38}" + "".join(f"{each:>16}" for each in told), flush=True)
        if given.browser:
            print(f"from the slider to the screen: {_followed(server.url, given.repeats)}")
    finally:
        server.stop()
        running.join()
        print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


def _followed(url: str, repeats: int) -> str:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1200"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.get(url)
    times = []
    for k in range(repeats):
        time.sleep(1.0)  # the curves of the last one are drawn
        times.append(browser.execute_async_script(FOLLOW, str(150 + k)))
    browser.quit()
    return f"{np.median(times):.0f}, 95th percentile {np.quantile(times, 0.95):.0f}"


def _took(act: Callable[[], object], repeats: int) -> str:
    act()
    times, busy = [], []
    for _ in range(repeats):
        begun, processor = time.perf_counter(), time.process_time()
        act()
        times.append(1e3 * (time.perf_counter() - begun))
        busy.append(1e3 * (time.process_time() - processor))
    return f"{np.median(times):.0f} ({np.median(busy):.0f})"


if __name__ == "__main__":
    main()
