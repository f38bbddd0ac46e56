"""Run tables: one row per checkpoint of a training run, read, checked and written."""

from langmix.runs._read import read_runs
from langmix.runs._table import RunTable

__all__ = ["RunTable", "read_runs"]
