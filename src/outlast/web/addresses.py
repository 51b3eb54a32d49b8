"""Where a request comes from, as far as the pace of starts is limited by it."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

UNKNOWN: Final = "unknown"
"""All who come from what is no address: a proxy has not said who they are."""
LONGEST: Final = 100
"""Characters of an address."""
CHOSEN: Final = 64
"""Bits at the end of an IPv6 address that a host may choose as it likes."""


def client_address(scope: Scope) -> str:
    """The IPv4 address, or the network of the IPv6 one, whose pace to limit.

    Empty where it says nothing: loopback stands for everybody behind a local proxy.
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
