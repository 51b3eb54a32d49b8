"""Throughput of empty sessions drained by one worker process."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import figures
import sites

ROUNDS = 3
"""Rounds; one at size one."""


async def drained(done: Callable[[], Awaitable[int]], already: int, wanted: int) -> float:
    """Sessions a second, from the first observed end to the last."""
    seen = already
    first = time.monotonic()
    while seen == already:
        await asyncio.sleep(0.005)
        first, seen = time.monotonic(), await done()
    start, last = seen, seen
    while last < already + wanted:
        await asyncio.sleep(0.005)
        last = await done()
    return (last - start) / (time.monotonic() - first)


async def run(sessions: int, rounds: int) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    with sites.folder():
        import huey_tasks

        async with sites.opened() as outlast:
            for r in range(rounds):
                await start_all(outlast.start, range(r * sessions, (r + 1) * sessions))
                with sites.worker(250):
                    ours.append(await drained(lambda: sites.ended(outlast), r * sessions, sessions))

                for n in range(sessions):
                    huey_tasks.nothing(n)

                async def done() -> int:
                    return huey_tasks.huey.storage.result_store_size()

                with sites.huey_worker():
                    theirs.append(await drained(done, r * sessions, sessions))
    figures.show(
        f"Drain, {rounds} interleaved rounds of {sessions}",
        [
            figures.Figure(
                "sessions", figures.median(ours), "a second", figures.median(theirs), "huey", ratio_at_least=1.5
            )
        ],
    )


async def start_all(start: Callable[..., Awaitable[object]], numbers: range) -> None:
    """Start many at once, so that they share commits."""
    for i in range(numbers.start, numbers.stop, 200):
        some = range(i, min(i + 200, numbers.stop))
        await asyncio.gather(*(start("nothing", owner=f"o{n}", n=n) for n in some))


def main() -> None:
    size = figures.size(6)
    asyncio.run(run(500 * size, ROUNDS if size > 1 else 1))


if __name__ == "__main__":
    main()
