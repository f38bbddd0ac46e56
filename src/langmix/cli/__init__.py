"""The command line of langmix."""

from langmix.cli import _allocate as _allocate  # each of these modules registers its verbs
from langmix.cli import _corpus as _corpus
from langmix.cli import _evaluate as _evaluate
from langmix.cli import _explore as _explore
from langmix.cli import _import as _import
from langmix.cli import _lab as _lab
from langmix.cli import _laws as _laws
from langmix.cli import _pair as _pair
from langmix.cli import _plan as _plan
from langmix.cli import _study as _study
from langmix.cli import _translation as _translation
from langmix.cli._app import app, main

__all__ = ["app", "main"]
