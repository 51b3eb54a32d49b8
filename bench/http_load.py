"""A load generator in a process of its own: keep-alive connections, one request at a time on each.

`python http_load.py HOST PORT SECONDS CONNECTIONS` reads the raw request from standard input and prints JSON.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """Sends a request as soon as the last one is answered; counts responses by status."""

    def __init__(self, request: bytes, counts: dict[int, int]) -> None:
        self._request = request
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = self._buffer.find(b"content-length: ", 0, head)
        body = 0 if length < 0 else int(self._buffer[length + 16 : self._buffer.index(b"\r\n", length)])
        if len(self._buffer) < head + 4 + body:
            return
        status = int(self._buffer[9:12])
        self._counts[status] = self._counts.get(status, 0) + 1
        self._buffer = b""
        self._transport.write(self._request)


async def load(host: str, port: int, request: bytes, seconds: float, connections: int) -> dict[str, object]:
    counts: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: Connection(request, counts), host, port))[0]
        for _ in range(connections)
    ]
    counts.clear()
    began = time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    for transport in opened:
        transport.abort()
    return {"rate": sum(counts.values()) / took, "counts": counts}


if __name__ == "__main__":
    where, number, lasting, many = sys.argv[1:]
    work = load(where, int(number), sys.stdin.buffer.read(), float(lasting), int(many))
    print(json.dumps(uvloop.run(work)))
