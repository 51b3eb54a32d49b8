"""The client address by which starts are rate-limited."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

UNKNOWN: Final = "unknown"
"""Stands for all clients whose address is not an IP address, as when a proxy hides it."""
LONGEST: Final = 100
"""Characters of an address that is parsed."""
CHOSEN: Final = 64
"""Low bits of an IPv6 address that a host chooses freely."""


def client_address(scope: Scope) -> str:
    """The client's IPv4 address or IPv6 /64 network.

    Empty if it identifies nobody: loopback stands for every client behind a local proxy.
    """
    client = scope.get("client")
    if not client:
        return ""
    host: str = client[0]
    if host == "localhost":
        return ""
    if len(host) > LONGEST:
        return UNKNOWN
    try:
        address = _unmapped(ip_address(host))
    except ValueError:
        return UNKNOWN
    if address.is_loopback:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> CHOSEN << CHOSEN, 128 - CHOSEN)))


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address
