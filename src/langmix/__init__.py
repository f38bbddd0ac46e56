"""How many tokens of each programming language should a code LLM be trained on?

A run table in, scaling laws and an allocation out::

    import langmix as lm

    runs = lm.read_runs("runs.csv")
    laws = lm.fit(runs)
    mix = lm.allocate(laws, params=1.5e9, tokens=350e9)
"""

from langmix._version import VERSION
from langmix.allocate import (
    Addition,
    Allocation,
    ComputeOptimal,
    Validation,
    add_language,
    allocate,
    allocate_compute,
    prices_along,
    validate,
)
from langmix.design import Plan, Prior, plan
from langmix.errors import InfeasibleError, InputError, LangmixError, MissingExtraError
from langmix.export import export
from langmix.laws import (
    Laws,
    MixturePrediction,
    Prediction,
    ProportionLaw,
    read_any_laws,
    read_laws,
    write_laws,
)
from langmix.published import Published, published
from langmix.runs import RunTable, read_runs
from langmix.transfer import (
    PredictedSynergy,
    Synergy,
    TokenWorth,
    Translation,
    fit,
    predict_synergy,
    synergy,
    token_worth,
    translation,
)

__version__ = VERSION

__all__ = [
    "Addition",
    "Allocation",
    "ComputeOptimal",
    "InfeasibleError",
    "InputError",
    "LangmixError",
    "Laws",
    "MissingExtraError",
    "MixturePrediction",
    "Plan",
    "PredictedSynergy",
    "Prediction",
    "Prior",
    "ProportionLaw",
    "Published",
    "RunTable",
    "Synergy",
    "TokenWorth",
    "Translation",
    "Validation",
    "__version__",
    "add_language",
    "allocate",
    "allocate_compute",
    "export",
    "fit",
    "plan",
    "predict_synergy",
    "prices_along",
    "published",
    "read_any_laws",
    "read_laws",
    "read_runs",
    "synergy",
    "token_worth",
    "translation",
    "validate",
    "write_laws",
]
