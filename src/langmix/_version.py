"""The version, once: read by the build, recorded in every file that langmix writes."""

from typing import Final

VERSION: Final = "0.1.0"
