"""Pick-up latency between processes: from the call of `start` to the job's first line, with an idle worker."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable

import figures
import sites

ROUNDS = 3
"""Rounds; one at size one."""


class StartListener:
    """Receives the start time of each job over a socket."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(os.environ["BENCH_EAR"])

    async def of(self, n: int) -> float:
        loop = asyncio.get_running_loop()
        while True:
            async with asyncio.timeout(30):
                received, _, began = (await loop.sock_recv(self._socket, 100)).partition(b" ")
            if int(received) == n:
                return float(began)

    def close(self) -> None:
        self._socket.close()


async def measure(
    begin: Callable[[int], Awaitable[object]], listener: StartListener, times: int, first: int
) -> list[float]:
    """Measure pick-ups one at a time, after random pauses; returns milliseconds."""
    took: list[float] = []
    for n in range(first, first + times):
        await asyncio.sleep(random.uniform(0.01, 0.06))
        asked = time.monotonic()
        await begin(n)
        took.append((await listener.of(n) - asked) * 1000)
    return took


async def run(times: int, rounds: int) -> None:
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    with sites.folder():
        listener = StartListener()
        import huey_tasks

        async def begin(n: int) -> None:
            await outlast.start("stamp", owner=f"o{n}", n=n)

        async def begin_theirs(n: int) -> None:
            huey_tasks.stamp(n)

        async with sites.opened() as outlast:
            with sites.worker(), sites.huey_worker():
                await measure(begin, listener, 3, -10)
                await measure(begin_theirs, listener, 1, -20)
                for r in range(rounds):
                    ours.append(await measure(begin, listener, times, 1000 * r))
                    theirs.append(await measure(begin_theirs, listener, max(5, times // 4), 100_000 + 1000 * r))
        listener.close()

    def middle(percent: float, rounds: list[list[float]]) -> float:
        return figures.median([figures.percentile(r, percent) for r in rounds])

    figures.show(
        f"Pick-up between processes, {rounds} interleaved rounds of {times}",
        [
            figures.Figure("p50", middle(50, ours), "ms", middle(50, theirs), "huey", at_most=3),
            figures.Figure("p99", middle(99, ours), "ms", middle(99, theirs), "huey", at_most=15),
        ],
    )


def main() -> None:
    size = figures.size(5)
    asyncio.run(run(20 * size, ROUNDS if size > 1 else 1))


if __name__ == "__main__":
    main()
