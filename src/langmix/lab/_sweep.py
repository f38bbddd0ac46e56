"""Train many runs, restartable: what is left to do, in which order, its results on disk, their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rich.progress import Progress

from langmix import files
from langmix.corpus import Corpus
from langmix.design import PlannedRun
from langmix.errors import LangmixError
from langmix.lab._engine import Engine, Task
from langmix.lab._estimate import price
from langmix.lab._local import Local
from langmix.lab._recipe import Recipe
from langmix.lab._results import (
    fingerprint,
    mark_models,
    models_kept,
    models_path,
    read_result,
    result_path,
    run_table,
    trunk_path,
    unmark_models,
    write_result,
)
from langmix.lab._sizes import ModelSize
from langmix.runs import RunTable


def sweep(
    runs: Sequence[PlannedRun],
    *,
    sizes: Mapping[str, ModelSize],
    corpus: Corpus,
    recipe: Recipe,
    folder: Path,
    models: Path | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    finished: Callable[[RunTable], None] = lambda table: None,
) -> RunTable:
    """Train what is not trained yet and return the run table of all of it.

    Args:
        runs: the plan.
        sizes: models by name.
        corpus: token shards.
        recipe: hyperparameters.
        folder: of finished runs, one file each, written when the run ends, never half of one; and of the
            trunks of those under way.
        models: folder to keep the models of the runs in, a folder each; runs that were trained without are
            trained again. Default: they are not kept.
        workers: processes of the engine `local`; default: one per core that this process may use.
        engine: where runs are trained; default: `local`.
        progress: to show tokens trained and time left on.
        finished: given the table so far whenever a run ends.

    Raises:
        LangmixError: a worker was lost again and again (most often: out of memory), or all runs diverged.
    """
    engine = engine or Local(workers=workers)
    files.discard_unfinished(path(folder, p) for p in runs for path in (result_path, trunk_path))
    progress = progress or Progress(disable=True)
    names = [planned.run for planned in runs]
    marks = {p.run: fingerprint(p, size=sizes[p.size], corpus=corpus, recipe=recipe) for p in runs}
    places = {p.run: models_path(models.resolve(), p) if models else None for p in runs}
    done = {
        p.run: rows
        for p in runs
        if (rows := read_result(folder, p, marks[p.run])) is not None
        and ((place := places[p.run]) is None or models_kept(place, marks[p.run]))
    }
    prices = {p.run: price(p, size=sizes[p.size], vocab_size=corpus.vocab_size, recipe=recipe) for p in runs}
    # Longest first, so that the last runs to end are short ones.
    left = sorted((p for p in runs if p.run not in done), key=lambda p: -prices[p.run])
    tasks = [
        Task(
            planned=p,
            size=sizes[p.size],
            price=prices[p.run],
            mark=marks[p.run],
            trunk=trunk_path(folder.resolve(), p),
            models=places[p.run],
        )
        for p in left
    ]
    total, before = sum(prices.values()), sum(prices[name] for name in done)
    shown = progress.add_task("training", total=total)

    def report(flops: float) -> None:
        progress.update(shown, completed=min(before + flops, total))

    report(0.0)
    for task in tasks:
        if task.models is not None:
            unmark_models(task.models)
    if tasks:
        ends = engine.train(tasks, corpus=corpus, recipe=recipe, report=report)
        with closing(ends):  # an error here, or a Ctrl-C, ends the training too
            for together in ends:
                for task, rows in together:
                    if task.models is not None:
                        mark_models(task.models, task.mark)
                    write_result(folder, task.planned, rows, marks[task.planned.run])
                    done[task.planned.run] = rows
                for task, _ in together:  # runs that trained together have one trunk
                    trunk_path(folder, task.planned).unlink(missing_ok=True)
                progress.update(shown, description=f"training ({len(done)} of {len(runs)} runs)")
                if table := run_table(done.values(), names):
                    finished(table)
    progress.update(shown, completed=total)
    if not (table := run_table(done.values(), names)):
        raise LangmixError(
            f"all {len(runs)} runs diverged: no loss was measured; lower recipe.learning_rate "
            f"({recipe.learning_rate:g}), then run again"
        )
    return table
