"""The latency of a claim with very many pending sessions and with few, on both stores."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import psycopg

import figures
import servers
import sites
from outlast.backends.clock import SystemClock
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.ports.store import ClaimRequest, Store
from outlast.testing.acts import WORKER, register_worker

FEW, REAL = 1_000, 50
CLAIMS = 300
WARM = 100
WAITING = """
INSERT INTO analysis_sessions (id, user_session, analysis, subject, input, queue, priority, steps, total_steps,
    max_attempts, timeout, created_at, updated_at, available_at, version)
SELECT 'filler ' || i, 'owner ' || i, 'site', 'subject ' || i, '{}', 'analysis', 0, '[]', 0, 3, 300, at, at, at, 1
"""
IN_SQLITE = f"""
WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2),
rows (i, at) AS (SELECT i, strftime('%Y-%m-%d %H:%M:%f000', 1767225600 + i / 1000.0, 'unixepoch') FROM n)
{WAITING.replace(", total_steps", "").replace("'[]', 0,", "'[]',")} FROM rows
"""
IN_POSTGRES = f"""
{WAITING} FROM generate_series(%s::int, %s::int) AS i
CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01' + i * interval '1 millisecond') AS times (at)
"""


async def claimed(store: Store) -> float:
    """The median latency of claiming one session, in milliseconds."""
    took: list[float] = []
    for n in range(-WARM, CLAIMS):
        began = time.perf_counter()
        got = await store.claim(WORKER, ClaimRequest(["analysis"], ["site"], 1))
        if n >= 0:
            took.append((time.perf_counter() - began) * 1000)
        assert len(got) == 1
    return figures.median(took)


async def compared(store: Store, fill: Callable[[int, int], Awaitable[None]], many: int) -> tuple[float, float]:
    await store.open(migrate=True)
    register_worker(store)
    await fill(1, FEW)
    few = await claimed(store)
    await fill(FEW + 1, many)
    answer = await claimed(store), few
    await store.close()
    return answer


async def run(many: int) -> None:
    with sites.folder() as folder:
        file = folder / "outlast.db"

        async def in_sqlite(first: int, last: int) -> None:
            connection = apsw.Connection(str(file))
            connection.execute(IN_SQLITE, (first, last))
            connection.execute("ANALYZE")
            connection.close()

        ours = [("SQLite", *await compared(SQLiteStore(file, SystemClock()), in_sqlite, many))]
        with servers.postgres(Path(folder)) as server:
            url = servers.new_database(server, "claims")

            async def in_postgres(first: int, last: int) -> None:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute(IN_POSTGRES, (first, last))
                    await connection.execute("VACUUM ANALYZE analysis_sessions")

            ours.append(("PostgreSQL", *await compared(PostgresStore(url, SystemClock()), in_postgres, many)))
    figures.show(
        f"A claim of one when {many:,} wait, beside {FEW:,}",
        [
            figures.Figure(name, long, "ms", short, f"{FEW:,} wait", ratio_at_most=1.5)
            for name, long, short in ours
        ],
    )


def main() -> None:
    asyncio.run(run(20_000 * figures.size(REAL)))


if __name__ == "__main__":
    main()
