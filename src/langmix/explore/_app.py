"""The pages of the explorer and what they ask: everything is a GET whose query is a scenario."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from langmix.errors import InputError, LangmixError
from langmix.explore._about import About
from langmix.explore._answer import Infeasible, answer, curves
from langmix.explore._guard import Guard
from langmix.explore._scenario import ExportScenario, Scenario
from langmix.export import TRAINERS, convert
from langmix.laws import Laws, refuse_proportion

_STATIC: Final = Path(__file__).parent / "static"


def build_app(laws: Laws, *, source: str, start: Scenario, names: Collection[str]) -> Starlette:
    """The application.

    Args:
        laws: what is explored.
        source: name of their file, shown on the page.
        start: the scenario that the page opens with where its address has none.
        names: host names under which it may be asked, besides IP addresses.
    """
    refuse_proportion(laws)
    about = About.of(laws, source=source, start=start)

    solving = BoundedSemaphore(os.cpu_count() or 1)  # more at once would only wait for one another

    def asked(reply: Callable[[Laws, Scenario], BaseModel]) -> Callable[[Request], Response]:
        def solved(request: Request) -> Response:
            scenario = Scenario.from_query(request.url.query)
            with solving:
                return _json(reply(laws, scenario))

        return solved

    def export(request: Request) -> Response:
        scenario = ExportScenario.from_query(request.url.query)
        with solving:
            return _export(laws, request.path_params["trainer"], scenario)

    return Starlette(
        routes=[
            Route("/", lambda request: FileResponse(_STATIC / "index.html")),
            Route("/about", lambda request: _json(about)),
            Route("/answer", asked(answer)),
            Route("/curves", asked(curves)),
            Route("/export/{trainer}", export),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, names=names)],
        exception_handlers={
            LangmixError: lambda request, error: _error(400, str(error)),
            HTTPException: _of_starlette,
            Exception: _fault,
        },
    )


def _export(laws: Laws, trainer: str, scenario: ExportScenario) -> Response:
    found = answer(laws, scenario)
    if isinstance(found, Infeasible):
        raise InputError(found.infeasible)
    made = convert(
        found.allocation,
        trainer,
        paths=scenario.paths,
        tokens_per_document=scenario.tokens_per_document or None,
        packed=scenario.packed,
        sequence_length=scenario.sequence_length,
        available=scenario.available,
    )
    name = "mixture.json" if trainer == "json" else f"mixture-{trainer}{TRAINERS[trainer].extension}"
    return Response(
        made.text,
        media_type="text/plain",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _json(content: BaseModel) -> Response:
    """NaN, which JSON has no word for, is null."""
    return Response(content.model_dump_json(), media_type="application/json")


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _of_starlette(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail)


def _fault(request: Request, error: Exception) -> Response:
    logging.getLogger("langmix").error("%s?%s", request.url.path, request.url.query, exc_info=error)
    return _error(500, "langmix failed on this scenario: a fault of its own; the terminal has the details")
