"""The explorer: a page on fitted laws, served on this machine, whose answer follows its sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langmix.errors import MissingExtraError
from langmix.explore._answer import Answer, Curves, Infeasible, answer, curves
from langmix.explore._scenario import ExportScenario, Scenario
from langmix.laws import Laws

if TYPE_CHECKING:
    from langmix.explore._serve import Server


def open_server(
    laws: Laws, *, source: str, start: Scenario, host: str = "127.0.0.1", port: int | None = None
) -> Server:
    """Take an address for the explorer; its ``run`` serves there until it is stopped.

    Args:
        laws: what is explored.
        source: name of their file, shown on the page.
        start: the scenario that the page opens with where its address has none.
        host: a name or address of this machine.
        port: None takes the next free one.

    Raises:
        InputError: the port is in use, or host and port cannot be bound; or the laws are the proportion law.
        MissingExtraError: starlette or uvicorn is not installed.
    """
    try:
        from langmix.explore._serve import Server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11"):
            raise
        raise MissingExtraError(extra="explore", module=str(error.name), purpose="the explorer") from None
    return Server(laws, source=source, start=start, host=host, port=port)


__all__ = [
    "Answer",
    "Curves",
    "ExportScenario",
    "Infeasible",
    "Scenario",
    "answer",
    "curves",
    "open_server",
]
