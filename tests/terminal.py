"""The command line, run inside this process: a new one would spend two seconds on its imports."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from langmix.cli import main

Run = subprocess.CompletedProcess[str]


def langmix(*arguments: object, cwd: Path) -> Run:
    """What `langmix ARGUMENTS` in a folder prints, and its exit code."""
    argv = ["langmix", *map(str, arguments)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    here = Path.cwd()
    os.chdir(cwd)
    try:
        with (
            mock.patch.object(sys, "argv", argv),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os.chdir(here)
    return Run(argv, code, out.getvalue(), err.getvalue())
