"""A soak test on PostgreSQL: steady load for minutes, to see whether dead rows, WAL and tables stay bounded."""

import argparse
import asyncio
import os
import time
from dataclasses import dataclass

import psycopg

import figures
import servers
import sites
from outlast.app import runtime_of

REAL = 10
AT_WORK = 100
"""Sessions in flight at any time; each reports twice a second for three seconds."""
TABLES = ("analysis_sessions", "session_progress", "attempts", "step_results", "workers")
SIZES = """
    SELECT c.relname, pg_total_relation_size(c.oid), s.n_live_tup, s.n_dead_tup
    FROM pg_class AS c INNER JOIN pg_stat_user_tables AS s ON s.relid = c.oid
    WHERE c.relname = ANY(%(tables)s)
"""


@dataclass(frozen=True)
class Sample:
    """Measurements of the database at one moment."""

    at: float
    log: int
    """Bytes ever written to the write-ahead log."""
    ended: int
    sizes: dict[str, int]
    live: dict[str, int]
    dead: dict[str, int]


async def sample(connection: psycopg.AsyncConnection, ended: int) -> Sample:
    cursor = await connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    ((log,),) = await cursor.fetchall()
    rows = await (await connection.execute(SIZES, {"tables": list(TABLES)})).fetchall()
    return Sample(
        time.monotonic(),
        int(log),
        ended,
        {name: size for name, size, _, _ in rows},
        {name: live for name, _, live, _ in rows},
        {name: dead for name, _, _, dead in rows},
    )


async def worked(outlast, until: float, ended: list[int], first: int) -> None:
    """Keep one session in flight: start it, watch it to its end, start the next one."""
    n = first
    while time.monotonic() < until:
        started = await outlast.start("steady", owner=f"o{first}", n=n)
        async for view in outlast.watch(started.session.id):
            if view.session.status.final:
                ended[0] += 1
        n += AT_WORK


async def soak(seconds: float) -> list[Sample]:
    """Sample the database at the start and ten times during the run."""
    async with sites.opened() as outlast:
        url = os.environ["DATABASE_URL"]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            with sites.worker(2 * AT_WORK):
                await outlast.start("nothing", owner="o", n=-1)
                await sites.until_ended(outlast, 1)
                ended = [0]
                samples = [await sample(connection, 0)]
                until = time.monotonic() + seconds
                cleaning = asyncio.create_task(clean(outlast, until))
                working = [asyncio.create_task(worked(outlast, until, ended, n)) for n in range(AT_WORK)]
                for _ in range(10):
                    await asyncio.sleep(seconds / 10)
                    samples.append(await sample(connection, ended[0]))
                await asyncio.gather(cleaning, *working)
    return samples


async def clean(outlast, until: float) -> None:
    """Clean up with a short retention, so that rows are deleted steadily."""
    from datetime import timedelta

    engine = await runtime_of(outlast).engine()
    while time.monotonic() < until:
        before = engine.clock.now() - timedelta(seconds=30)
        await engine.store.prune(
            sessions_before=before, results_before=before, uploads_before=before, dry_run=False
        )
        await asyncio.sleep(5)


def show(samples: list[Sample], seconds: float) -> None:
    first, middle, last = samples[0], samples[len(samples) // 2], samples[-1]
    done = max(1, last.ended - first.ended)
    rows = [
        figures.Figure("sessions ended", done / (last.at - first.at), "a second"),
        figures.Figure("log written for each session", (last.log - first.log) / done / 1000, "KB"),
    ]
    for table in ("analysis_sessions", "session_progress"):
        dead = max(x.dead[table] for x in samples)
        size, half = last.sizes[table] / 1e6, middle.sizes[table] / 1e6
        rows += [
            figures.Figure(f"{table}: most dead rows", dead, "rows"),
            figures.Figure(f"{table}: size at the end", size, "MB", half, "in the middle", ratio_at_most=1.25),
        ]
    figures.show(f"{seconds:g} s of steady work on PostgreSQL, {AT_WORK} sessions in flight", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", type=int, default=REAL, help=f"minutes; 1 is six seconds; {REAL} is the real one"
    )
    size = max(1, parser.parse_args().size)
    seconds = 60.0 * size if size > 1 else 6.0
    with sites.folder() as folder, servers.postgres(folder) as postgres:
        os.environ["DATABASE_URL"] = servers.new_database(postgres, "bench")
        os.environ["APP_KEY"] = "of-no-use-outside-the-benchmarks-0123456789"
        show(asyncio.run(soak(seconds)), seconds)


if __name__ == "__main__":
    main()
