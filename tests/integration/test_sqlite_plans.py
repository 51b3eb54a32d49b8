"""What the statements cost when there are very many rows: no scan, no sorting, no preparing twice."""

import contextlib
import re

import apsw
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.sqlite.migrate import PACKAGE
from outlast.backends.sqlite.store import SQLiteStore
from outlast.backends.statements import Statements
from outlast.ports.store import StartLimits
from outlast.testing.acts import WORKER, claim_next, new_session, register_worker
from sqlite_template import put_store

FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO analysis_sessions (id, user_session, analysis, subject, input, queue, priority, steps, max_attempts,
    timeout, created_at, updated_at, available_at, version)
SELECT 'filler ' || ?2 || i, 'owner ' || i, ?2, 'subject ' || i, '{}', 'analysis', 0, '[]', 3, 300,
    '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', 1 FROM n
"""

MAY_SCAN = {
    "stored_bytes_of_all",  # every few seconds, of uploads alone
    "busy_workers",
    "workers",
    "count",
    "record_durations",
    "select_newest",
    "select_of_status",
    "depths",
    "ended",
    "end_future_waits",
    "failure_reasons",
    "find_sessions",
    "loads",
    "metric_samples",
    "search_sessions",
    "wake_blocked_keys",
}
"""Small tables, a report that reads them all, a look now and then, or no more rows than were asked for."""


@pytest.fixture
async def store(tmp_path):
    store = SQLiteStore(put_store(tmp_path), SystemClock())
    await store.open(migrate=True)
    yield store
    await store.close()


class Meter:
    """How many steps SQLite's machine takes in the writer's thread."""

    def __init__(self, store):
        self._store = store

    async def steps(self, verb):
        taken = []
        connection = self._store._db._writer._connection
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda event: taken.append(event["stmt_status"]))
        await verb()
        connection.trace_v2(0, None)
        return sum(status["SQLITE_STMTSTATUS_VM_STEP"] for status in taken)


async def add(store, **changes):
    return (await store.add(new_session(**changes), StartLimits(10**9, 10**9))).session


async def fill(store, count, analysis="site"):
    await store._db.write(lambda c: c.execute(FILL, (count, analysis)), durable=False)


def plan(store, name):
    statement = store._sql[name]
    values = dict.fromkeys(re.findall(r":(\w+)", statement))
    rows = store._db.read(lambda c: c.execute("EXPLAIN QUERY PLAN " + statement, values).fetchall())
    return [row[3] for row in rows]


@pytest.mark.slow
async def test_no_statement_scans_or_sorts_a_large_table(store):
    large = r"SCAN (analysis_sessions|s|results|attempts|step_results|uploads|upload_chunks|step_statistics|k)\b"
    first_only = r"SCAN (analysis_sessions|s) USING (COVERING )?INDEX sessions_(claimable|limited|suspect|held)"
    for name in store._sql:
        if name in MAY_SCAN:
            continue
        for line in plan(store, name):
            assert "TEMP B-TREE" not in line, name
            assert not re.search(large, line) or re.fullmatch(first_only, line), (name, line)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("next_claimable", "USING INDEX sessions_claimable (queue=? AND analysis=?)"),
        ("next_claimable", "INDEX sessions_suspect (queue=? AND analysis=?)"),
        ("make_ready", "COVERING INDEX sessions_postponed (available_at<?)"),
        ("due_offers", "INDEX sessions_by_offer (offered_at=?)"),
        ("due_offers", "INDEX sessions_by_offer (offered_at<?)"),
        (
            "queue_position",
            "COVERING INDEX sessions_claimable (queue=? AND analysis=? AND turn_at<?)",
        ),
        ("heartbeats", "COVERING INDEX sessions_held (worker_id>?)"),
        ("held_sessions", "INDEX sessions_held (worker_id=?)"),
        ("decrement_lapses", "INDEX attempts_lapsed (worker_id=?)"),
        ("record_return", "INDEX attempts_lapsed (worker_id=?)"),
        ("select_of_owner", "INDEX sessions_by_owner (user_session=? AND created_at>? AND created_at<?)"),
        ("select_of_status", "INDEX sessions_by_status (status=? AND created_at>? AND created_at<?)"),
        ("select_failed", "INDEX sessions_failed_by_end (completed_at>? AND completed_at<?)"),
        ("failure_reasons", "COVERING INDEX sessions_failed"),
        ("find_sessions", "INDEX attempts_by_reference (reference=?)"),
        ("prune_sessions", "INDEX sessions_by_end (completed_at>? AND completed_at<?)"),
        ("prune_failed", "INDEX sessions_failed_by_end (completed_at<?)"),
        ("add", "INDEX sessions_in_flight (user_session=?)"),
        ("shared", "INDEX results_by_share (share=?)"),
        ("report", "INDEX sqlite_autoindex_analysis_sessions_1 (id=?)"),
    ],
)
async def test_a_statement_goes_by_its_index(store, name, index):
    assert any(index in line for line in plan(store, name))


@pytest.mark.slow
async def test_starts_claims_and_places_cost_the_same_however_many_wait(store):
    meter = Meter(store)
    register_worker(store)

    async def cost():
        session = await add(store, priority=1_000_000)  # the others have waited for long
        assert await store.queue_position(session.id) == 1
        claiming = await meter.steps(lambda: claim_next(store, limit=1))
        return claiming + await meter.steps(lambda: add(store, priority=-1))

    await fill(store, 1_000)
    few = await cost()
    await store._db.write(lambda c: c.execute("DELETE FROM analysis_sessions WHERE id LIKE 'filler%'"))
    await fill(store, 60_000)
    assert await cost() < few * 1.5


@pytest.mark.slow
async def test_offers_to_a_fleet_cost_the_same_however_many_wait(store):
    meter = Meter(store)

    async def cost():
        await store._db.write(lambda c: c.execute("UPDATE analysis_sessions SET offered_at = datetime('now')"))
        session = await add(store)
        register_worker(store)
        await claim_next(store, limit=1)
        await store.release_worker(WORKER)
        offered = []

        async def offer():
            offered.extend(await store.offer(again_after=60, limit=500))

        steps = await meter.steps(offer)
        assert len(offered) == 1
        assert await store.offer(again_after=60, limit=500) == []
        await store.cancel(session.id, owner=None)
        return steps

    await fill(store, 1_000)
    few = await cost()
    await fill(store, 60_000, "another")
    assert await cost() - few < few * 1.5  # the statements are the same, and SQLite adds up their steps


@pytest.mark.slow
async def test_work_for_others_in_the_same_queue_does_not_slow_a_claim(store):
    meter = Meter(store)
    register_worker(store)
    await add(store)
    without = await meter.steps(lambda: claim_next(store))
    await fill(store, 20_000, "unknown here")
    await add(store)
    assert await meter.steps(lambda: claim_next(store)) < without * 1.5


NUMBERS = {"limit", "batch", "deepest", "most_crashes", "kept", "ready", "waiting"}
LISTS = {
    "admitted",
    "facts",
    "counts",
    "keys",
    "fingerprints",
    "seen",
    "ids",
    "updates",
    "taken",
    "samples",
    "workers",
    "numbers",
}


@pytest.mark.parametrize("name", sorted(Statements(PACKAGE)))
async def test_no_statement_is_prepared_twice(store, name):
    statement = "-- behind a comment apsw does not reset the counter\n" + store._sql[name]
    values = {
        key: 3 if key in NUMBERS else "[]" if key in LISTS else "x"
        for key in re.findall(r":(\w+)", store._sql[name])
    }
    connection = store._db._writer._connection
    again = []
    for _ in range(3):
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda event: again.append(event["stmt_status"]))
        with contextlib.suppress(apsw.ConstraintError):
            await store._db.write(lambda c: c.execute(statement, values).fetchall(), durable=False)
        connection.trace_v2(0, None)
    assert again
    assert sum(status["SQLITE_STMTSTATUS_REPREPARE"] for status in again) == 0
