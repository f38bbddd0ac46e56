"""The verbs of the command line, and a group that imports the module of one only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Verb(NamedTuple):
    """A verb as ``langmix --help`` lists it."""

    module: str
    """Of `langmix.cli`, which registers it."""

    summary: str
    """The first sentence of its help."""


VERBS: Final = {
    "demo": Verb("_study", "Fit, allocate and report on runs that ship with langmix."),
    "fit": Verb("_laws", "Fit a scaling law per target and write laws.json."),
    "predict": Verb("_laws", "Predict the loss of every target for a training run."),
    "synergy": Verb("_laws", "What the languages of a pair are worth to one another."),
    "translation": Verb("_translation", "What the organisation of the data does to translation."),
    "allocate": Verb("_allocate", "Solve for the best split of a token budget."),
    "add": Verb("_allocate", "Add a language in the middle of training."),
    "plan": Verb("_plan", "Choose which runs to buy next."),
    "export": Verb("_allocate", "Write a mixture as a trainer reads it."),
    "trainers": Verb("_allocate", "List the trainers that `langmix export` writes for."),
    "import": Verb("_import", "Make a run table of runs that were trained elsewhere."),
    "report": Verb("_study", "Write one HTML page with figures."),
    "explore": Verb("_explore", "Open a page with sliders on fitted laws."),
    "study": Verb("_study", "From a study.yaml to a page, in stages that resume."),
    "corpus": Verb("_corpus", "Turn code into token shards."),
    "export-corpus": Verb("_corpus", "Write a corpus as Megatron-LM's .bin and .idx."),
    "aligned": Verb("_pair", "Write the aligned items of a package."),
    "pair": Verb("_pair", "Turn aligned items into training documents."),
    "parallel-corpus": Verb("_pair", "Build a corpus of aligned items."),
    "train": Verb("_lab", "Train one small model on a mixture and keep it."),
    "evaluate": Verb("_evaluate", "What a trained model can do."),
    "doctor": Verb("_doctor", "What is installed here, and what installs the rest."),
}


class Verbs(TyperGroup):
    """Lists all verbs without importing any: the mathematics behind them takes a second to import."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        listed = {name: TyperCommand(name, help=verb.summary) for name, verb in VERBS.items()}
        self.commands = {**listed, **self.commands}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the module of the verb that is called."""
        if args and args[0] in VERBS:
            self.load(args[0])
        return super().resolve_command(ctx, args)

    def load(self, *names: str) -> None:
        """Take verbs over from the modules that register them."""
        from langmix.cli._app import app

        for name in names:
            import_module(f"langmix.cli.{VERBS[name].module}")
        registered = typer.main.get_group(app).commands
        self.commands.update({name: registered[name] for name in names})
