"""Bind a socket, and serve the explorer on it until it is stopped."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Final

import uvicorn

from langmix.errors import InputError
from langmix.explore._app import build_app
from langmix.explore._scenario import Scenario
from langmix.laws import Laws

FIRST_PORT: Final = 8270
"""Where the search for a free port begins, if none was asked for."""

_TRIED: Final = 50
_CONNECTIONS: Final = 64  # more are told to come again: a few people, with a few tabs each


class Server:
    """The explorer on a socket that already listens, so that its address may be opened before it runs.

    See `langmix.explore.open_server` for its arguments.
    """

    def __init__(self, laws: Laws, *, source: str, start: Scenario, host: str, port: int | None) -> None:
        self._socket = _bind(host, port)
        names = {"localhost"} if self.local else {"localhost", host, socket.gethostname()}
        self._server = uvicorn.Server(
            uvicorn.Config(
                build_app(laws, source=source, start=start, names=names),
                http="h11",
                ws="none",
                lifespan="off",
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=1,
                limit_concurrency=_CONNECTIONS,
            )
        )

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self._address[0].partition("%")[0]).is_loopback

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._address
        if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
            host = socket.gethostname()
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def run(self) -> None:
        """Serve until the process is interrupted."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `run` from another thread."""
        self._server.should_exit = True

    @property
    def _address(self) -> tuple[str, int]:
        name = self._socket.getsockname()
        return str(name[0]), int(name[1])


def _bind(host: str, port: int | None) -> socket.socket:
    if port is not None:
        return _listen(host, port)
    for candidate in (*range(FIRST_PORT, FIRST_PORT + _TRIED), 0):  # 0: any that is free
        try:
            return _listen(host, candidate)
        except PortInUseError:
            continue
    raise AssertionError("port 0 is never in use")


class PortInUseError(InputError):
    """Another program listens there."""


def _listen(host: str, port: int) -> socket.socket:
    unknown = InputError(f"host: {host!r} is no address of this machine; give one, such as 127.0.0.1")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise unknown from None
    family, *_, address = found[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port: {port} is in use; give another, or leave it out to take the next free one"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise unknown from None
        reason = os.strerror(error.errno or 0)
        raise InputError(f"port: {port} cannot be bound ({reason}); give another") from None
    return listening
