"""How long ten honest visitors wait while another has queued thousands of sessions, and while nobody has."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

import figures
import servers
import sites
from outlast import Outlast
from outlast.app import runtime_of
from outlast.domain.session import AnalysisSession

REAL, PART = 10, 1_000
"""The real size, and the sessions of the flood for each unit of it."""
ROUNDS = 3
"""Rounds; one at size one."""
HONEST = 10
PLACES = 4
"""Attempts at once in the one worker process: fewer than honest visitors, who wait for each other too."""
SECONDS = 0.5
"""What every session takes."""
APART = 0.2
"""Seconds between the starts of honest visitors who come one after the other."""


async def begin(outlast: Outlast, owner: str, n: int) -> str:
    return (await outlast.start("waits", owner=owner, n=n, seconds=SECONDS)).id


async def waits(outlast: Outlast, ids: Iterable[str]) -> list[float]:
    """The seconds from the start of each session to its first attempt, once all have begun."""
    store = (await runtime_of(outlast).engine()).store
    waited: list[float] = []
    for session_id in ids:
        while (wait := wait_of(await store.get(session_id, owner=None))) is None:  # noqa: ASYNC110 - another's work
            await asyncio.sleep(0.02)
        waited.append(wait)
    return waited


def wait_of(session: AnalysisSession | None) -> float | None:
    if session is None or session.started_at is None:
        return None
    return (session.started_at - session.created_at).total_seconds()


async def honest_waits(flood: int) -> tuple[float, float]:
    """The p95 in seconds of ten who come at once, and of ten who come one after the other, amid this flood."""
    async with sites.opened() as outlast:
        with sites.worker(PLACES):
            await waits(outlast, [await begin(outlast, "first", -1)])
            await sites.until_ended(outlast, 1)
            for i in range(0, flood, 200):
                await asyncio.gather(*(begin(outlast, "flood", n) for n in range(i, min(i + 200, flood))))
            at_once = await asyncio.gather(*(begin(outlast, f"honest {n}", 0) for n in range(HONEST)))
            together = await waits(outlast, at_once)
            await asyncio.sleep(SECONDS)
            alone: list[str] = []
            for n in range(HONEST):
                await asyncio.sleep(APART)
                alone.append(await begin(outlast, f"late {n}", 0))
            one_by_one = await waits(outlast, alone)
    return figures.percentile(together, 95), figures.percentile(one_by_one, 95)


async def compared(folders: Iterable[Path], flood: int, *, server: str | None) -> list[figures.Figure]:
    calm: list[tuple[float, float]] = []
    flooded: list[tuple[float, float]] = []
    for folder in folders:
        for amid, found in ((0, calm), (flood, flooded)):
            os.environ["ANALYSIS_DATA_DIR"] = str(folder / str(amid))
            if server is not None:
                os.environ["DATABASE_URL"] = servers.new_database(server, "flood")
            found.append(await honest_waits(amid))
    name = "SQLite" if server is None else "PostgreSQL"
    at_once, none_flooded = (figures.median([together for together, _ in found]) for found in (flooded, calm))
    late, unhindered = (figures.median([alone for _, alone in found]) for found in (flooded, calm))
    return [
        figures.Figure(f"{name}, at once, p95", at_once, "s", none_flooded, "no flood", ratio_at_most=2),
        figures.Figure(f"{name}, one by one, p95", late, "s", unhindered, "no flood", at_most=1.5 * SECONDS),
    ]


async def run(flood: int, rounds: int) -> None:
    with sites.folder() as folder, servers.postgres(folder) as server:
        os.environ["APP_KEY"] = "of-no-use-outside-the-benchmarks-0123456789"
        ours = await compared([folder / f"s{r}" for r in range(rounds)], flood, server=None)
        ours += await compared([folder / f"p{r}" for r in range(rounds)], flood, server=server)
    figures.show(
        f"Waits of {HONEST} visitors for {PLACES} places, beside one with {flood:,} sessions of {SECONDS:g} s",
        ours,
    )


def main() -> None:
    size = figures.size(REAL)
    asyncio.run(run(PART * size, ROUNDS if size > 1 else 1))


if __name__ == "__main__":
    main()
