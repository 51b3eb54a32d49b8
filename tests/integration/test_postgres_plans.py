"""What the statements cost when there are very many rows: everything goes by its index."""

import asyncio
import json
import re

import psycopg
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.postgres.migrate import PACKAGE
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.statements import INCLUDE, Statements
from servers import QUICK, PostgresServer, folder_in_memory, template_database

pytestmark = pytest.mark.slow

ROWS = 250_000
AS_MANY = 4
"""Times as many are what the plans are made for: to read a table in order is given that price."""
BESIDE = """
INSERT INTO session_progress
SELECT id, claim, 2, 10, 1, NULL, '[]', updated_at FROM analysis_sessions WHERE status = 'processing';
INSERT INTO workers
SELECT 'worker ' || i, 'h', 1, '{}', '{}', 1, now(), now(), now() FROM generate_series(1, 100) AS i;
INSERT INTO step_results SELECT id, 'call', 'read', '1', 1 FROM analysis_sessions WHERE status = 'processing';
INSERT INTO attempts SELECT id, 1, 1, 'w', 'completed', now() FROM analysis_sessions WHERE status = 'completed';
INSERT INTO results (session_id, user_session, analysis, subject, completed_at, share, result)
SELECT id, user_session, analysis, subject, completed_at, 'link ' || id, '1'
FROM analysis_sessions WHERE status = 'completed';
"""
LARGE = {"analysis_sessions", "session_progress", "attempts", "results", "step_results"}
OF_A_COPY = re.compile(r"(refuse|allow)_\w+_changes|busy_workers|lock_starts")
MAY_READ = {
    "count": "analysis_sessions",
    "depths": "analysis_sessions",
    "select_newest": "session_progress",
    "select_of_status": "session_progress",
    "search_sessions": "session_progress",
    "stored_bytes_of_all": "results",
}
"""Reports that read them all, and a sum every few seconds; progress is a small table beside a long list."""
VALUES = {
    "limit": 250, "most_crashes": 0, "deepest": 10_000, "batch": 500, "again_after": 60.0, "kept": 50,
    "ids": [f"session {n}" for n in range(100)], "owners": [f"owner {n}" for n in range(100)],
    "versions": [1] * 100, "queues": ["analysis"],
    "analyses": ["analysis 0", "analysis 1"], "statuses": ["pending", "completed"], "status": "pending",
    "id": "session 50", "worker_id": "worker 0", "owner": "owner 5", "anonymous": "owner 6", "analysis": None,
    "before": "2026-01-02", "since": "2026-01-02", "until": "2026-01-03", "attempts": 3,
    "steps": ["read", "judge"], "durations": [1, 2], "lease": 15.0, "workers": ["worker 0"],
    "registered": ["worker 0"], "excluded": [], "previous_id": "worker 0", "margin": 5.0,
    "range_queues": ["analysis"] * 2, "range_analyses": ["analysis 0", "analysis 1"],
    "begins": ["2026-01-02"] * 2, "ends": ["9999-01-01"] * 2, "since_last_claim": 2.0, "admitted": ["session 7"],
    "keys": ["key 1", "key 2"], "waiting": [0, 1], "wakes": ["2026-01-02", None], "times": ["2026-01-02"] * 2,
    "traceparents": ["00"] * 100, "begin": "2026-01-01", "ended_since": "2026-01-02", "after": None, "queue": None,
    "code": None, "exception": None, "max_attempts": 3, "claim": 1, "expires_at": "2026-01-02",
    "reuse_keys": ["1 everybody"] * 100, "reuse_key": "1 everybody", "result_of": "session 50", "priority": 0,
    "total_steps": 1, "timeout": 300.0, "after_time": "2026-01-02", "after_id": "session 7", "uploads": ["a" * 64],
    "never": "9999-12-31", "run_id": "session 50", "failed": True, "most": 10, "version": 1,
}  # fmt: skip
ITEMS = [
    {"id": f"session {50 * n}", "session_id": f"session {50 * n}", "claim": 1, "ended": "completed", "digest": "",
     "steps": "[]", "percentage": 5, "current_step": 1, "step": "read", "call": "call", "version": 1,
     "result": "1", "duration_ms": 1, "status": "pending", "crashes": 0}
    for n in range(1, 101)
]  # fmt: skip
IN_ORDER = {"claim_from_positions", "claim_limited_from_positions", "unregistered_holders"}
"""They run in a transaction with `in_order`. What `holders` reads shows when it runs, in test_held_snapshot.py."""


def insert_sessions(rows):
    return f"""
INSERT INTO analysis_sessions (
    id, user_session, analysis, subject, status, queue, priority, steps, total_steps, max_attempts, timeout, input,
    created_at, updated_at, available_at, offered_at, completed_at, version, claim, worker_id, deadline, ready,
    progress_percentage, turn_at
)
SELECT
    'session ' || i, 'owner ' || i % 100000, 'analysis ' || i % 3, 'subject ' || i, kind.status, 'analysis', 0,
    '[]', 0, 3, 300, '{{}}', at, at, at, at, CASE WHEN kind.status = 'completed' THEN at END, 1, 1,
    CASE WHEN kind.status = 'processing' THEN 'worker ' || i % 100 END,
    CASE WHEN kind.status = 'processing' THEN at END,
    CASE WHEN i % 100 = 1 THEN 0 WHEN i % 100 = 3 THEN 2 ELSE 1 END,
    CASE WHEN kind.status = 'completed' THEN 100 ELSE 0 END, at
FROM generate_series(1, {rows}) AS i
CROSS JOIN LATERAL (
    SELECT CASE WHEN i % 50 = 0 THEN 'processing' WHEN i % 2 = 1 THEN 'pending' ELSE 'completed' END
) AS kind (status)
CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01' + i * interval '1 second') AS times (at)
"""


@pytest.fixture(scope="module")
def connection(postgres_server):
    """A database with very many sessions, half of them waiting, made once for all processes of the run."""
    with psycopg.connect(template_database(postgres_server, "very_many", fill), autocommit=True) as connection:
        connection.execute(f"SET seq_page_cost = {AS_MANY}")
        yield connection


def fill(url):
    asyncio.run(migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename = 'analysis_sessions' AND indexname LIKE 'sessions%'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        with connection.transaction():
            # so that nothing of it is written to the log: the tables are as new as the transaction
            connection.execute(f"TRUNCATE {', '.join(LARGE)} CASCADE")
            connection.execute(insert_sessions(ROWS))
            for _, definition in indexes:
                connection.execute(definition)
            connection.execute(BESIDE)
        connection.execute("VACUUM ANALYZE")


@pytest.fixture(scope="module")
def statements():
    return Statements(PACKAGE)


async def migrated(url):
    store = PostgresStore(url, SystemClock())
    await store.open(migrate=True)
    await store.close()


def asked(statement):
    """The values that a statement asks for."""
    lists = {"items": ITEMS, "updates": ITEMS, "taken": ITEMS, "retries": ITEMS}
    names = set(re.findall(r"%\((\w+)\)", statement))
    return {name: json.dumps(lists[name]) if name in lists else VALUES.get(name, "x") for name in names}


def plan(connection, statements, name, *, generic):
    """The nodes of its plan: for these values, or for any."""
    statement = statements[name]
    with connection.transaction(force_rollback=True):
        if name in IN_ORDER:
            connection.execute(statements["avoid_sorting"].encode())
        if generic:
            names = list(dict.fromkeys(re.findall(r"%\((\w+)\)", statement)))
            numbered = re.sub(r"%\((\w+)\)[sb]", lambda found: f"${names.index(found[1]) + 1}", statement)
            row = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered}".encode()).fetchone()
        else:
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), asked(statement)).fetchone()
    return list(nodes(row[0][0]["Plan"]))


def nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def about_large_tables():
    statements = Statements(PACKAGE)
    return sorted(
        name
        for name in statements
        if not OF_A_COPY.match(name) and any(table in statements[name] for table in LARGE)
    )


@pytest.mark.parametrize("generic", [False, True], ids=["these values", "any values"])
@pytest.mark.parametrize("name", about_large_tables())
def test_no_statement_reads_a_large_table(connection, statements, name, generic):
    for node in plan(connection, statements, name, generic=generic):
        if node["Node Type"] == "Seq Scan":
            assert node["Relation Name"] not in LARGE - {MAY_READ.get(name)}


@pytest.mark.parametrize("generic", [False, True], ids=["these values", "any values"])
@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claim", "sessions_claimable"),
        ("claim", "sessions_suspect"),
        ("claim", "analysis_sessions_pkey"),
        ("make_ready", "sessions_postponed"),
        ("report", "session_progress_pkey"),
        ("finish", "analysis_sessions_pkey"),
        ("get", "analysis_sessions_pkey"),
        ("changed", "analysis_sessions_pkey"),
        ("select_of_owner", "sessions_by_owner"),
        ("select_newest", "sessions_by_status"),
        ("claim_from_positions", "sessions_claimable"),
        ("claim_from_positions", "sessions_suspect"),
        ("claim_from_positions", "analysis_sessions_pkey"),
        ("lock_lapsed_sessions", "sessions_held"),
        ("earlier_crashes", "attempts_pkey"),
        ("undo_lapses", "attempts_lapsed"),
        ("held_claims", "sessions_held"),
        ("offer", "sessions_to_offer"),
        ("queue_position", "sessions_claimable"),
        ("prune_sessions", "sessions_by_end"),
        ("prune_failed", "sessions_failed_by_end"),
        ("select_failed", "sessions_failed_by_end"),
        ("find_sessions", "attempts_by_reference"),
    ],
)
def test_a_statement_goes_by_its_index(connection, statements, name, index, generic):
    assert index in {node.get("Index Name") for node in plan(connection, statements, name, generic=generic)}


@pytest.mark.parametrize("name", ["claim", "claim_limited", "claim_from_positions", "offer", "select_newest"])
def test_what_comes_first_is_found_without_sorting_what_waits(connection, statements, name):
    for node in plan(connection, statements, name, generic=False):
        if node["Node Type"] == "Sort":  # an incremental one sorts what is equal in the index
            assert node["Plan Rows"] < 10_000


@pytest.fixture
def undisturbed():
    """A server of its own: a transaction of any other database may keep old versions on their pages."""
    server = PostgresServer(disk=folder_in_memory(), **QUICK)
    server.start()
    asyncio.run(migrated(server.url()))
    yield server.url()
    server.remove()


@pytest.mark.long
def test_a_progress_write_fits_on_the_page_of_its_old_version(undisturbed, statements):
    with psycopg.connect(undisturbed, autocommit=True) as connection:
        connection.execute(insert_sessions(50 * len(ITEMS)))
        connection.execute(BESIDE)
        for _ in range(20):
            written = connection.execute(statements["report"].encode(), {"updates": json.dumps(ITEMS)}).rowcount
            assert written == len(ITEMS)
        connection.execute("SELECT pg_stat_force_next_flush()")
        hot, every = connection.execute(
            "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'session_progress'"
        ).fetchone()
    assert every == 20 * len(ITEMS)
    assert hot > 0.9 * every


def test_every_statement_is_used(statements):
    import inspect
    from pathlib import Path

    from outlast.backends.postgres.store import PostgresStore

    folder = Path(inspect.getfile(PostgresStore)).parent
    code = "".join(file.read_text() for file in (*folder.glob("*.py"), *folder.parent.glob("*.py")))
    pruned = ("sessions", "failed", "results", "uploads", "facts")
    composed = {f"{verb}_{what}" for verb in ("prune", "count_prunable") for what in pruned}
    for name in set(statements) - composed - {"prune_start_keys", "prune_runs"}:
        assert f'"{name}"' in code, name
    included = {found["name"] for found in INCLUDE.finditer("".join(statements._texts.values()))}
    assert not set(statements._texts) - set(statements) - included
