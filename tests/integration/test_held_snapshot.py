"""A transaction held open keeps what sessions leave behind; what claims cost does not grow with it."""

import re
from datetime import timedelta

import psycopg
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.postgres import claim_positions
from outlast.backends.postgres.claims import flat_ranges
from outlast.backends.postgres.migrate import PACKAGE
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.statements import Statements
from outlast.domain.outcome import Postponed, Released
from outlast.testing.acts import WORKER, claim_next, claim_of, ids_of, register_worker, start

PASSED = 8_000
PLACE = ("analysis", "site")
WAITING = """
INSERT INTO analysis_sessions (id, user_session, analysis, subject, input, queue, priority, steps, total_steps,
    max_attempts, timeout, created_at, updated_at, available_at, offered_at, version)
SELECT id, id, 'site', '', '{}', 'analysis', 0, '[]', 0, 3, 300, at, at, at, at, 1
FROM unnest(%(ids)s::text []) AS id CROSS JOIN LATERAL (SELECT clock_timestamp() AS at) AS times
"""
CLAIMED = """
UPDATE analysis_sessions SET status = 'processing', claim = 1, attempt = 1, worker_id = %(worker)s
WHERE id = ANY(%(ids)s)
"""
ENDED = """
UPDATE analysis_sessions SET status = 'completed', progress_percentage = 100, worker_id = NULL,
    completed_at = clock_timestamp()
WHERE id = ANY(%(ids)s)
"""


class Ahead(SystemClock):
    """As late as the test wants it to be."""

    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead


@pytest.fixture
def clock():
    return Ahead()


@pytest.fixture
def held(postgres_url):
    """A snapshot from before all that has passed since."""
    with psycopg.connect(postgres_url) as holder, psycopg.connect(postgres_url, autocommit=True) as connection:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT count(*) FROM analysis_sessions")
        for first in range(0, PASSED, 1000):
            ids = [f"passed {n}" for n in range(first, first + 1000)]
            with connection.transaction():
                for statement in (WAITING, CLAIMED, ENDED):
                    connection.execute(statement, {"ids": ids, "worker": WORKER})
        connection.execute("VACUUM ANALYZE analysis_sessions")
        yield connection


@pytest.fixture
async def store(held, postgres_url, clock, monkeypatch):
    """One whose claims have learnt where to look."""
    monkeypatch.setattr(claim_positions, "SLOW_CLAIM", 0.0)
    store = PostgresStore(postgres_url, clock)
    await store.open(migrate=True)
    register_worker(store)
    for _ in range(3):
        assert await claim_next(store) == []
    assert store._positions.ranges([PLACE], 0) is not None
    yield store
    await store.close()


def buffers(connection, name, **values):
    """Pages that a statement visits while it looks for sessions, as claims and looks for holders run it."""
    statements = Statements(PACKAGE)
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.execute(statements["avoid_sorting"].encode())
        explained = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statements[name]}".encode(), values
        )
        plan = explained.fetchone()[0][0]["Plan"]
    looks = [node for node in nodes(plan) if node.get("Index Name", "").startswith("sessions_")]
    assert looks
    return sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in looks)


def explained(connection, name):
    """The nodes of its plan, made for any values."""
    statements = Statements(PACKAGE)
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)", statements[name])))
    numbered = re.sub(r"%\((\w+)\)[sb]", lambda found: f"${names.index(found[1]) + 1}", statements[name])
    row = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered}".encode()).fetchone()
    return list(nodes(row[0][0]["Plan"]))


def nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.slow
async def test_a_claim_visits_few_pages_whatever_has_passed(store, held):
    await start(store)
    values = {
        "worker_id": WORKER,
        "queues": ["analysis"],
        "analyses": ["site"],
        "limit": 250,
        "most_crashes": 0,
        "excluded": [],
    }
    everywhere = buffers(held, "claim", **values)
    assert everywhere > PASSED / 100
    # what has passed within the last moment is all that it walks over
    held.execute("SELECT pg_sleep(1.2)")
    assert await claim_next(store)
    assert await claim_next(store) == []
    ranges = flat_ranges(store._positions.ranges([PLACE], 0))
    await start(store)
    assert buffers(held, "claim_from_positions", **ranges, **values, since_last_claim=1.0) < everywhere / 10


@pytest.mark.slow
def test_the_query_for_unregistered_holders_skips_sessions_of_registered_workers(held, postgres_url):
    before = buffers(held, "unregistered_holders")
    held.execute("INSERT INTO workers VALUES (%s, 'h', 1, '{}', '{}', 1, now(), now(), now())", (WORKER,))
    assert buffers(held, "unregistered_holders") < before / 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["claim_one", "finish", "keep_step", "report_first"])
def test_named_sessions_are_found_by_their_names_when_hardly_any_is_at_work(held, name):
    indexes = {node.get("Index Name") for node in explained(held, name)} - {None}
    assert "analysis_sessions_pkey" in indexes
    assert {index for index in indexes if index.startswith("sessions_")} == set()


@pytest.mark.slow
async def test_holders_that_are_not_registered_are_found_between_the_others(store, held):
    for name in ("a", "m", "z"):
        register_worker(store, f"worker-{name}")
    alone = ["aaa", "worker-b", "worker-c", "worker-n", "zzz"]
    for name in alone:
        ids = [f"of {name} {n}" for n in range(2)]
        held.execute(WAITING, {"ids": ids})
        held.execute(CLAIMED, {"ids": ids, "worker": name})
    found = {beat.worker_id: beat.token for beat in await store.heartbeats()}
    assert sorted(name for name, token in found.items() if not token) == alone
    assert {"worker-a", "worker-m", "worker-z", WORKER} < found.keys()


@pytest.mark.slow
async def test_what_starts_is_claimed_in_the_order_of_priorities_and_starts(store):
    sessions = [await start(store, priority=priority) for priority in (0, 7, 0, -7, 7)]
    expected = [sessions[n].id for n in (1, 4, 0, 2, 3)]
    assert [(await claim_next(store, limit=1))[0].id for _ in range(5)] == expected
    again = [await start(store, priority=priority) for priority in (-7, 7, 0)]
    assert [session.id for session in await claim_next(store)] == [again[n].id for n in (1, 2, 0)]


@pytest.mark.slow
async def test_released_and_due_postponed_sessions_are_claimed_at_once(store):
    first, second = await start(store), await start(store)
    taken = {session.id: session for session in await claim_next(store)}
    await start(store)
    assert len(await claim_next(store)) == 1
    await store.finish(claim_of(taken[first.id]), Released())
    await store.finish(claim_of(taken[second.id]), Postponed("again", "timeout", None, 0.0, ()))
    assert ids_of(await claim_next(store)) == {first.id, second.id}


@pytest.mark.slow
async def test_rows_behind_the_position_are_found_by_a_full_scan(store, held, clock):
    late = await start(store)
    held.execute(
        "UPDATE analysis_sessions SET turn_at = turn_at - %(by)s, created_at = created_at - %(by)s "
        "WHERE id = %(id)s",
        {"by": timedelta(hours=1), "id": late.id},
    )
    assert await claim_next(store) == []
    clock.ahead += 600
    assert ids_of(await claim_next(store)) == {late.id}


@pytest.mark.slow
async def test_many_that_come_to_light_together_are_claimed_one_after_the_other(store, held, clock):
    late = [await start(store) for _ in range(10)]
    held.execute(
        "UPDATE analysis_sessions SET turn_at = turn_at - %s WHERE status = 'pending'",
        (timedelta(hours=1),),
    )
    clock.ahead += 600
    taken = [session.id for _ in range(5) for session in await claim_next(store, limit=2)]
    assert taken == [session.id for session in late]
