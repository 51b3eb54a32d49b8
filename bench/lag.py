"""Progress latency: from `report` in a worker process to a watcher in another process."""

import asyncio
import time

import figures
import sites
from outlast import Outlast


async def watch(outlast: Outlast, n: int, times: int) -> list[float]:
    started = await outlast.start("tells", owner=f"o{n}", n=n, times=times)
    lags: list[float] = []
    last_message: str | None = None
    async for view in outlast.watch(started.session.id):
        message = view.session.progress.message
        if message is not None and message != last_message and not view.session.status.final:
            last_message = message
            lags.append((time.monotonic() - float(message)) * 1000)
    return lags


async def run(sessions: int, times: int) -> None:
    with sites.folder():
        async with sites.opened() as outlast:
            with sites.worker():
                await watch(outlast, -1, 1)
                all_lags = await asyncio.gather(*(watch(outlast, n, times) for n in range(sessions)))
    lags = [lag for some in all_lags for lag in some]
    figures.show(
        f"Progress to another process's watcher, {len(lags)} of {sessions * times} reports seen",
        [
            figures.Figure("p50", figures.percentile(lags, 50), "ms"),
            figures.Figure("p95", figures.percentile(lags, 95), "ms", at_most=100),
        ],
    )


def main() -> None:
    size = figures.size(5)
    asyncio.run(run(10 * size, 4 * size))


if __name__ == "__main__":
    main()
