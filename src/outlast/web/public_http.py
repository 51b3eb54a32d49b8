"""Posts to the public internet only: a name is resolved once, and all of its addresses are checked."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from outlast.web.public_addresses import NotPublicError, checked_url, is_public

SECONDS: Final = 15.0
"""For connecting, and for each read and write."""

Resolver = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def post(url: str, body: bytes, headers: Mapping[str, str], resolver: Resolver = resolve) -> int:
    """Post and return the status, also that of a redirect. Raises `NotPublicError` or `OSError`."""
    parts = urlsplit(checked_url(url))
    host, port = parts.hostname or "", parts.port or 443
    addresses = resolver(host, port)
    for address in addresses:  # all of them: one private address among several is an attack
        if not is_public(ipaddress.ip_address(address)):
            raise NotPublicError(f"{host} is not on the public internet.")
    if not addresses:
        raise OSError(f"{host} has no address.")
    connection = _Connection(host, port, addresses[0])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"{host} did not answer in HTTP: {type(error).__name__}.") from error
    finally:
        connection.close()


class _Connection(http.client.HTTPSConnection):
    """Connects to the address that was checked, whatever the name means by now."""

    def __init__(self, host: str, port: int, address: str) -> None:
        context = ssl.create_default_context()
        super().__init__(host, port, timeout=SECONDS, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
