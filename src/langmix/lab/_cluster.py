"""A connection to a Ray cluster that exists: refused within seconds where none answers."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from langmix.errors import InputError, LangmixError, MissingExtraError

_REACHED: Final = 5.0  # seconds; Ray itself tries for two minutes
_CURRENT: Final = Path("/tmp/ray/ray_current_cluster")  # where `ray start` notes its head for "auto"
_REMEDY: Final = (
    "start a cluster (`ray start --head --port 6379`), correct the address, or train here with --engine local"
)


def check_address(address: str) -> str:
    """The address, if it is one.

    Raises:
        ValueError: it is none.
    """
    if address != "auto":
        _place(address)
    return address


@contextmanager
def connected(address: str) -> Generator[Any, None, None]:
    """The module ``ray``, connected; a connection that the caller has already made is used and kept.

    Raises:
        MissingExtraError: Ray is not installed.
        LangmixError: nothing answers at the address, or no Ray cluster of this version does.
    """
    try:
        import ray

        if address.startswith("ray://"):
            import grpc  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="ray", module=str(error.name), purpose="the engine ray") from None
    if ray.is_initialized():
        yield ray
        return
    found = _found(address)
    _reach(found)
    try:
        ray.init(address=found, log_to_driver=False, logging_level=logging.ERROR)
    except (Exception, SystemExit) as error:  # Ray raises many kinds, and exits where its core gives up
        reason = " ".join(str(error).split())[:300]
        raise LangmixError(
            f"the Ray cluster at {found} cannot be used ({type(error).__name__}: {reason}); an address "
            "host:port needs a Ray node on this machine, ray://host:port (usually port 10001) does not"
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _found(address: str) -> str:
    """The address that "auto" stands for: of the environment, or of the last `ray start` here."""
    if address != "auto":
        return address
    if (given := os.environ.get("RAY_ADDRESS", "").strip()) not in ("", "auto"):
        return given
    try:
        return _CURRENT.read_text(encoding="utf-8").strip()
    except OSError:
        raise InputError(
            f"address 'auto': no Ray cluster runs on this machine (there is no {_CURRENT}, and RAY_ADDRESS "
            f"is not set); {_REMEDY}"
        ) from None


def _reach(address: str) -> None:
    try:
        host, port = _place(address)
    except ValueError as error:
        raise InputError(f"RAY_ADDRESS: {error}; or leave it unset") from None
    try:
        socket.create_connection((host, port), timeout=_REACHED).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise LangmixError(f"no Ray cluster answers at {address} ({reason}); {_REMEDY}") from None


def _place(address: str) -> tuple[str, int]:
    """Host and port of ``ray://host:port`` or ``host:port``."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.scheme in ("", "ray") and parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:  # of a port that is no number
        pass
    raise ValueError(f"address {address!r}: expected auto, host:port or ray://host:port")
