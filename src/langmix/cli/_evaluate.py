"""The verbs of evaluate."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from langmix import files
from langmix.cli import _options, _print, _print_evaluation
from langmix.cli._app import app
from langmix.corpus import open_corpus
from langmix.corpus._rows import language_named
from langmix.errors import InputError
from langmix.evaluate import Translated, losses, translation_losses, translations
from langmix.evaluate import bleu as bleu_of
from langmix.evaluate._complete import Sampling, write_completions
from langmix.evaluate._continuations import DOCUMENTS, continuations, write_continuations
from langmix.evaluate.execution import (
    Harness,
    Limits,
    Problem,
    Sample,
    Status,
    execute,
    multipl_e,
    pass_at_k,
    passed_by_problem,
    read_problems,
    read_samples,
)
from langmix.languages import label
from langmix.quantities import duration

evaluate = typer.Typer(help="What a trained model can do.", no_args_is_help=True)
app.add_typer(evaluate, name="evaluate")

_Corpus = Annotated[Path, typer.Argument(help="Folder that `langmix corpus` wrote.")]
_LEAST_MEMORY = 64 << 20
_Problems = Annotated[
    list[Path] | None,
    typer.Option(help="JSONL of MultiPL-E's problems, or a folder of them, repeatable."),
]


@evaluate.command("losses")
def evaluate_losses(
    model: Annotated[Path, typer.Argument(help="Folder that `langmix train` wrote.")],
    corpus: _Corpus,
    json: _options.Json = False,
) -> None:
    """Losses on the held-out text of every language.

    In nats per token and bits per byte.
    """
    found = losses(model, open_corpus(corpus))
    if json:
        _print.as_json([one._asdict() for one in found])
        return
    _print_evaluation.losses_table(found)


@evaluate.command("translation")
def evaluate_translation(
    model: Annotated[Path, typer.Argument(help="Folder that `langmix train` wrote.")],
    corpus: Annotated[Path, typer.Argument(help="Corpus of parallel texts.")],
    organisation: Annotated[
        str | None,
        typer.Option(help="In which pairs are read; default: that which taught the model to."),
    ] = None,
    bleu: Annotated[bool, typer.Option("--bleu", help="Translate too, greedily, and score by BLEU.")] = False,
    direction: Annotated[
        list[str] | None, typer.Option(help="To translate, SOURCE>TARGET, repeatable; default: all.")
    ] = None,
    items: Annotated[int | None, typer.Option(min=1, help="To translate of each direction.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=_options.writable(), help="JSONL file for the translations."),
    ] = None,
    json: _options.Json = False,
) -> None:
    """Loss of the target given its source, in every direction.

    With --bleu, BLEU of translations too.
    """
    if not bleu and (direction or items or out):
        option = "--direction" if direction else "--items" if items else "--out"
        raise InputError(f"{option}: is of translations; add --bleu, or leave it out")
    opened = open_corpus(corpus)
    parallel = opened.card.parallel
    if parallel is None:
        raise InputError(
            f"{corpus}: has no parallel texts; expected a corpus of aligned items (`langmix parallel-corpus`)"
        )
    known = [*parallel.seen, *parallel.held_out]
    if unknown := [name for name in direction or () if name not in known]:
        raise InputError(
            f"--direction: {unknown[0]!r} is none of the corpus; expected one of {', '.join(known)}"
        )
    written: list[tuple[Translated, dict[str, str]]] = []
    with _print.progress(hidden=json) as progress:
        task = progress.add_task("losses", total=parallel.evaluation_items * len(opened.targets))
        found = translation_losses(
            model, opened, organisation=organisation, advance=lambda done: progress.advance(task, done)
        )
        if bleu:
            many = len(direction or known)
            task = progress.add_task("translations", total=many * (items or parallel.evaluation_items))
            written = translations(
                model,
                opened,
                organisation=organisation,
                directions=direction,
                items=items,
                advance=lambda done: progress.advance(task, done),
            )
    if out is not None:
        rows = (
            {"item": item, "direction": scored.target, "translation": text}
            for scored, texts in written
            for item, text in texts.items()
        )
        files.write_text(out, "".join(json_text.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if json:
        scores = [{"target": one.target, "kind": one.kind, **one.bleu._asdict()} for one, _ in written]
        _print.as_json({"losses": [one._asdict() for one in found], "bleu": scores})
        return
    _print_evaluation.translation_table(found, [one for one, _ in written])
    if out is not None:
        _print.saved("translations", out)


@evaluate.command("continuations")
def evaluate_continuations(
    model: Annotated[Path, typer.Argument(help="Folder that `langmix train` wrote.")],
    corpus: _Corpus,
    documents: Annotated[
        int, typer.Option(min=1, help="Held-out ones of each language to go on from.")
    ] = DOCUMENTS,
    seed: Annotated[int, typer.Option(min=0, help="Of the passages.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=_options.writable(), help="JSONL file for the texts."),
    ] = None,
    json: _options.Json = False,
) -> None:
    """BLEU of what a model writes after passages of held-out text, in every language."""
    opened = open_corpus(corpus)
    with _print.progress(hidden=json) as progress:
        task = progress.add_task("passages", total=None)
        written = continuations(
            model,
            opened,
            documents=documents,
            seed=seed,
            advance=lambda done: progress.advance(task, done),
        )
    if not written:
        raise InputError(f"{corpus}: no language has a held-out document that is long enough, and a lexer")
    found = {name: bleu_of(each.texts, each.references, name) for name, each in written.items()}
    if out is not None:
        write_continuations(written, out)
    if json:
        _print.as_json({name: one._asdict() for name, one in found.items()})
        return
    _print_evaluation.continuations_table(found)
    if out is not None:
        _print.saved("texts", out)


@evaluate.command("generate")
def evaluate_generate(
    model: Annotated[
        Path, typer.Argument(help="Folder of a Hugging Face causal model, or of `langmix train`.")
    ],
    problems: Annotated[
        list[Path], typer.Option(help="JSONL of MultiPL-E's problems, or a folder of them, repeatable.")
    ],
    language: Annotated[list[str] | None, typer.Option(help="To complete, repeatable; default: all.")] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Of each problem.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 0.2,
    top_p: Annotated[float, typer.Option(help="Part of the probability that is drawn from.")] = 0.95,
    tokens: Annotated[int, typer.Option(min=1, help="That a completion may have.")] = 512,
    batch: Annotated[int, typer.Option(min=1, help="Completions at a time.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", callback=_options.writable(), help="JSONL file for the completions."),
    ] = Path("completions.jsonl"),
    json: _options.Json = False,
) -> None:
    """Have a model complete problems.

    Stopped at any moment, the same command goes on.
    """
    _options.apart(out, *problems)
    sampling = Sampling(
        samples=samples, temperature=temperature, top_p=top_p, tokens=tokens, seed=seed, batch=batch
    )
    known = read_problems(problems)
    if language:
        language = [language_named(name) for name in language]
        have = list(dict.fromkeys(problem.language for problem in known))
        if missing := [name for name in language if name not in have]:
            raise InputError(f"--language: no problem is in {missing[0]!r}; they are in {', '.join(have)}")
        known = [problem for problem in known if problem.language in language]
    with _print.progress(hidden=json) as progress:
        task = progress.add_task("problems", total=len(known))
        cut, already = write_completions(
            model, known, sampling, out, advance=lambda done: progress.advance(task, done)
        )
    if json:
        _print.as_json({"completions": str(out), "problems": len(known), "cut": cut, "already": already})
        return
    if cut:
        _print.warnings((f"{cut} prompts are longer than the model's context; it was given their ends",))
    _print.saved("completions", out)
    _print.say(f"next: langmix evaluate execute {out}")


@evaluate.command("execute")
def evaluate_execute(
    completions: Annotated[
        Path,
        typer.Argument(help="JSONL with name, language and completion(s), or a folder of MultiPL-E's files."),
    ],
    problems: _Problems = None,
    k: Annotated[
        list[int] | None, typer.Option("--k", min=1, help="Of pass@k, repeatable; default: 1.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="To judge, repeatable; default: all.")] = None,
    profile: Annotated[
        str, typer.Option(help="Of commands: multiple (those of MultiPL-E) or modern.")
    ] = "multiple",
    out: Annotated[
        Path,
        typer.Option("--out", "-o", callback=_options.writable(), help="JSONL file for the verdicts."),
    ] = Path("results.jsonl"),
    multipl_e_out: Annotated[
        Path | None,
        typer.Option(
            "--multipl-e", callback=_options.writable(folder=True), help="Folder for verdicts in its format."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="That a program may run.")] = 15.0,
    compile_seconds: Annotated[float, typer.Option(min=0.1, help="That it may compile.")] = 60.0,
    memory: Annotated[str, typer.Option(help="Bytes that it may take, such as 2G.")] = "2G",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Programs at once; default: one per core.")
    ] = None,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Run without a sandbox: only on a machine that is thrown away."),
    ] = False,
    json: _options.Json = False,
) -> None:
    """Judge completions in a sandbox.

    pass@k per language, and how each ended.
    """
    _options.apart(out, completions, *(problems or ()))
    known = read_problems(problems or ())
    samples = read_samples(completions, known)
    have = list(dict.fromkeys(sample.problem.language for sample in samples))
    if language:
        language = [language_named(name) for name in language]
        if missing := [name for name in language if name not in have]:
            raise InputError(f"--language: no completion is in {missing[0]!r}; they are in {', '.join(have)}")
        samples = [sample for sample in samples if sample.problem.language in language]
    bytes_ = int(_options.quantity(memory, option="--memory"))
    if bytes_ < _LEAST_MEMORY:
        raise InputError(f"--memory: {memory} is too little for any program; expected 64M or more")
    limits = Limits(
        compile_seconds=compile_seconds,
        run_seconds=seconds,
        memory=bytes_,
    )
    _print.warnings(_unanswered(known, samples), console=_print.stderr)
    asked = k or [1]
    _enough(samples, max(asked))
    languages = list(dict.fromkeys(sample.problem.language for sample in samples))
    with Harness(languages, profile=profile, limits=limits, workers=workers, unsafe=unsafe) as harness:  # type: ignore[arg-type]
        missing_tools = [f"{name} is left out: {how}" for name, how in harness.missing.items()]
        notes = [tools.note for tools in harness.tools.values() if tools.note]
        _print.warnings((*missing_tools, *notes), console=_print.stderr)
        if not harness.tools:
            raise InputError(f"no language of {completions} has a toolchain here; see the warnings above")
        many = sum(sample.problem.language in harness.tools for sample in samples)
        with _print.progress(hidden=json) as progress:
            task = progress.add_task("programs", total=many)
            judged = execute(samples, harness, results=out, advance=lambda done: progress.advance(task, done))
        versions = {name: tools.version for name, tools in harness.tools.items()}
    if multipl_e_out is not None:
        multipl_e(judged, samples, multipl_e_out)
    by_problem = passed_by_problem(judged)
    short = _without_faults(by_problem, max(asked))
    found = {
        name: [pass_at_k(passed, each) for each in asked] for name, passed in by_problem.items() if passed
    }
    if json:
        _print.as_json(
            {
                "pass_at_k": {name: [one._asdict() for one in each] for name, each in found.items()},
                "statuses": _print_evaluation.statuses(judged),
                "left_out_for_faults": short,
                "toolchains": versions,
                "profile": profile,
                "missing": harness.missing,
                "sandbox": not unsafe,
                "results": str(out),
            }
        )
        return
    _print_evaluation.pass_table(found, judged, versions)
    for name, left_out in short.items():
        faults = (one for one in judged if (one.language, one.status) == (name, Status.HARNESS))
        reason = " ".join(next(one.err or one.compiler for one in faults).split())[:200] or "it said nothing"
        told = f"{left_out} problems in {name} are left out, since the harness failed ({reason})"
        _print.warnings((f"{told}; run the same command again",))
    work = duration(sum(each.compile_seconds + each.run_seconds for each in judged))
    _print.say(f"  {len(judged)} programs, {work} of work")
    _print.saved("verdicts", out)


def _unanswered(problems: Sequence[Problem], samples: Sequence[Sample]) -> tuple[str, ...]:
    """Of each language that has completions, how many of the problems have none."""
    have = {(sample.problem.language, sample.problem.name) for sample in samples}
    languages = {language for language, _ in have}
    missing = [p.language for p in problems if p.language in languages and (p.language, p.name) not in have]
    if not missing:
        return ()
    many = ", ".join(f"{missing.count(name)} in {label(name)}" for name in dict.fromkeys(missing))
    return (f"problems that have no completion do not count: {many}",)


def _without_faults(by_problem: Mapping[str, dict[str, list[bool]]], most: int) -> dict[str, int]:
    """Drop the problems to which faults of the harness left too few samples; how many, by language."""
    left_out = {}
    for language, passed in by_problem.items():
        few = [name for name, each in passed.items() if len(each) < most]
        for name in few:
            del passed[name]
        if few:
            left_out[language] = len(few)
    return left_out


def _enough(samples: Sequence[Sample], most: int) -> None:
    """Refuse, before anything runs, a k that some problem has too few samples for."""
    many: dict[tuple[str, str], int] = {}
    for sample in samples:
        key = sample.problem.language, sample.problem.name
        many[key] = many.get(key, 0) + 1
    key = min(many, key=lambda each: many[each])
    if many[key] < most:
        raise InputError(
            f"--k: pass@{most} needs {most} samples of every problem; {key[1]!r} in {key[0]} has {many[key]}"
        )
