"""Resolves host names in a thread, within the caller's timeout."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from outlast_reviews.sources.fetch_error import FetchError
from outlast_reviews.sources.public_addresses import IpAddress

Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port to IP addresses; raises `OSError` when there are none."""


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the machine's own resolver knows, best first, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve(resolver: Resolver, host: str, port: int) -> list[IpAddress]:
    """At least one address, or `FetchError`.

    The resolver gets a thread that dies with the process: one that hangs must not outlive the caller's deadline.
    """
    future: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            found = resolver(host, port)
        except (OSError, UnicodeError) as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(found)

    threading.Thread(target=ask, name="outlast-resolve", daemon=True).start()
    unknown = f"There is no shop called “{host[:100]}”. Check the address."
    try:
        found = [ipaddress.ip_address(text) for text in await asyncio.wrap_future(future)]
    except (OSError, ValueError) as error:
        busy = isinstance(error, TimeoutError) or getattr(error, "errno", None) == socket.EAI_AGAIN
        raise FetchError(unknown, transient=busy) from error
    if not found:
        raise FetchError(unknown)
    return found
