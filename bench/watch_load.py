"""Event streams and pollers in a process of their own: plain sockets, to measure the server and not itself.

`python watch_load.py HOST PORT`: a first line of JSON on standard input says what (`Asked`); it prints `open` once
every stream has shown something, waits for a line, begins to poll, and prints its figures as JSON.
"""

import asyncio
import gc
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

import figures

MARK = b'"current_message":"'
AT_ONCE = 100
"""Connections opened concurrently."""


@dataclass
class Asked:
    head: str
    """The headers of each request."""
    paths: list[str]
    streams: int
    pollers: int
    connections: int
    """Connections shared by the pollers: one each, if the limit on open files allows."""
    seconds: float


@dataclass
class Seen:
    """Measurements of all watchers."""

    showing: int = 0
    events: int = 0
    lags: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    measuring: bool = False


class Stream(asyncio.Protocol):
    """One event stream; measures the age of each message on arrival."""

    def __init__(self, request: bytes, seen: Seen) -> None:
        self._request = request
        self._seen = seen
        self._last_stamp = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        at = data.rfind(MARK) + len(MARK)
        if at < len(MARK):
            return
        stamp = data[at : data.find(b'"', at)]
        if not self._last_stamp:
            self._seen.showing += 1
        elif stamp != self._last_stamp and self._seen.measuring and stamp[:1].isdigit():
            self._seen.events += 1
            self._seen.lags.append((time.monotonic() - float(stamp)) * 1000)
        self._last_stamp = stamp

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how asyncio calls it
        self._seen.lost += 1


class Line(asyncio.Protocol):
    """One poller connection: one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None
        self.free = asyncio.Lock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or self._answer is None or self._answer.done():
            return
        length = _header(self._buffer[:head], b"content-length")
        if len(self._buffer) >= head + 4 + int(length or 0):
            answer, self._buffer = self._buffer[:head], b""
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """The head of the response."""
        async with self.free:
            self._answer = asyncio.get_running_loop().create_future()
            self._transport.write(request)
            return await self._answer


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name + b": ")
    return head[at + len(name) + 4 :].partition(b"\r\n")[0] if at >= 0 else b""


async def poll(line: Line, path: str, head: str, seen: Seen) -> None:
    """Poll as our page does: with the last `ETag`, at the interval that the server asks for."""
    tag, pace = b"", random.uniform(0, 2)
    while True:
        await asyncio.sleep(pace)
        match = f"If-None-Match: {tag.decode()}\r\n" if tag else ""
        began = time.monotonic()
        answer = await line.ask(f"GET {path} HTTP/1.1\r\n{head}{match}\r\n".encode())
        seen.statuses[int(answer[9:12])] += 1
        if seen.measuring:
            seen.polls.append((time.monotonic() - began) * 1000)
        tag = _header(answer, b"etag") or tag
        pace = float(_header(answer, b"retry-after") or 2) * random.uniform(0.9, 1.1)


async def opened(host: str, port: int, makers: list[Any]) -> list[Any]:
    """Open connections, a limited number concurrently."""
    loop = asyncio.get_running_loop()
    made: list[Any] = []
    for i in range(0, len(makers), AT_ONCE):
        some = [loop.create_connection(maker, host, port) for maker in makers[i : i + AT_ONCE]]
        made += [protocol for _, protocol in await asyncio.gather(*some)]
    return made


async def run(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    asked = Asked(**json.loads(await loop.run_in_executor(None, sys.stdin.readline)))
    seen = Seen()

    def stream(n: int) -> Stream:
        path = asked.paths[n % len(asked.paths)] + "/events"
        return Stream(f"GET {path} HTTP/1.1\r\n{asked.head}Accept: text/event-stream\r\n\r\n".encode(), seen)

    await opened(host, port, [lambda n=n: stream(n) for n in range(asked.streams)])
    while seen.showing < asked.streams:  # noqa: ASYNC110 - the streams have no event for it
        await asyncio.sleep(0.05)
    print("open", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    lines = await opened(host, port, [Line] * asked.connections)
    pollers = [
        asyncio.create_task(poll(lines[n % len(lines)], asked.paths[n % len(asked.paths)], asked.head, seen))
        for n in range(asked.pollers)
    ]
    await asyncio.sleep(min(5.0, asked.seconds))
    gc.freeze()  # collector pauses of this process would count as lag
    gc.disable()
    seen.measuring = True
    print("measuring", flush=True)
    await asyncio.sleep(asked.seconds)
    seen.measuring = False
    failed = [p for p in pollers if p.done()]
    print(json.dumps(_report(seen, asked) | {"failed_pollers": len(failed)}), flush=True)


def _report(seen: Seen, asked: Asked) -> dict[str, Any]:
    def of(values: list[float], percent: float) -> float:
        return figures.percentile(values, percent) if values else 0.0

    return {
        "events": seen.events / asked.seconds,
        "lag_p50": of(seen.lags, 50),
        "lag_p99": of(seen.lags, 99),
        "polls": len(seen.polls) / asked.seconds,
        "poll_p50": of(seen.polls, 50),
        "poll_p99": of(seen.polls, 99),
        "statuses": dict(seen.statuses),
        "lost": seen.lost,
    }


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], int(sys.argv[2])))
