"""Sessions that do nothing, paced, without and with a transaction held open, as `pg_dump` holds one.

What they leave behind cannot be cleaned up while its snapshot lives. The last of each run count. `--passed` puts
so many sessions there that have ended, instead of waiting for them; `--rounds` then takes turns, where the machine
has others to serve.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

import figures
import servers
import sites
from peers.peer import SLOTS, Slots

REAL = 10
RATE = 500
EVERY = 0.02
"""Seconds between two batches of starts."""
MOST_AT_ONCE = 2_000
"""Maximum number of concurrent starts; beyond it the pace drops."""
WARM = 20
"""Warm-up sessions that are not counted."""
PART = 0.2
"""The last sessions of each run, which the report shows."""
PATIENCE = 60.0
"""Seconds for the remaining sessions to begin after the last start."""
WAITING = """
INSERT INTO analysis_sessions (id, user_session, analysis, subject, input, queue, priority, steps, total_steps,
    max_attempts, timeout, created_at, updated_at, available_at, offered_at, version)
SELECT id, id, 'begins', '', '{}', 'analysis', 0, '[]', 0, 3, 300, at, at, at, at, 1
FROM unnest(%(ids)s::text []) AS id CROSS JOIN LATERAL (SELECT clock_timestamp() AS at) AS times
"""
CLAIMED = """
UPDATE analysis_sessions SET status = 'processing', claim = 1, attempt = 1, worker_id = 'passed'
WHERE id = ANY(%(ids)s)
"""
ENDED = """
UPDATE analysis_sessions SET status = 'completed', progress_percentage = 100, worker_id = NULL,
    completed_at = clock_timestamp()
WHERE id = ANY(%(ids)s)
"""


@dataclass(frozen=True)
class Passed:
    """One run."""

    sessions: int
    throughput: float
    """Sessions begun per second, of the last ones."""
    p50: float
    p99: float
    """Milliseconds from the call of `start` to the begin."""


@contextmanager
def snapshot(url: str) -> Iterator[None]:
    """Hold a transaction open during the block: it reads once and then idles."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM analysis_sessions")
        yield
        connection.rollback()


def pass_by(url: str, sessions: int) -> None:
    """Insert the rows of ended sessions, a thousand at a time."""
    ids = [f"passed {n}" for n in range(sessions)]
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(0, sessions, 1000):
            with connection.transaction():
                for statement in (WAITING, CLAIMED, ENDED):
                    connection.execute(statement, {"ids": ids[first : first + 1000]})
        connection.execute("VACUUM ANALYZE analysis_sessions")  # as autovacuum does


async def start(n: int, refused: list[int]) -> None:
    from outlast.domain.errors import StoreUnavailable
    from peers.ours import peer

    try:
        await peer.begin(n)
    except StoreUnavailable:
        refused.append(n)


async def paced(seconds: float, rate: float) -> tuple[list[float], set[int]]:
    """Start sessions at this rate; returns when each start was called, and which were refused."""
    asked: list[float] = []
    refused: list[int] = []
    on_the_way: set[asyncio.Task[None]] = set()
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        while len(on_the_way) >= MOST_AT_ONCE:
            await asyncio.wait(on_the_way, return_when=asyncio.FIRST_COMPLETED)
        wanted = min(SLOTS - WARM, int((now - began) * rate) + 1, len(asked) + MOST_AT_ONCE)
        for n in range(len(asked), wanted):
            asked.append(time.monotonic())
            task = asyncio.create_task(start(n, refused))
            on_the_way.add(task)
            task.add_done_callback(on_the_way.discard)
        await asyncio.sleep(EVERY)
    await asyncio.gather(*on_the_way)
    return asked, set(refused)


async def until_begun(slots: Slots, numbers: list[int]) -> list[int]:
    """Wait for the sessions to begin, for a limited time; returns those that did."""
    end = time.monotonic() + PATIENCE
    while not all(slots[n] for n in numbers) and time.monotonic() < end:  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0.2)
    return [n for n in numbers if slots[n]]


async def run(seconds: float, rate: float) -> Passed:
    from peers.ours import peer

    await peer.open()
    slots = Slots(Path(os.environ["BENCH_SLOTS"]))
    worker = ("-m", "outlast", "workers", "run", "--app", "peers.ours:outlast", "--concurrency", "250")
    with sites.process(*worker):
        warm = list(range(SLOTS - WARM, SLOTS))
        await asyncio.gather(*(peer.begin(n) for n in warm))
        await until_begun(slots, warm)
        asked, refused = await paced(seconds, rate)
        numbers = [n for n in range(len(asked)) if n not in refused]
        begun = await until_begun(slots, numbers)
    await peer.close()
    if len(begun) < len(asked):
        missing = len(numbers) - len(begun)
        print(f"  of {len(asked)} starts {len(refused)} were refused, and {missing} have not begun in time")
    last = begun[-max(2, int(len(asked) * PART)) :]
    pickups = [(slots[n] - asked[n]) * 1000 for n in last]
    took = max(slots[n] for n in last) - asked[last[0]]
    return Passed(len(begun), len(last) / took, figures.percentile(pickups, 50), figures.percentile(pickups, 99))


def measured(seconds: float, rate: float) -> Passed:
    return asyncio.run(run(seconds, rate))


def apart(url: str, slots: Path, seconds: float, rate: float) -> Passed:
    """Run once in a separate process, as the environment is read only once."""
    os.environ |= {"DATABASE_URL": url, "BENCH_SLOTS": str(slots)}
    os.environ["APP_KEY"] = "of-no-use-outside-the-benchmarks-0123456789"
    os.environ.pop(
        "ANALYSIS_MAX_PENDING", None
    )  # the default limit, which the count of pending sessions relies on
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(measured, seconds, rate).result()


async def migrated(url: str) -> None:
    from outlast.backends.clock import SystemClock
    from outlast.backends.postgres.store import PostgresStore

    store = PostgresStore(url, SystemClock())
    await store.open(migrate=True)
    await store.close()


def middle(rounds: list[Passed]) -> Passed:
    return Passed(
        sum(r.sessions for r in rounds),
        figures.median([r.throughput for r in rounds]),
        figures.median([r.p50 for r in rounds]),
        figures.median([r.p99 for r in rounds]),
    )


def show(title: str, free: Passed, held: Passed) -> None:
    none = "none held"
    figures.show(
        title,
        [
            figures.Figure("sessions begun", held.sessions, "in all", free.sessions, none),
            figures.Figure("the last", held.throughput, "a second", free.throughput, none, ratio_at_least=0.9),
            figures.Figure("pick-up, p50", held.p50, "ms", free.p50, none, ratio_at_most=1.5),
            figures.Figure("pick-up, p99", held.p99, "ms", free.p99, none, ratio_at_most=1.5),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=REAL, help=f"minutes; 1 is 3 seconds; {REAL} is the real one")
    parser.add_argument("--rate", type=float, default=RATE, help="starts a second")
    parser.add_argument("--passed", type=int, default=0, help="sessions that have ended before")
    parser.add_argument("--rounds", type=int, default=1, help="of each, in turns")
    asked = parser.parse_args()
    size = max(1, asked.size)
    seconds = 60.0 * size if size > 1 else 3.0
    with sites.folder() as folder, servers.postgres(folder) as postgres:
        free, held = servers.new_database(postgres, "free"), servers.new_database(postgres, "held")
        for url in (free, held):
            asyncio.run(migrated(url))
        with snapshot(held):
            for url in (free, held):
                pass_by(url, asked.passed)
            runs: list[tuple[Passed, Passed]] = []
            for number in range(asked.rounds):
                first, second = (
                    apart(url, folder / f"{name}{number}", seconds, asked.rate)
                    for name, url in (("free", free), ("held", held))
                )
                runs.append((first, second))
    title = (
        f"{asked.rate:g} no-ops a second for {seconds:g} s after {asked.passed:,}, a snapshot held, beside none"
    )
    show(title, middle([run[0] for run in runs]), middle([run[1] for run in runs]))


if __name__ == "__main__":
    main()
