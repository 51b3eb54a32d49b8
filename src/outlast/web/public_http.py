"""Posts to the public internet only: a name is resolved once, and all of its addresses are checked."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import h11

from outlast.web.public_addresses import NotPublicError, checked_url, is_public

SECONDS: Final = 15.0
"""For everything, from the resolution of the name to the status of the response."""
CHUNK: Final = 4_096

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the machine's resolver knows."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def post(url: str, body: bytes, headers: Mapping[str, str], resolver: Resolver = resolve) -> int:
    """Post and return the status, also that of a redirect. Raises `NotPublicError` or `OSError`."""
    parts = urlsplit(checked_url(url))
    host, port = parts.hostname or "", parts.port or 443
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {**headers, "Host": parts.netloc, "Content-Length": str(len(body)), "Connection": "close"}
    async with asyncio.timeout(SECONDS):  # its `TimeoutError` is an `OSError`
        addresses = await resolver(host, port)
        for address in addresses:  # all of them: one private address among several is an attack
            if not is_public(ipaddress.ip_address(address)):
                raise NotPublicError(f"{host} is not on the public internet.")
        if not addresses:
            raise OSError(f"{host} has no address.")
        reader, writer = await connect(addresses[0], port, host)
        try:
            return await _exchange(
                reader, writer, h11.Request(method="POST", target=target, headers=list(sent.items())), body
            )
        except h11.RemoteProtocolError as error:
            raise OSError(f"{host} did not answer in HTTP.") from error
        finally:
            writer.close()


async def connect(address: str, port: int, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the address that was checked, whatever the name means by now."""
    return await asyncio.open_connection(address, port, ssl=_tls(), server_hostname=host)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
) -> int:
    connection = h11.Connection(h11.CLIENT)
    for event in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
    while True:
        match connection.next_event():
            case h11.Response(status_code=status):
                return status
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK))
            case _:  # an informational response, before the one that counts
                pass


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
