"""The command line of langmix."""

from langmix.cli._app import app, complete_app, main

__all__ = ["app", "complete_app", "main"]
