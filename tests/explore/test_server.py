from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="needs the extra explore")
pytest.importorskip("httpx2", reason="starlette's client needs httpx2")

from starlette.testclient import TestClient

import langmix
from langmix import allocate, export
from langmix.allocate import mixture_json, read_mixture
from langmix.explore import Scenario
from langmix.explore._app import build_app
from langmix.laws import Laws
from langmix.runs import read_runs

START = Scenario(params=1e6, tokens=16e6)
QUERY = "params=1e6&tokens=16e6&floors.rust=0.1"
STATIC = Path(langmix.__file__).parent / "explore" / "static"


@pytest.fixture(scope="module")
def client(planted_fit: Laws) -> TestClient:
    """Exceptions of the application are raised, so that every test sees that there are none."""
    app = build_app(planted_fit, source="laws.json", start=START, names={"localhost"})
    return TestClient(app, base_url="http://localhost:8270")


def test_the_page_is_whole_and_asks_for_nothing_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    texts = [page.text]
    for path in sorted(STATIC.iterdir()):
        if path.name != "index.html":
            found = client.get(f"/static/{path.name}")
            assert found.status_code == 200
            assert found.text == path.read_text()
            texts.append(found.text)
    for text in texts:
        assert not re.search(r"//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]", text)  # no other host
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page.text)  # nothing inline


def test_every_response_forbids_what_the_page_does_not_need(client: TestClient) -> None:
    for path in ("/", "/about", f"/answer?{QUERY}", "/static/main.js", "/nothing", "/answer?bad"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_the_answer_over_the_wire_is_that_of_python(client: TestClient, planted_fit: Laws) -> None:
    found = client.get(f"/answer?{QUERY}").json()
    expected = allocate(planted_fit, params=1e6, tokens=16e6, floors={"rust": 0.1})
    assert found["allocation"] == json.loads(mixture_json(expected))["allocation"]
    assert found["token_counts"] == expected.token_counts()


def test_about_says_what_may_be_asked(client: TestClient, planted_fit: Laws) -> None:
    about = client.get("/about").json()
    assert [each["name"] for each in about["languages"]] == list(planted_fit.languages)
    assert Scenario.from_query(about["start"]) == START
    assert "bits_per_byte" not in about["objectives"]  # the planted table has no bytes per token
    for name, (low, high) in about["ranges"].items():
        smallest, largest = getattr(planted_fit.reach, name)
        assert low < smallest < largest < high


@pytest.mark.parametrize(
    ("trainer", "more"), [("megatron", ""), ("json", ""), ("huggingface", "&packed=true")]
)
def test_files_are_those_of_export(client: TestClient, planted_fit: Laws, trainer: str, more: str) -> None:
    found = client.get(f"/export/{trainer}?{QUERY}{more}&paths.go=/data/go")
    expected = export(
        allocate(planted_fit, params=1e6, tokens=16e6, floors={"rust": 0.1}),
        trainer,
        paths={"go": "/data/go"},
        packed=bool(more),
    )
    assert found.text == expected
    assert re.fullmatch(r'attachment; filename="mixture[\w.-]*"', found.headers["content-disposition"])


def test_a_mixture_that_was_saved_is_read(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    path.write_text(client.get(f"/export/json?{QUERY}").text)
    assert read_mixture(path).shares["rust"] >= 0.1 - 1e-9


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"/export/nothing?{QUERY}", "trainer: 'nothing' is not known"),
        (f"/export/litdata?{QUERY}", "litdata: samples are documents or packed rows"),
        (f"/export/megatron?{QUERY}&paths.go=%0A", "paths: go is '\\n'"),
        ("/export/json?params=1e6&tokens=16e6&floors.rust=0.9&floors.go=0.9", "no mixture of 16M tokens"),
        ("/answer?params=1e6&tokens=16e6&weights.rust=0", "weights: {'rust': 0.0}; expected"),
        ("/answer?params=1e6&tokens=16e6&near.current=0.1", "near: unknown mixture 'current'"),
        ("/answer?params=1e6&tokens=16e6&current.go=0.5", "mixtures: current: shares"),
        ("/answer?params=1e6&tokens=16e6&max_epochs=2", "max_epochs: 2 limits nothing"),
        ("/curves?params=1e6&tokens=16e6&objective=best", "objective: 'best' is not known"),
    ],
)
def test_bad_questions_get_one_message(client: TestClient, path: str, message: str) -> None:
    found = client.get(path)
    assert found.status_code == 400
    assert found.json()["error"].startswith(message)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "[", "127.0.0.1.evil.example:8270"]
)
def test_names_that_a_foreign_dns_may_point_here_are_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/about", "/static/main.js"):
        assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8270", "[::1]:8270", "192.168.1.4"])
def test_addresses_are_served(client: TestClient, host: str) -> None:
    assert client.get("/about", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_may_link_here_but_not_ask(client: TestClient) -> None:
    foreign = [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ]
    for headers in foreign:
        for path in ("/about", f"/answer?{QUERY}", f"/export/json?{QUERY}", "/static/main.js"):
            assert client.get(path, headers=headers).status_code == 403
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200
    assert client.get("/about", headers={"origin": "http://localhost:8270"}).status_code == 200


def test_nothing_but_reading_and_no_bodies(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        for path in ("/", "/about", "/answer", "/curves", "/export/json", "/static/main.js"):
            assert client.request(method, path).status_code == 405
    assert client.request("GET", "/answer", content=b"{}").status_code == 413
    assert client.post("/answer", content=b"x" * 10_000_000).status_code == 413
    assert client.get("/answer?" + "x" * 40_000).status_code == 414


@pytest.mark.parametrize(
    "path",
    [
        "/static/../_app.py",
        "/static/%2e%2e/_app.py",
        "/static/..%2f_app.py",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/static/..%5c_app.py",
        "/static/main.js%00",
        "/static/",
        "/export/../about.py",
        "/_app.py",
    ],
)
def test_no_path_leads_out_of_the_folder(client: TestClient, path: str) -> None:
    found = client.get(path)
    assert found.status_code == 404
    assert set(found.json()) == {"error"}


anything = st.text(max_size=30)
odd = ["0", "1", "0.5", "-1", "1e-30", "1e30", "1e300", "nan", "Infinity", "1e6", "350B", "true", "{}", ""]
nearly = st.sampled_from([*odd, "1" * 400])
fields = st.sampled_from([*Scenario.model_fields])
inner = st.sampled_from(["rust", "go", "python", "uniform", "current", "proportional", "cobol", ""])
keys = st.one_of(anything, fields, st.builds("{}.{}".format, fields, inner))
queries = st.lists(st.tuples(keys, nearly | anything), max_size=8)
scales = st.tuples(nearly | st.floats(1e-30, 1e30).map(repr), nearly | st.floats(1e-30, 1e30).map(repr))


@given(scale=scales, more=queries, path=st.sampled_from(["answer", "answer", "curves", "export/megatron"]))
@example(scale=("1e-30", "1e-30"), more=[], path="curves")
@example(scale=("1e30", "1e-30"), more=[], path="export/megatron")
@example(scale=("1e30", "1e30"), more=[("no_worse_than.uniform", "0")], path="curves")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_question_breaks_it(
    client: TestClient, scale: tuple[str, str], more: list[tuple[str, str]], path: str
) -> None:
    query = urlencode([("params", scale[0]), ("tokens", scale[1]), *more])
    found = client.get(f"/{path}?{query}")
    assert found.status_code in (200, 400)
    if found.status_code == 400:
        message = found.json()["error"]
        assert message
        assert "\n" not in message.strip()
    elif not path.startswith("export"):
        json.loads(found.text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@given(query=st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_it(client: TestClient, query: str) -> None:
    assert client.get("/answer?" + quote(query, safe="&=.+%")).status_code == 400


def test_laws_without_draws_give_answers_without_intervals() -> None:
    table = read_runs(Path(langmix.__file__).parent / "data" / "seven-languages.csv")
    laws = langmix.fit(table, law="chinchilla", draws=0)
    app = build_app(laws, source="laws.json", start=START, names={"localhost"})
    found = (
        TestClient(app, base_url="http://localhost")
        .get("/answer?params=1e6&tokens=16e6")
        .json()["allocation"]
    )
    assert found["intervals"]["go"] == [None, None]
    assert found["against"]["uniform"]["gain"]["low"] is None
