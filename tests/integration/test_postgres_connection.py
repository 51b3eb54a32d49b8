"""The store on connections that break, fall silent, or belong to a pooler."""

import asyncio
import gc
from contextlib import asynccontextmanager

import psycopg
import pytest
from postgres_wires import TransactionPooler, Wire, listening

from outlast.backends.clock import SystemClock
from outlast.backends.postgres import database, pools, workers
from outlast.backends.postgres.connection import address, connect, shown
from outlast.backends.postgres.store import PostgresStore
from outlast.domain.errors import StoreUnavailable
from outlast.domain.status import Status
from outlast.ports.audit import ActionSelection
from outlast.ports.store import CancelAnswer, Selection
from outlast.testing.acts import (
    HIGH_LIMITS,
    OWNER,
    WORKER,
    claim_next,
    claim_of,
    completed,
    death_of,
    kept,
    new_session,
    postponed,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
)
from servers import QUICK, PostgresServer, folder_in_memory

EVERYBODY_ELSE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@asynccontextmanager
async def opened(url, **options):
    store = PostgresStore(url, SystemClock(), **options)
    await store.open(migrate=True)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(postgres_url):
    async with opened(postgres_url) as store:
        yield store


@pytest.fixture
def server():
    server = PostgresServer(disk=folder_in_memory(), **QUICK)
    server.start()
    yield server
    server.remove()


@pytest.mark.parametrize("database", ["outlast", "out%20last", "a%2Fb%3Fc", "%D1%8F"])
@pytest.mark.parametrize("user", ["", "ann@", "ann:secret@", "a%40b:se%3Acret@"])
def test_an_address_is_shown_as_people_can_type_it_without_its_password(user, database):
    name = f"{user.partition(':')[0].removesuffix('@')}@".removeprefix("@")
    url = f"postgresql://{user}db.example.org:5433/{database}?sslmode=require"
    assert shown(address(url)) == f"postgresql://{name}db.example.org:5433/{database}"


@pytest.mark.slow
async def test_calls_outlive_the_death_of_their_backends(store, postgres_url):
    register_worker(store)

    async def kill(connection):
        await connection.execute(EVERYBODY_ELSE)

    async def insist(call):
        """What is refused is asked for again, as callers do."""
        while True:
            try:
                return await call()
            except StoreUnavailable:
                continue

    async def live(connection):
        new = new_session()
        added, _ = await asyncio.gather(insist(lambda: store.add(new, HIGH_LIMITS)), kill(connection))
        assert not added.existing
        taken, _ = await asyncio.gather(insist(lambda: claim_next(store, limit=2)), kill(connection))
        for session in taken:
            await insist(lambda session=session: store.report([update(session, 50)]))
            await asyncio.gather(
                insist(lambda session=session: store.finish(claim_of(session), completed())), kill(connection)
            )

    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await asyncio.gather(*(live(connection) for _ in range(15)))
    sessions = await store.select(Selection())
    assert len(sessions) == 15
    for session in sessions:
        ends = [line.ended for line in await store.history(session.id)]
        assert ends == (["completed"] if session.status is Status.COMPLETED else [])


async def test_an_idle_connection_that_was_lost_costs_nothing(store, postgres_url):
    session = await start(store)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for call in (
            lambda: store.get(session.id, owner=None),
            lambda: start(store),
            lambda: store.cancel(session.id, owner=None),
            lambda: store.retry(session.id, owner=None, attempts=1),
            lambda: store.adopt("nobody", OWNER),
            lambda: store.rescue_worker("nobody", death_of("nobody")),
            store.check,
        ):
            connection.execute(EVERYBODY_ELSE)
            await call()


@pytest.mark.slow
async def test_a_restart_of_the_server_is_waited_for(server):
    async with opened(server.url()) as store:
        session = await started_and_claimed(store)
        lease = store.lease()
        assert lease.renew(WORKER) is not None
        await asyncio.to_thread(server.stop)
        writing = asyncio.gather(
            store.finish(claim_of(session), completed()), start(store), store.get(session.id, owner=None)
        )
        with pytest.raises(StoreUnavailable):
            await asyncio.to_thread(lease.renew, WORKER)
        await asyncio.to_thread(server.start)
        ended, started, found = await writing
        assert ended
        assert found is not None
        assert (await read(store, session.id)).status is Status.COMPLETED
        assert await read(store, started.id) == started
        assert lease.renew(WORKER) is not None
        lease.close()


async def test_the_check_writes_and_leaves_no_dead_row(postgres_url):
    async with opened(postgres_url) as store:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            before = connection.execute("SELECT ctid, xmin FROM pulse").fetchall()
            for _ in range(3):
                await store.check()
            assert connection.execute("SELECT ctid, xmin FROM pulse").fetchall() == before
            database_name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {database_name} SET default_transaction_read_only = on")
    async with opened(postgres_url) as store:
        with pytest.raises(StoreUnavailable, match="is read-only"):
            await store.check()


@pytest.mark.slow
async def test_a_server_that_is_away_is_explained(server, monkeypatch):
    monkeypatch.setattr(pools, "ACQUIRE_TIMEOUT", 0.2)
    async with opened(server.url()) as store:
        await start(store)
        server.stop()
        for call in (start(store), store.count(), store.check(), store.heartbeats()):
            with pytest.raises(StoreUnavailable, match="PostgreSQL cannot be used now: "):
                await call
        with pytest.raises(StoreUnavailable, match="PostgreSQL cannot be used now: "):
            await PostgresStore(server.url(), SystemClock()).open(migrate=False)


async def test_a_start_whose_answer_was_lost_is_found_to_be_its_own(postgres_url):
    with listening(postgres_url, Wire) as (wire, url):
        async with opened(url) as store:
            wire.cut_after(b"start_session")
            new = new_session()
            added = await store.add(new, HIGH_LIMITS)
            assert (wire.cuts, added.existing, added.session.id) == (1, False, new.id)
            assert added.session == await read(store, new.id)
            assert sum((await store.count()).values()) == 1


@pytest.mark.parametrize("end", [completed(), postponed(60)])
async def test_an_end_whose_commit_was_not_confirmed_is_written_once(postgres_url, end):
    with listening(postgres_url, Wire) as (wire, url):
        async with opened(url) as store:
            session = await started_and_claimed(store)
            wire.cut_after(b"INSERT INTO attempts")
            assert await store.finish(claim_of(session), end)
            assert wire.cuts == 1
            assert len(await store.history(session.id)) == 1


async def test_a_retry_with_an_unconfirmed_commit_is_not_reported_as_refused(postgres_url):
    with listening(postgres_url, Wire) as (wire, url):
        async with opened(url) as store:
            session = await start(store)
            await store.cancel(session.id, owner=None)
            wire.cut_after(b"COMMIT")
            with pytest.raises(StoreUnavailable):
                await store.retry(session.id, owner=None, attempts=1)
            assert wire.cuts == 1


@pytest.mark.slow
async def test_a_connection_to_a_vanished_host_times_out(postgres_url, monkeypatch):
    for room, name in ((database, "CALL_TIMEOUT"), (pools, "ACQUIRE_TIMEOUT"), (workers, "LEASE_TIMEOUT")):
        monkeypatch.setattr(room, name, 1)
    with listening(postgres_url, Wire) as (wire, url):
        store = PostgresStore(url + "?connect_timeout=2", SystemClock())
        await store.open(migrate=True)
        register_worker(store)
        lease = store.lease()
        assert await asyncio.to_thread(lease.renew, WORKER) is not None
        await start(store)
        wire.fall_silent()
        for call in (store.count(), asyncio.to_thread(lease.renew, WORKER)):
            with pytest.raises(StoreUnavailable):
                async with asyncio.timeout(20):
                    await call
        lease.close()
        await store.close()


@pytest.mark.slow
async def test_behind_a_pooler_each_transaction_may_meet_another_backend(postgres_url):
    with listening(postgres_url, TransactionPooler) as (pooler, url):
        async with opened(url, listen=False) as store:
            register_worker(store)
            for number in range(10):  # prepared statements would come after two
                session = await start(store)
                (claimed,) = await claim_next(store)
                assert claimed.id == session.id
                assert await store.report([update(claimed, 10)]) == set()
                assert await store.report([update(claimed, 20)]) == set()
                assert await store.keep_step(claim_of(claimed), kept())
                assert (await read(store, session.id)).progress.percentage == 20
                if number % 2:
                    assert await store.cancel(session.id, owner=None) is CancelAnswer.CANCELLING
                    assert await store.finish(claim_of(claimed), postponed())
                else:
                    assert await store.finish(claim_of(claimed), completed())
            assert (await store.count())[Status.CANCELLED] == 5
            assert await store.rescue(await store.heartbeats()) == []
            assert await store.adopt(OWNER, "ann") == 10
            assert pooler.transactions > 80


async def test_after_a_pipeline_that_failed_its_statements_can_still_be_used(postgres_url):
    """Psycopg notes a statement as prepared that the server passed over, because the one before it had failed."""
    store = PostgresStore(postgres_url, SystemClock())
    await store.open(migrate=True)

    async def fail(connection):
        async with connection.pipeline():
            await connection.execute("SELECT 1 / 0")
            await connection.execute("SELECT 2 AS number", prepare=True)

    async def ask(connection):
        return await (await connection.execute("SELECT 2 AS number")).fetchall()

    with pytest.raises(psycopg.errors.DivisionByZero):
        await store._db.use(fail, again=False)
    assert await store._db.use(ask, again=False) == [{"number": 2}]
    await store.close()


async def test_a_connection_whose_opening_is_cancelled_is_closed(postgres_server: str):
    connecting = asyncio.create_task(connect(postgres_server, 1, "SELECT pg_sleep(30) /* cancelled */"))
    opening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30) /* cancelled%'"
    with psycopg.connect(postgres_server, autocommit=True) as other:
        async with asyncio.timeout(10):
            while other.execute(opening).fetchone() != (1,):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    del connecting
    gc.collect()  # warns of a connection that is still open


async def test_a_statement_with_optional_filters_is_planned_for_those_that_are_given(postgres_url):
    """A plan for any filters sorted 200,000 failed sessions, to show 50."""
    store = PostgresStore(postgres_url, SystemClock(), pool_size=1)
    await store.open(migrate=True)
    for _ in range(3):
        await store.get("a", owner=None)
        await store.failed(Selection(status=Status.FAILED, limit=5))
        await store.failure_reasons(Selection(queue="q"))
        await store.actions(ActionSelection(limit=5))
        for status in (None, *Status):
            for owner in (None, "ann"):
                await store.select(Selection(status=status, owner=owner, limit=5))

    async def prepared(connection):
        return await (await connection.execute("SELECT statement FROM pg_prepared_statements")).fetchall()

    texts = {row["statement"] for row in await store._db.use(prepared, again=False)}
    await store.close()
    assert any("FROM analysis_sessions" in text for text in texts), "that of `get`"
    assert not [text for text in texts if "LIMIT" in text and "IS NULL OR" in text]
