"""How many tokens of each programming language should a code LLM be trained on?

A run table in, scaling laws and an allocation out::

    import langmix as lm

    runs = lm.read_runs("runs.csv")
    laws = lm.fit(runs)
    mix = lm.allocate(laws, params=1.5e9, tokens=350e9)

The names stand in ``__init__.pyi``. Each is imported when it is first used, so that ``langmix --help`` waits
for none of them.
"""

import sys
from types import ModuleType

import lazy_loader

from langmix._version import VERSION

__version__ = VERSION
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


class _Package(ModuleType):
    """Importing the room ``langmix.allocate`` would put the room in the place of ``langmix.allocate()``."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
