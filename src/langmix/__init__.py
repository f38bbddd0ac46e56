"""How many tokens of each programming language should a code LLM be trained on?

import langmix as lm
runs = lm.read_runs("runs.csv")
"""

from langmix._version import VERSION
from langmix.errors import InfeasibleError, InputError, LangmixError, MissingExtraError
from langmix.runs import RunTable, read_runs

__version__ = VERSION

__all__ = [
    "InfeasibleError",
    "InputError",
    "LangmixError",
    "MissingExtraError",
    "RunTable",
    "__version__",
    "read_runs",
]
