"""Run tables: one row per checkpoint of a training run, read, imported, checked and written."""

from langmix.runs._read import read_runs
from langmix.runs._table import FRESH, LOSS, RunTable
from langmix.runs._translation import (
    ALONE,
    MIXED,
    ORGANISATION,
    SEEN,
    SHUFFLED,
    UNSEEN,
    by_organisation,
    compares_organisations,
    direction_groups,
    with_groups,
)
from langmix.runs.importers import (
    Imported,
    ImportMap,
    import_mlflow,
    import_olmix,
    import_table,
    import_tensorboard,
    import_trainer_state,
    import_wandb,
    import_wandb_export,
    read_import_map,
)

__all__ = [
    "ALONE",
    "FRESH",
    "LOSS",
    "MIXED",
    "ORGANISATION",
    "SEEN",
    "SHUFFLED",
    "UNSEEN",
    "ImportMap",
    "Imported",
    "RunTable",
    "by_organisation",
    "compares_organisations",
    "direction_groups",
    "import_mlflow",
    "import_olmix",
    "import_table",
    "import_tensorboard",
    "import_trainer_state",
    "import_wandb",
    "import_wandb_export",
    "read_import_map",
    "read_runs",
    "with_groups",
]
