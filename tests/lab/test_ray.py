"""The engine `ray` on a real cluster: a head and another node, each some processes on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("ray")

from tiny import RECIPE, SIZE

from langmix.corpus import Corpus
from langmix.design import grid, mixtures
from langmix.errors import LangmixError
from langmix.lab import sweep
from langmix.lab._cluster import connected

# Some seconds a run, so that what is killed is in the middle of one.
PLAN = [
    *grid(["python", "rust"], sizes=["tiny"], budgets=[25_600, 51_200]),
    *mixtures(["python", "rust"], count=3, size="tiny", budgets=[51_200]),
]

_DRIVER = """
import json
import sys
from pathlib import Path
from tiny import RECIPE, SIZE
from test_ray import PLAN
from langmix.corpus import open_corpus
from langmix.lab import Ray, sweep
corpus = open_corpus(Path(sys.argv[1]))
if sys.argv[4] == "elsewhere":  # from here on another corpus lies at that path
    path = corpus.folder / "corpus.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
engine, folder = Ray(**json.loads(sys.argv[3])), Path(sys.argv[2])
options = {"corpus": corpus, "recipe": RECIPE, "folder": folder, "engine": engine}
table = sweep(PLAN, sizes={"tiny": SIZE}, models=folder / "models", **options)
(folder / "table.csv").write_text(table.to_csv())
"""


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def processes(root: int) -> dict[int, bytes]:
    """A process and all below it, with their command lines."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, left = {}, [root]
    while left:
        pid = left.pop()
        try:
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        left += children.get(pid, [])
    return found


def working(node: subprocess.Popen[bytes]) -> list[int]:
    """Workers of a node that are in the middle of a run: Ray writes the function into their title."""
    return [pid for pid, command in processes(node.pid).items() if command.startswith(b"ray::_work")]


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"in {seconds:g} s: {what}"
        time.sleep(0.05)


class Cluster:
    """A head and whatever nodes join, of one core each; all of their processes and files go at the end."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self.nodes = f"127.0.0.1:{port}", []
        self.folder = Path(tempfile.mkdtemp(prefix="lm", dir="/tmp"))  # short: sockets lie below it
        self.start("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={self.folder}")

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        before = self.alive()
        command = ["start", "--block", "--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000"]
        node = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", *command, *options],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.nodes.append(node)
        until(lambda: self.alive() > before or node.poll() is not None, "the node did not start")
        assert node.poll() is None, "ray start failed"
        return node

    def join(self) -> subprocess.Popen[bytes]:
        return self.start(f"--address={self.address}")

    def alive(self) -> int:
        """Nodes whose raylet has a worker or waits for one."""
        return sum(
            any(b"raylet/raylet" in command for command in processes(node.pid).values())
            for node in self.nodes
        )

    def stop(self) -> None:
        for node in self.nodes:
            kill(list(processes(node.pid)))
            node.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to find the processes of a node")
    found = Cluster()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models of an undisturbed sweep are kept."""
    return tmp_path_factory.mktemp("local") / "models"


@pytest.fixture(scope="module")
def local(corpus: Corpus, kept: Path) -> str:
    options = {"corpus": corpus, "recipe": RECIPE, "folder": kept.parent, "workers": 2}
    return sweep(PLAN, sizes={"tiny": SIZE}, models=kept, **options).to_csv()  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, but for fingerprints of what went into it."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "fingerprint"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


class Driver:
    """A sweep on a cluster, in a process of its own."""

    def __init__(
        self, folder: Path, corpus: Path, cluster: Cluster, place: str = "shared", **options: object
    ):
        script, options = folder / "drive.py", {"address": cluster.address, **options}
        script.write_text(_DRIVER)
        self.folder = folder / "runs"
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(corpus), str(self.folder), json.dumps(options), place],
            env=environment(),
            stderr=subprocess.PIPE,
        )

    def ended(self) -> list[Path]:
        return list(self.folder.glob("*.json"))

    def wait(self, seconds: float = 240) -> str:
        """What it wrote on stderr, once it has ended."""
        try:
            return self.process.communicate(timeout=seconds)[1].decode()
        finally:
            self.process.kill()


@pytest.mark.ray
def test_a_sweep_that_loses_a_worker_and_a_node_has_the_table_of_an_undisturbed_local_one(
    cluster: Cluster, corpus: Corpus, local: str, tmp_path: Path
) -> None:
    second = cluster.join()
    driver = Driver(tmp_path, corpus.folder, cluster)
    try:
        until(lambda: working(cluster.nodes[0]), "no run began on the head")
        kill(working(cluster.nodes[0]))
        until(lambda: working(second), "no run began on the second node")
        assert len(driver.ended()) < len(PLAN)
        kill(list(processes(second.pid)))
    finally:
        errors = driver.wait()
    assert driver.process.returncode == 0, errors
    assert (driver.folder / "table.csv").read_text() == local


@pytest.mark.ray
def test_tokens_are_shipped_to_workers_that_do_not_see_the_corpus(
    cluster: Cluster, corpus: Corpus, local: str, kept: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "corpus"
    shutil.copytree(corpus.folder, copy)
    driver = Driver(tmp_path, copy, cluster, place="elsewhere")
    assert (driver.wait(), driver.process.returncode)[1] == 0
    assert (driver.folder / "table.csv").read_text() == local
    models = files(driver.folder / "models")
    assert {name.rpartition("/")[2] for name in models} == {
        "config.json",
        "model.json",
        "model.safetensors",
        "tokenizer.json",
    }
    assert models == files(kept)  # and models come back from where their folder is not seen


@pytest.mark.ray
def test_a_model_is_sharded_over_two_processes_of_a_worker(
    cluster: Cluster, corpus: Corpus, local: str, tmp_path: Path
) -> None:
    driver = Driver(tmp_path, corpus.folder, cluster, ranks=2)
    assert (driver.wait(), driver.process.returncode)[1] == 0
    lines = [(driver.folder / "table.csv").read_text().splitlines(), local.splitlines()]
    loss = lines[0][0].split(",").index("loss.python")
    ours, theirs = ([float(line.split(",")[loss]) for line in each[1:]] for each in lines)
    assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.ray
def test_a_run_that_no_node_can_hold_is_told(cluster: Cluster, corpus: Corpus, tmp_path: Path) -> None:
    driver = Driver(tmp_path, corpus.folder, cluster, gpus_per_run=2, patience=1)
    assert "no node of the Ray cluster can hold a run, which takes 1 CPU, 2 GPU (nodes: 1 CPU, 0 GPU" in (
        driver.wait()
    )
    assert driver.process.returncode != 0


def test_an_address_where_nothing_answers_is_told_within_seconds() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # bound, not listening
        began = time.monotonic()
        with (
            pytest.raises(LangmixError, match=rf"no Ray cluster answers at ray://127\.0\.0\.1:{port} \("),
            connected(f"ray://127.0.0.1:{port}"),
        ):
            pass
    assert time.monotonic() - began < 30
