"""Resolves host names to IP addresses, and decides which of these are on the public internet."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from outlast import message
from outlast_reviews.sources.errors import FetchError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # routable by its number, but a cloud's own control address
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is given out; NAT64, mapped, unique-local, link-local and multicast addresses lie outside."""
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo, ORCHID and benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_ISATAP_MARKS: Final = (0x00005EFE, 0x02005EFE)


def is_public(address: IpAddress) -> bool:
    """Whether anybody on the internet could mean the same machine by it."""
    match address:
        case ipaddress.IPv4Address():
            return address.is_global and not any(address in network for network in _NOT_PUBLIC_4)
        case ipaddress.IPv6Address():
            return (
                address in _PUBLIC_6
                and address.is_global
                and address.scope_id is None
                and not any(address in network for network in _NOT_PUBLIC_6)
                and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP_MARKS
            )


_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""What a name server that works says of a name that does not exist."""
_KNOWN: Final = ("example.com", "wikipedia.org")
"""Names that exist."""

Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port to IP addresses; raises `OSError` when there are none."""


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the machine's own resolver knows, best first, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve(resolver: Resolver, host: str, port: int) -> list[IpAddress]:
    """At least one address, or `FetchError`, which is transient where no name server answers."""
    try:
        found = [ipaddress.ip_address(text) for text in await _ask(resolver, host, port)]
    except ValueError as error:
        raise FetchError(_not_found(host)) from error
    except OSError as error:
        if await _answers(resolver, error):
            raise FetchError(_not_found(host)) from error
        raise FetchError(
            message(
                "We cannot look up any shop just now, “{host}” included. Please try again later.", host=host[:100]
            ),
            transient=True,
        ) from error
    if not found:
        raise FetchError(_not_found(host))
    return found


async def _answers(resolver: Resolver, error: OSError) -> bool:
    """Whether a name server has answered that there is no such name.

    Without a network, some systems say the same of every name.
    """
    if not isinstance(error, socket.gaierror) or error.errno not in _NO_SUCH_NAME:
        return False
    for known in _KNOWN:
        with suppress(OSError, ValueError):
            if await _ask(resolver, known, 443):
                return True
    return False


async def _ask(resolver: Resolver, host: str, port: int) -> Sequence[str]:
    """Ask in a thread that dies with the process: a resolver that hangs must not outlive its caller's deadline."""
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
    return await asyncio.wrap_future(future)


def _not_found(host: str) -> str:
    return message("We found no site at “{host}”. Check the address for typing errors.", host=host[:100])
