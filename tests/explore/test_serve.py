from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra explore")

from langmix.errors import InputError
from langmix.explore import Scenario, open_server
from langmix.explore._serve import Server
from langmix.laws import Laws, write_laws
from terminal import langmix

START = Scenario(params=1e6, tokens=16e6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, planted_fit: Laws) -> Path:
    folder = tmp_path_factory.mktemp("explore")
    write_laws(planted_fit, folder / "laws.json")
    return folder


def server(laws: Laws, port: int | None, host: str = "127.0.0.1") -> Server:
    return open_server(laws, source="laws.json", start=START, host=host, port=port)


def test_without_a_port_the_next_free_one_is_taken(planted_fit: Laws) -> None:
    first, second = server(planted_fit, None), server(planted_fit, None)
    with first._socket, second._socket:
        assert first.url != second.url
        assert first.local
        assert first.url.startswith("http://127.0.0.1:")


def test_addresses_that_cannot_be_had_are_told(planted_fit: Laws) -> None:
    with pytest.raises(InputError, match=r"host: '192\.0\.2\.1' is no address of this machine"):
        server(planted_fit, None, host="192.0.2.1")
    with pytest.raises(InputError, match=r"host: 'no such host' is no address"):
        server(planted_fit, None, host="no such host")


def test_all_addresses_are_said_to_be_reachable(planted_fit: Laws) -> None:
    everywhere = server(planted_fit, None, host="0.0.0.0")
    with everywhere._socket:
        assert not everywhere.local
        assert "0.0.0.0" not in everywhere.url


def test_a_port_in_use_is_one_message(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = langmix("explore", "laws.json", "--port", port, "--no-browser", cwd=folder)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"error: --port: {port} is in use; give another, or leave it out to take the next free one\n"
    )


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"schema_version": 99}, [], "laws.json: schema version 99 is newer than this langmix reads"),
        ({}, ["--current", "none.json"], "none.json: there is no such file"),
        ({}, ["--current", "half.json"], "--current half.json: {'go': 0.5} sum to 0.5"),
        ({}, ["--current", "cobol.json"], "--current cobol.json: unknown name 'cobol'"),
        ({}, ["--tokens", "many"], "--tokens: 'many'; expected a number"),
        ({}, ["--tokens", "1e200"], "--tokens: 1e+200: Input should be less than or equal to 1"),
    ],
)
def test_bad_input_is_one_message(
    folder: Path, tmp_path: Path, change: dict[str, int], arguments: list[str], message: str
) -> None:
    content = json.loads((folder / "laws.json").read_text())
    (tmp_path / "laws.json").write_text(json.dumps(content | change))
    (tmp_path / "half.json").write_text('{"go": 0.5}')
    (tmp_path / "cobol.json").write_text('{"cobol": 1}')
    refused = langmix("explore", "laws.json", "--no-browser", *arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_command_serves_until_it_is_interrupted(folder: Path) -> None:
    langmix("allocate", "laws.json", "--params", "2M", "--tokens", "32M", cwd=folder)
    command = [sys.executable, "-m", "langmix", "explore", "laws.json", "--current", "mixture.json"]
    running = subprocess.Popen(
        [*command, "--no-browser", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert told["local"] is True
        host, port = told["url"].removeprefix("http://").rstrip("/").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("GET", "/about")
        start = Scenario.from_query(json.loads(connection.getresponse().read())["start"])
        assert (start.params, start.tokens) == (2e6, 32e6)  # those of the mixture
        assert sum(start.current.values()) == pytest.approx(1)
        connection.request("GET", f"/answer?{start.query()}")
        current = json.loads(connection.getresponse().read())["allocation"]["against"]["current"]
        assert abs(current["gain"]["value"]) < 1e-9  # it was the best
        connection.close()
        # As it was sent, without a client that would tidy it.
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            raw.sendall(b"GET /static/../_app.py HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 404")
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "", "")


def test_without_the_extra_the_command_that_installs_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "langmix.explore._serve")
    refused = langmix("explore", "laws.json", "--no-browser", cwd=folder)
    assert refused.returncode == 2
    assert "run `pip install 'langmix[explore]'`" in refused.stderr
