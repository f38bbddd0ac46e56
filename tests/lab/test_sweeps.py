from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from tiny import PLAN, RECIPE, SIZE  # noqa: E402

from langmix.corpus import Corpus  # noqa: E402
from langmix.design import PlannedRun  # noqa: E402
from langmix.errors import InputError, LangmixError  # noqa: E402
from langmix.evaluate import losses  # noqa: E402
from langmix.lab import (  # noqa: E402
    Local,
    Recipe,
    _local,
    sweep,
)
from langmix.lab._engine import Task, packs  # noqa: E402
from langmix.lab._results import Checkpoint, Rows, run_row  # noqa: E402
from langmix.runs import RunTable, read_runs  # noqa: E402


def sweep_all(corpus: Corpus, folder: Path) -> bytes:
    table = sweep(PLAN, sizes={"tiny": SIZE}, corpus=corpus, recipe=RECIPE, folder=folder, workers=2)
    return table.to_csv().encode()


@pytest.fixture(scope="session")
def undisturbed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sweep_all(corpus, tmp_path_factory.mktemp("undisturbed"))


def test_a_sweep_records_every_planned_checkpoint(undisturbed: bytes) -> None:
    lines = undisturbed.decode().splitlines()
    assert len(lines) == 1 + sum(len(planned.budgets) for planned in PLAN)
    assert "unique.python" in lines[0]


def test_packed_tasks_are_of_one_shape_and_keep_the_order() -> None:
    tasks = [
        Task(planned=planned, size=replace(SIZE, n_layers=1 + k % 2), price=1.0, mark="", trunk=None)
        for k, planned in enumerate(PLAN)
    ]
    made = packs(tasks, 2)
    assert sorted(t.planned.run for pack in made for t in pack) == sorted(p.run for p in PLAN)
    assert made[0][0] == tasks[0]
    assert max(map(len, made)) == 2
    for pack in made:
        assert len({(task.size, task.planned.budgets) for task in pack}) == 1


def test_a_packed_sweep_has_the_table_of_one_by_one(
    corpus: Corpus, tmp_path: Path, undisturbed: bytes
) -> None:
    engine = Local(device="cpu", workers=1, pack=4)
    table = sweep(
        PLAN, sizes={"tiny": SIZE}, corpus=corpus, recipe=RECIPE, folder=tmp_path / "runs", engine=engine
    )
    (tmp_path / "alone.csv").write_bytes(undisturbed)
    alone = read_runs(tmp_path / "alone.csv")
    assert list(table.run) == list(alone.run)
    np.testing.assert_allclose(table.losses, alone.losses, rtol=1e-4)
    np.testing.assert_array_equal(table.shares, alone.shares)


@pytest.mark.parametrize("pack", [1, 4])
def test_a_sweep_keeps_the_models_that_it_measured(corpus: Corpus, tmp_path: Path, pack: int) -> None:
    plan = [run for run in PLAN if run.arm == "grid"]
    engine, kept = Local(device="cpu", workers=1, pack=pack), tmp_path / "models"

    def again(runs: list[PlannedRun], models: Path | None = kept) -> RunTable:
        options = {"corpus": corpus, "recipe": RECIPE, "folder": tmp_path / "runs", "engine": engine}
        return sweep(runs, sizes={"tiny": SIZE}, models=models, **options)  # type: ignore[arg-type]

    table = again(plan, None)
    assert not kept.exists()
    kept_too = again(plan)  # runs without models are trained again, to the same losses
    assert kept_too.to_csv() == table.to_csv()
    for row in range(len(table)):
        model = kept / str(table.run[row]) / str(plan[0].budgets[row % 2])
        for one in losses(model, corpus, tokens=RECIPE.evaluation_tokens):
            at = table.losses[row, table.targets.index(one.language)]
            assert one.nats_per_token == pytest.approx(at, rel=1e-4)
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")}
    assert len(before) == len(table)
    again(plan)
    assert before == {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")}
    other = [replace(run, seed=7) for run in plan[:1]]
    again(other)  # of a changed run the models are other ones
    changed = [path for path, at in before.items() if path.stat().st_mtime_ns != at]
    assert {path.parent.parent.name for path in changed} == {plan[0].run}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_told(corpus: Corpus, tmp_path: Path) -> None:
    engine = Local(device="cuda", workers=1)
    with pytest.raises(InputError, match="device cuda: torch finds no GPU here"):
        sweep(PLAN[:1], sizes={"tiny": SIZE}, corpus=corpus, recipe=RECIPE, folder=tmp_path, engine=engine)


_SWEEP = """
import sys
from pathlib import Path
from tiny import PLAN, RECIPE, SIZE
from langmix.corpus import open_corpus
from langmix.lab import sweep
if __name__ == "__main__":
    corpus = open_corpus(Path(sys.argv[1]))
    sweep(PLAN, sizes={"tiny": SIZE}, corpus=corpus, recipe=RECIPE, folder=Path(sys.argv[2]), workers=2)
"""


def start(corpus: Corpus, folder: Path) -> subprocess.Popen[bytes]:
    script = folder / "go.py"
    script.write_text(_SWEEP)
    return subprocess.Popen(
        [sys.executable, str(script), str(corpus.folder), str(folder / "runs")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def wait_for_results(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while len(list((folder / "runs").glob("*.json"))) < count and process.poll() is None:
        assert time.monotonic() < deadline, "the sweep made no progress"
        time.sleep(0.02)


def test_a_killed_sweep_resumes_and_gives_the_table_of_an_undisturbed_one(
    corpus: Corpus, tmp_path: Path, undisturbed: bytes
) -> None:
    process = start(corpus, tmp_path)
    wait_for_results(tmp_path, 2, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
    assert 2 <= len(kept) < len(PLAN)
    assert sweep_all(corpus, tmp_path / "runs") == undisturbed
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # finished runs were not trained again


def children_of(process: subprocess.Popen[bytes]) -> list[str]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("needs /proc to find the workers")
    return children.read_text().split()


def test_a_lost_worker_costs_no_finished_run(corpus: Corpus, tmp_path: Path, undisturbed: bytes) -> None:
    process = start(corpus, tmp_path)
    wait_for_results(tmp_path, 1, process)
    for child in children_of(process):
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in command:
            kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
            os.kill(int(child), signal.SIGKILL)
            break
    else:
        pytest.fail("no worker to kill")
    assert process.wait(timeout=120) == 0
    assert kept.items() <= {path: path.stat().st_mtime_ns for path in kept}.items()
    assert sweep_all(corpus, tmp_path / "runs") == undisturbed


def _count_for_ever() -> None:
    while True:
        _local._advance(1.0)


def test_a_worker_killed_while_it_counts_does_not_block_the_driver() -> None:
    """Its progress is read by the driver: no lock that the dead hold may stand between."""
    with _local._pool(2, "cpu") as (pool, trained):
        counting = [pool.submit(_count_for_ever) for _ in range(2)]
        deadline = time.monotonic() + 60
        while not all(trained):
            assert time.monotonic() < deadline, "the workers did not begin"
            time.sleep(0.01)
        for process in list(pool._processes.values()):
            process.kill()
        for future in counting:
            with pytest.raises(BrokenProcessPool):
                future.result(timeout=60)
        reader = threading.Thread(target=lambda: sum(trained), daemon=True)
        reader.start()
        reader.join(timeout=10)
        assert not reader.is_alive()


def test_workers_end_with_a_driver_that_is_killed(corpus: Corpus, tmp_path: Path) -> None:
    """The driver alone: a terminal that closes kills no group."""
    process = start(corpus, tmp_path)
    wait_for_results(tmp_path, 1, process)
    workers = [Path("/proc") / child for child in children_of(process)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(running(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers are left"
        time.sleep(0.05)


def running(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class _TrackerDown(Exception):
    """Stands for a full disk, or a tracker that does not answer."""


def test_an_error_ends_the_training_of_what_is_left(corpus: Corpus, tmp_path: Path) -> None:
    def finished(table: RunTable) -> None:
        raise _TrackerDown

    before = set(multiprocessing.active_children())
    with pytest.raises(_TrackerDown):
        sweep(
            [replace(planned, budgets=(128, 60_000)) for planned in PLAN],
            sizes={"tiny": SIZE},
            corpus=corpus,
            recipe=RECIPE,
            folder=tmp_path,
            workers=2,
            finished=finished,
        )
    workers = set(multiprocessing.active_children()) - before  # a dead one is there until it is waited for
    assert not any(running(Path(f"/proc/{worker.pid}")) for worker in workers)
    assert len(list(tmp_path.glob("*.json"))) == 1


class Together:
    """An engine whose runs all diverge, and end together."""

    def train(
        self, tasks: Sequence[Task], *, corpus: Corpus, recipe: Recipe, report: object
    ) -> Generator[list[tuple[Task, Rows]], None, None]:
        nothing = dict.fromkeys(corpus.languages, math.nan)
        ends = Checkpoint(tokens=128, step=1, losses=nothing, shares={}, distinct={})
        yield [(t, [run_row(t.planned, size=t.size, corpus=corpus, checkpoint=ends)]) for t in tasks]


def test_runs_that_all_diverge_are_kept_and_told(corpus: Corpus, tmp_path: Path) -> None:
    given = {"sizes": {"tiny": SIZE}, "corpus": corpus, "recipe": RECIPE, "folder": tmp_path}
    with pytest.raises(LangmixError, match=r"all \d+ runs diverged.*lower recipe.learning_rate"):
        sweep(PLAN, engine=Together(), **given)  # type: ignore[arg-type]
    assert len(list(tmp_path.glob("*.json"))) == len(PLAN)


@pytest.mark.slow
def test_twenty_kills_cost_no_finished_run_and_no_digit(
    corpus: Corpus, tmp_path: Path, undisturbed: bytes
) -> None:
    """The driver and its workers are killed at random moments, from their imports to their last run."""
    rng, kept = np.random.default_rng(0), {}
    for _ in range(20):
        process = start(corpus, tmp_path)
        began = time.monotonic()
        wait = 2 + 5 * rng.random()
        while time.monotonic() - began < wait and process.poll() is None:
            time.sleep(0.01)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
        assert kept.items() <= now.items()
        kept = now
        if len(kept) == len(PLAN):  # begin again
            assert sweep_all(corpus, tmp_path / "runs") == undisturbed
            shutil.rmtree(tmp_path / "runs")
            kept = {}
    assert sweep_all(corpus, tmp_path / "runs") == undisturbed
    assert not list((tmp_path / "runs").glob(".*"))


@pytest.mark.slow
def test_a_full_disk_is_told_and_costs_no_finished_run(
    corpus: Corpus, tmp_path: Path, undisturbed: bytes
) -> None:
    """A disk of 100 KiB holds a trunk and a few results; elsewhere the sweep goes on with these."""
    full = tmp_path / "disk"
    full.mkdir()
    script = tmp_path / "go.py"
    script.write_text(_SWEEP.replace("workers=2", "workers=1"))
    there = (
        f'mount -t tmpfs -o size=100k none "{full}" && "$@"; '
        f'end=$?; cp -r "{full}" "{tmp_path}/kept"; exit $end'
    )
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", there, "sh", sys.executable, str(script)]
    try:
        done = subprocess.run(
            [*command, str(corpus.folder), str(full)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("needs `unshare` of util-linux for a small disk of its own")
    if "mount" in done.stderr and "Traceback" not in done.stderr:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    assert done.returncode != 0
    assert "cannot be written (No space left on device); make room there" in done.stderr
    kept = list((tmp_path / "kept").glob("*.json"))
    assert 0 < len(kept) < len(PLAN)
    assert sweep_all(corpus, tmp_path / "kept") == undisturbed


def test_a_changed_recipe_trains_anew(corpus: Corpus, tmp_path: Path) -> None:
    plan = PLAN[:1]
    other = RECIPE.model_copy(update={"learning_rate": 1e-3})
    first, second = (
        sweep(plan, sizes={"tiny": SIZE}, corpus=corpus, recipe=recipe, folder=tmp_path, workers=1).losses
        for recipe in (RECIPE, other)
    )
    assert not np.array_equal(first, second)
