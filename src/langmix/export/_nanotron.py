"""nanotron: ``dataset_folder`` and ``dataset_weights`` of a data stage."""

from __future__ import annotations

import yaml

from langmix.export._blend import Blend


def data_stages(blend: Blend) -> str:
    """The ``data_stages`` block of nanotron's YAML.

    Unit: packed rows: every folder of tokenised bytes is cut into rows of the sequence length.

    Source: huggingface/nanotron, ``src/nanotron/config/config.py`` (``NanosetDatasetsArgs``),
    ``src/nanotron/data/tokenized_bytes.py`` (``get_tb_datasets``) and
    ``src/nanotron/data/nemo_dataset/blendable_dataset.py`` (``BlendableDataset``).

    Pitfalls:
        - Two lists of equal length. ``examples/config_nanoset.yaml`` shows a mapping of folder to weight,
          which the current ``NanosetDatasetsArgs`` has no type for; a folder given as plain text loses its
          weight.
        - Weights are normalised. The blend is Megatron's: deterministic, within a few rows of its target.
        - A folder that runs out is read again in the same order, without a word.
        - The older ``Nanoset`` class starts every folder again at each pass over the sum of all rows: there a
          language below its natural share only ever sees its first rows.
        - The budget is ``train_steps`` times the batch; a later stage goes on where this one ended.
    """
    content = {
        "data_stages": [
            {
                "name": "mixture",
                "start_training_step": 1,
                "data": {
                    "dataset": {
                        "dataset_folder": [part.path for part in blend.parts],
                        "dataset_weights": [part.weight for part in blend.parts],
                    },
                    "num_loading_workers": 1,
                    "seed": 42,
                },
            }
        ]
    }
    return "# weights count packed rows\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
