"""What the server refuses before it looks at a question, and the headers of every response.

A page of another site can send a browser to a server on this machine. It must not read the laws that way:
names that a foreign DNS could point here are refused (DNS rebinding), and so are requests that the browser
says come from elsewhere. Following a link to the page itself is allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LONGEST_QUERY: Final = 32_768

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Middleware that answers refused requests itself.

    Args:
        app: what comes after.
        names: host names besides IP addresses under which the server may be asked.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_headers(send)
        for check in (self._host, _origin, _body, _length):
            refused = check(scope, headers)
            if refused is not None:
                status, message = refused
                await JSONResponse({"error": message}, status)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _host(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        name = _host_name(headers.get("host", ""))
        if name is not None and (name in self._names or _is_address(name)):
            return None
        return 421, "Host: not a name of this server; open it as localhost or by its IP address"


def _origin(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    own = origin is None or urlsplit(origin).netloc == headers.get("host")
    if own and (site in ("none", "same-origin") or scope["path"] == "/"):
        return None
    return 403, "Origin: a page of another site may not ask this server"


def _body(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    return 413, "a request has no body here: the scenario is the query"


def _length(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    if len(scope["query_string"]) <= _LONGEST_QUERY:
        return None
    return 414, f"the query is longer than {_LONGEST_QUERY} bytes"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
