"""The time of the dashboard's pages, `/metrics` and commands with a million sessions, and with hardly any."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

import figures
import servers
import sites
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.ports.store import Selection

REAL, PART = 100, 10_000
"""The real size, and the ended sessions for each unit of it."""
MODELS = 140
"""Sessions that really ran, of which the others are copies."""
BACKLOG = 10
"""Sessions that wait, for each unit of the size."""
DAYS = 7
"""Over which the sessions are spread."""
TIMES = 9
"""How often each page and each command is asked for; once at size one. The table has the medians."""
PAGE, COMMAND, METRICS = 0.3, 1.0, 0.1
"""The goals in seconds."""
KEY = "of-no-use-outside-the-benchmarks-9876543210"
PAGES = {
    "the overview": "/dashboard",
    "the overview of a week": "/dashboard?range=7d",
    "the sessions": "/dashboard/sessions",
    "the failed sessions": "/dashboard/sessions?status=failed",
    "the sessions of an analysis": "/dashboard/sessions?analysis=fails",
    "the sessions of an exception": "/dashboard/sessions?exception=ValueError",
    "the sessions of a queue that nobody uses": "/dashboard/sessions?queue=nobody",
    "a search for a reference": "/dashboard/sessions?q={reference}",
    "a search for an id": "/dashboard/sessions?q={id}",
    "a search that finds nothing": "/dashboard/sessions?q=nobody-wrote-this",
    "the failures": "/dashboard/failures",
    "the queues": "/dashboard/queues",
    "the workers": "/dashboard/workers",
    "the audit log": "/dashboard/audit",
    "a failed session": "/dashboard/{id}",
}
COMMANDS = {
    "queue monitor": ("queue", "monitor"),
    "queue failed --by reason": ("queue", "failed", "--by", "reason"),
    "sessions list": ("sessions", "list"),
}
LIKE = "n % (SELECT max(place) + 1 FROM models)"
COPIED = {
    "sqlite": """
        CREATE TEMP TABLE models AS
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM analysis_sessions
        WHERE completed_at IS NOT NULL;
        CREATE TEMP TABLE copies AS
        WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})
        SELECT
            m.id AS model,
            replace(replace(replace(replace(lower(hex(randomblob(13))), '0', 'w'), '1', 'x'), '8', 'y'), '9', 'z')
            AS copy,
            '-' || abs(random() % ({days} * 86400)) || ' seconds' AS shift
        FROM numbers CROSS JOIN models AS m ON m.place = {like};
        """,
    "postgres": """
        CREATE TEMP TABLE models AS
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM analysis_sessions
        WHERE completed_at IS NOT NULL;
        CREATE TEMP TABLE copies AS
        SELECT
            m.id AS model,
            left(translate(md5(random()::text || n), '0189', 'wxyz'), 26) AS copy,
            random() * {days} * INTERVAL '1 day' AS shift
        FROM generate_series(0, {count} - 1) AS n INNER JOIN models AS m ON m.place = {like};
        """,
}
"""Which session each copy is like, and by how much it ended earlier."""
EARLIER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {column}, c.shift) || '000'",
    "postgres": "{column} - c.shift",
}
KEYS = {"analysis_sessions": "id", "attempts": "session_id", "results": "session_id"}
"""The tables whose rows are copied, and their column with a session's id."""


def copy_sessions(
    store: str, count: int, columns: Mapping[str, list[str]], execute: Callable[[str], object]
) -> None:
    """Add copies of the sessions that ended, with their attempts and results, spread over the last days."""
    for statement in filter(str.strip, COPIED[store].format(count=count, days=DAYS, like=LIKE).split(";")):
        execute(statement)
    for table, key in KEYS.items():
        values = [_value(store, table, key, column) for column in columns[table]]
        execute(
            f"INSERT INTO {table} ({', '.join(columns[table])}) SELECT {', '.join(values)}"
            f" FROM {table} AS t INNER JOIN copies AS c ON c.model = t.{key}"
        )


def _value(store: str, table: str, key: str, column: str) -> str:
    if column == key:
        return "c.copy"
    if column == "share":
        return "NULL"
    if table == "attempts" and column == "reference":  # a visitor's reference is one session's
        return "CASE WHEN t.reference IS NOT NULL THEN upper(substr(c.copy, 1, 8)) END"
    if column in {"created_at", "updated_at", "started_at", "completed_at", "ended_at", "turn_at"}:
        return EARLIER[store].format(column=f"t.{column}")
    return f"t.{column}"


def fill_sqlite(path: Path, count: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA foreign_keys = ON")
        columns = {
            t: [c[1] for c in database.execute(f"PRAGMA table_info({t})")] for t in KEYS
        }  # without generated
        copy_sessions("sqlite", count, columns, database.execute)
        database.execute("PRAGMA optimize")
    database.close()


def fill_postgres(address: str, count: int) -> None:
    asked = (
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'"
        " AND is_identity = 'NO' ORDER BY ordinal_position"
    )
    with psycopg.connect(address) as database:
        columns = {t: [c for (c,) in database.execute(asked, (t,))] for t in KEYS}
        copy_sessions("postgres", count, columns, lambda s: database.execute(s.encode()))
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("VACUUM (ANALYZE)")  # as autovacuum would within minutes
        database.execute("CHECKPOINT")


async def make_models(backlog: int) -> tuple[str, str]:
    """Run some sessions to their ends and leave others waiting; returns the id and reference of a failed one."""
    async with sites.opened() as outlast:
        for n in range(MODELS):
            await outlast.start("fails" if n % 5 == 0 else "nothing", owner=f"owner {n}", n=n)
        with sites.worker():
            await sites.until_ended(outlast, MODELS)
        for n in range(backlog):
            await outlast.start("holds", owner=f"waiting {n % 50}", n=n)
        failed = await (await runtime_of(outlast).engine()).store.failed(Selection(status=Status.FAILED, limit=1))
    return failed[0].id, failed[0].reference or ""


def timings(session_id: str, reference: str, times: int) -> dict[str, float]:
    """The median time of each page, and of each command, in seconds."""
    medians: dict[str, float] = {}
    with sites.served() as server:
        site = server.browser
        form = site.get("/dashboard/enter").text
        found = re.search(r'name="csrf_token" value="([^"]*)"', form)
        token = found[1] if found else ""
        entered = site.post("/dashboard/enter", data={"key": KEY, "csrf_token": token})
        assert entered.status_code == 303, entered.text
        for name, path in [*PAGES.items(), ("/metrics", "/metrics")]:
            address = path.format(id=session_id, reference=reference)
            head = {"Authorization": f"Bearer {KEY}"} if name == "/metrics" else {}
            spent: list[float] = []
            for _ in range(times + 1):
                begun = time.perf_counter()
                answer = site.get(address, headers=head)
                spent.append(time.perf_counter() - begun)
                assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text[:200]}"
            medians[name] = figures.median(spent[1:])  # the first compiles the page's template
    for name, command in COMMANDS.items():
        spent = []
        for _ in range(times):
            begun = time.perf_counter()
            ran = subprocess.run(
                [sys.executable, "-m", "outlast", *command, "--app", "workload:outlast"],
                capture_output=True,
                text=True,
                check=False,
                cwd=sites.HERE,
            )
            spent.append(time.perf_counter() - begun)
            assert ran.returncode in {0, 1}, ran.stdout + ran.stderr  # 1: no worker takes what waits
        medians[name] = figures.median(spent)
    return medians


def goal(name: str) -> float:
    if name == "/metrics":
        return METRICS
    return COMMAND if name in COMMANDS else PAGE


def compare(store: str, fill: Callable[[int], None], count: int, times: int) -> None:
    one = asyncio.run(make_models(BACKLOG * count // PART))
    few = timings(*one, times)
    fill(count)
    many = timings(*one, times)
    figures.show(
        f"{store}: answers with {count:,} sessions, in ms, beside those with hardly any",
        [
            figures.Figure(name, seconds * 1000, "ms", few[name] * 1000, at_most=goal(name) * 1000)
            for name, seconds in many.items()
        ],
    )


def run(count: int, times: int) -> None:
    os.environ |= {"APP_KEY": "of-no-use-outside-the-benchmarks-0123456789", "ANALYSIS_DASHBOARD_KEY": KEY}
    with sites.folder() as folder, servers.postgres(folder) as server:
        os.environ["ANALYSIS_DATA_DIR"] = str(folder / "sqlite")
        compare("SQLite", lambda n: fill_sqlite(folder / "sqlite" / "outlast.db", n), count, times)
        os.environ["ANALYSIS_DATA_DIR"] = str(folder / "postgres")
        os.environ["DATABASE_URL"] = address = servers.new_database(server, "operators")
        compare("PostgreSQL", lambda n: fill_postgres(address, n), count, times)


def main() -> None:
    size = figures.size(REAL)
    run(PART * size, TIMES if size > 1 else 1)


if __name__ == "__main__":
    main()
