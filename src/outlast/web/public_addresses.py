"""Which addresses are on the public internet, as far as one can tell without and with resolving a name."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from outlast.domain.errors import OutlastError

MAX_URL: Final = 2_000
LONGEST_NAME: Final = 253
LONGEST_LABEL: Final = 63
"""Characters of a host's name and of each part between its dots (RFC 1035)."""
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # routable by its number, but a cloud's own control address
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",
        "224.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_GIVEN_OUT: Final = ipaddress.IPv6Network("2000::/3")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


class NotPublicError(OutlastError):
    """The address is none to which this site posts; the text says why."""


def checked_url(url: str) -> str:
    """Return the address if it may be posted to, as far as one can tell without resolving its name."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise NotPublicError(f"It has at most {MAX_URL} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise NotPublicError("It is no address.") from None
    if parts.scheme != "https" or not host:
        raise NotPublicError("It begins with https:// and a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotPublicError("It has no user, password or fragment.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        fit = len(host) <= LONGEST_NAME and all(1 <= len(label) <= LONGEST_LABEL for label in labels)
        if len(labels) < 2 or labels[-1].isdigit() or not fit:
            raise NotPublicError("Its host is a full name, such as hooks.example.org.") from None
    else:
        if not is_public(literal):
            raise NotPublicError("Its host is not on the public internet.")
    return url


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether anybody on the internet could mean the same machine by it."""
    if not address.is_global or any(address in n for n in _NOT_PUBLIC if n.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
        return address in _GIVEN_OUT and address.scope_id is None and not isatap
    return True
