"""Importers: runs of trackers and trainers, mapped to a run table.

Each source is read into plain logged values (`Tracked`); one function, `to_runs`, maps them by an
`ImportMap`.
"""

from langmix.runs.importers._build import Imported, to_runs
from langmix.runs.importers._import import (
    Source,
    import_mlflow,
    import_olmix,
    import_runs,
    import_table,
    import_tensorboard,
    import_trainer_state,
    import_wandb,
    import_wandb_export,
    look,
)
from langmix.runs.importers._map import ImportMap, LossUnit, SharesAre, build_import_map, read_import_map
from langmix.runs.importers._tracked import Logged, Names, Tracked, tracked

__all__ = [
    "ImportMap",
    "Imported",
    "Logged",
    "LossUnit",
    "Names",
    "SharesAre",
    "Source",
    "Tracked",
    "build_import_map",
    "import_mlflow",
    "import_olmix",
    "import_runs",
    "import_table",
    "import_tensorboard",
    "import_trainer_state",
    "import_wandb",
    "import_wandb_export",
    "look",
    "read_import_map",
    "to_runs",
    "tracked",
]
