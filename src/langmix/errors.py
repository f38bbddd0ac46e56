"""Exceptions that a user can act on; the command line prints their message and exits with code 2."""

from __future__ import annotations


class LangmixError(Exception):
    """Base of every error that langmix raises on purpose: its message says what to do next."""


class InputError(LangmixError):
    """A file, row, column or argument is not what was expected.

    The message names the place, the value, what was expected and the remedy.
    """


class InfeasibleError(LangmixError):
    """No allocation satisfies the constraints; the message states the arithmetic in tokens."""


class WorkerLostError(LangmixError):
    """A process that trained a run is gone: the run may be tried again."""


class MissingExtraError(LangmixError):
    """An optional part of langmix is not installed; the message is the command that installs it."""

    def __init__(self, *, extra: str, module: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {module!r}, which is not installed: "
            f"run `pip install 'langmix[{extra}]'`"
        )
        self.extra = extra
