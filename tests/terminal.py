"""The command line, run inside this process: a new one would spend two seconds on its imports."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from langmix.cli import main

Run = subprocess.CompletedProcess[str]


def langmix(*arguments: object, cwd: Path, together: bool = False) -> Run:
    """What `langmix ARGUMENTS` in a folder prints, and its exit code.

    As a terminal shows it, both streams in one, if `together`.
    """
    argv = ["langmix", *map(str, arguments)]
    out, code = io.StringIO(), 0
    err = out if together else io.StringIO()
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Run(argv, code, out.getvalue(), "" if together else err.getvalue())
