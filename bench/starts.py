"""Starts over HTTP: latency until a start is durable, at 200 a second; and throughput one by one."""

import asyncio
import contextlib
import json
import re
import time

import figures
import sites

RATE = 200
CONNECTIONS = 20


class Line:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    async def start(self, n: int) -> None:
        body = json.dumps({"analysis": "nothing", "input": {"n": n}})
        self._writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert head.startswith(b"HTTP/1.1 202"), head
        assert length, head
        await self._reader.readexactly(int(length[1]))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def over_http(seconds: float) -> list[float]:
    """Milliseconds of each start, counted from when it was due, so that queueing counts too."""
    with sites.served() as server:
        head = f"POST /api/analysis/start HTTP/1.1\r\n{server.head}Content-Type: application/json\r\n"
        free: asyncio.Queue[Line] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            free.put_nowait(Line(*await asyncio.open_connection("127.0.0.1", server.port), head))
        took: list[float] = []

        async def one(n: int, due: float) -> None:
            line = await free.get()
            await line.start(n)
            took.append((time.monotonic() - due) * 1000)
            free.put_nowait(line)

        await asyncio.gather(*(one(-n, time.monotonic()) for n in range(1, 30)))
        took.clear()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in range(int(RATE * seconds)):
                due = began + n / RATE
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(one(n, due))
        while not free.empty():
            await free.get_nowait().close()
        return took


async def one_by_one(times: int) -> float:
    async with sites.opened() as outlast:
        await outlast.start("nothing", owner="o", n=-1)
        began = time.monotonic()
        for n in range(times):
            await outlast.start("nothing", owner=f"o{n}", n=n)
        return times / (time.monotonic() - began)


def enqueue(times: int) -> float:
    import huey_tasks

    began = time.monotonic()
    for n in range(times):
        huey_tasks.nothing(n)
    return times / (time.monotonic() - began)


async def run(size: int) -> None:
    with sites.folder():
        took = await over_http(1.0 * size)
    ours: list[float] = []
    theirs: list[float] = []
    with sites.folder():
        for _ in range(3):
            ours.append(await one_by_one(200 * size))
            theirs.append(enqueue(200 * size))
    figures.show(
        f"Starts, {len(took)} over HTTP at {RATE} a second, 3 × {200 * size} one by one",
        [
            figures.Figure("acknowledged, p50", figures.percentile(took, 50), "ms"),
            figures.Figure("acknowledged, p99", figures.percentile(took, 99), "ms", at_most=25),
            figures.Figure(
                "one by one, durable",
                figures.median(ours),
                "a second",
                figures.median(theirs),
                "huey",
                at_least=2000,
            ),
        ],
    )


def main() -> None:
    asyncio.run(run(figures.size(5)))


if __name__ == "__main__":
    main()
