"""One owner's flood delays no other: measured in claims that go before, and in what a claim costs."""

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.ports.store import StartLimits
from outlast.testing.acts import WORKER, claim_next, claim_of, completed, new_session, register_worker

pytestmark = pytest.mark.slow

FLOOD, HONEST = 2_000, 10
LIMITS = StartLimits(None, 10**6)
"""Of trusted code, or raised: others never let one visitor queue that many."""


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request, tmp_path):
    if request.param == "sqlite":
        store = SQLiteStore(tmp_path / "outlast.db", SystemClock())
    else:
        store = PostgresStore(request.getfixturevalue("postgres_url"), SystemClock())
    await store.open(migrate=True)
    yield store
    await store.close()


async def test_ten_honest_owners_wait_for_one_session_of_a_flood_at_most(store):
    for _ in range(FLOOD):
        await store.add(new_session(owner="flood"), LIMITS)
    register_worker(store)
    for session in await claim_next(store, limit=40):
        await store.finish(claim_of(session), completed())
    honest = {(await store.add(new_session(owner=f"honest {n}"), LIMITS)).session.id for n in range(HONEST)}
    positions = [await store.queue_position(session_id) for session_id in honest]
    assert max(positions) <= HONEST + 1
    first = [session.id for _ in range(HONEST + 1) for session in await claim_next(store, WORKER, limit=1)]
    assert honest <= set(first)
