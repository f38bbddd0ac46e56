"""``python -m langmix`` is the command line."""

from langmix.cli import main

main()
