"""I/O-bound analyses, all in flight in one worker process: wall time, and memory per session."""

import asyncio
import threading
import time

import psutil

import figures
import sites
from outlast.app import runtime_of

AT_ONCE = 10_000
SECONDS = 20.0


async def run(sessions: int, seconds: float) -> None:
    with sites.folder():
        async with sites.opened() as outlast:
            with sites.worker(AT_ONCE) as child:
                await outlast.start("waits", owner="first", n=-1, seconds=0.01)
                await sites.until_ended(outlast, 1)
                process = psutil.Process(child.pid)
                before = process.memory_info().rss
                peak = Peak(process)
                began = time.monotonic()
                for i in range(0, sessions, 200):
                    some = range(i, min(i + 200, sessions))
                    await asyncio.gather(
                        *(outlast.start("waits", owner=f"o{n}", n=n, seconds=seconds) for n in some)
                    )
                started = time.monotonic() - began
                await sites.until_ended(outlast, sessions + 1)
                wall = time.monotonic() - began
                cpu = sum(process.cpu_times()[:2])
                each = (peak.end() - before) / sessions / 1000
            claims = await most_claims(outlast)
    figures.show(
        f"{sessions} waiting analyses of {seconds:g} s with four reports, one worker process",
        [
            figures.Figure("wall time", wall, "s", seconds, "the sleep itself"),
            figures.Figure("until all were started", started, "s"),
            figures.Figure("memory of each", each, "KB", at_most=40),
            figures.Figure("processor time of the worker", cpu, "s"),
            figures.Figure("claims of the one claimed most often", claims, "times", at_most=1),
        ],
    )


async def most_claims(outlast) -> int:
    """The number of workers; more than one means that a worker lost its lease under load."""
    from outlast.ports.store import Selection

    engine = await runtime_of(outlast).engine()
    return max(s.claim for s in await engine.store.select(Selection(limit=1000)))


class Peak:
    """The peak resident size of a process, sampled ten times a second."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def end(self) -> int:
        self._over.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        while not self._over.wait(0.1):
            self._peak = max(self._peak, self._process.memory_info().rss)


def main() -> None:
    size = figures.size(10)
    asyncio.run(run(min(1000 * size, AT_ONCE), min(2.0 * size, SECONDS)))


if __name__ == "__main__":
    main()
