"""A whole store moves into another one, in one transaction on either side."""

import asyncio
import io
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from copied_stores import DIRECTIONS, CopiedStore, everything, move
from processes import Installation

from outlast.backends.clock import SystemClock
from outlast.backends.copying import CopyError
from outlast.core.circuit_breaker import CircuitBreaker
from outlast.core.guarded_store import guard
from outlast.domain.errors import StoreRefused, StoreUnavailable
from outlast.domain.status import Status
from outlast.ports.blobs import CHUNK
from outlast.ports.facts import StoredFact
from outlast.ports.results import StepSample
from outlast.ports.store import Selection
from outlast.testing.acts import (
    HIGH_LIMITS,
    OWNER,
    claim_next,
    claim_of,
    claim_session,
    completed,
    failed,
    kept,
    new_session,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
)
from outlast.testing.states import STATES
from servers import fresh_database

HOSTILE = "tab\t line\n\r \\ \\. \\N \\x41 '\"; null é 😀 \u202e \u2028 \x01\x7f {} %s ?1 :id $1 \\ud800 \\u0000"
LONG = '{"long":"' + "ü" * 50_000 + '"}'
HOUR = 3_600_000
KILLED = """
import os, signal, sys
from copied_stores import CopiedStore, move

source, target, moment, to = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def tell(what, done, total):
    if what == moment:
        die()

def prepare(there):
    if moment == "between the commits":
        there.commit = die

move(CopiedStore(source), CopiedStore(target), tell, to=to, prepare=prepare)
"""
MOMENTS = ("Copying sessions", "Checking sessions", "Copying attempts", "Checking results", "Checking facts")


@pytest.fixture(params=[pytest.param(d, marks=[] if d == DIRECTIONS[0] else pytest.mark.slow) for d in DIRECTIONS])
def addresses(request, tmp_path):
    with ExitStack() as stack:
        found = [f"sqlite:///{tmp_path}/{number}.db" for number in range(2)]
        for number, kind in enumerate(request.param.split(" to ")):
            if kind == "postgres":
                server, template = map(request.getfixturevalue, ("postgres_server", "migrated_database"))
                found[number] = stack.enter_context(fresh_database(server, template))
        yield found


@pytest.fixture
async def stores(addresses):
    opened = tuple(map(CopiedStore, addresses))
    for one in opened:
        await one.store.open(migrate=True)
    yield opened
    for one in opened:
        await one.store.close()


async def filled(store):
    """Every state, and every kind of row with what is hard to copy."""
    for reach in STATES.values():
        await reach(store)
    running = await started_and_claimed(store, input=LONG, subject=HOSTILE + "\x00", analysis="site", priority=7)
    await store.keep_step(claim_of(running), kept(result=f'"{HOSTILE}"'))
    await store.keep_step(claim_of(running), kept("judge", 2, result=LONG))
    await store.report([update(running, 40, HOSTILE)])
    ended = await started_and_claimed(store)
    await store.finish(claim_of(ended), failed(HOSTILE, reference=None))
    large = await started_and_claimed(store)
    await store.finish(claim_of(large), completed(LONG, redirect_url="https://example.org/?a=%20&b=é"))
    await store.share(large.id, "l" * 26, owner=OWNER)
    await store.record_durations([StepSample("site", "read", n) for n in (14, 12, 13)])
    until = SystemClock().now() + timedelta(hours=1)
    await store.remember("seen", [StoredFact(f"key {n}", HOSTILE, str(n)) for n in range(1_100)], until=until)
    return running


async def change(side, statement):
    if side.on_postgres:
        with psycopg.connect(side.url, autocommit=True) as connection:
            connection.execute(statement)
    else:
        await side.store._db.write(lambda c: c.execute(statement))


@pytest.mark.slow
async def test_every_state_moves_with_all_that_hangs_on_it(stores):
    source, target = stores
    running = await filled(source.store)
    content = bytes(range(256)) * (CHUNK // 128) + b"and more"
    upload = await source.store.put(OWNER, "reviews é.csv", io.BytesIO(content))
    there = len(await source.store.select(Selection(limit=1_000)))
    seen = []
    copied = move(source, target, lambda *told: seen.append(told))
    assert await everything(target.store) == await everything(source.store)
    assert (copied.sessions, copied.results, copied.uploads, copied.facts) == (there, 2, 1, 1_100)
    assert copied.given_back == 3  # running, cancelling, and the one with the long input
    moved = await read(target.store, running.id)
    assert (moved.input, moved.progress.message, moved.priority) == (LONG, HOSTILE, 7)
    assert moved.progress.percentage == 40
    assert b"".join([chunk async for chunk in target.store.chunks(OWNER, upload.sha256)]) == content
    assert await target.store.stored_bytes(None) > len(content)  # and results, which PostgreSQL compresses
    keys = [f"key {n}" for n in range(1_100)]
    assert await target.store.recall("seen", keys) == await source.store.recall("seen", keys)
    assert await target.store.durations("site") == {"read": [14, 12, 13]}
    assert await target.store.shared("l" * 26) == await source.store.shared("l" * 26) is not None
    assert await target.store.count() == await source.store.count()
    assert {what for what, _, _ in seen} >= {"Copying sessions", "Checking contents of uploads", "Copying facts"}
    assert all(done <= total for _, done, total in seen)


@pytest.mark.slow
async def test_what_comes_after_the_copy_goes_on_from_its_numbers(stores):
    source, target = stores
    await filled(source.store)
    await source.store.put(OWNER, "one.csv", io.BytesIO(b"one"))
    move(source, target)
    assert (await target.store.put(OWNER, "two.csv", io.BytesIO(b"two"))).name == "two.csv"
    await target.store.record_durations([StepSample("site", "read", 99)])
    assert (await target.store.durations("site"))["read"][-1] == 99
    last = await start(target.store)
    claimed = []
    register_worker(target.store)
    while more := await claim_next(target.store, limit=1):
        claimed += more
    assert claimed[-1].id == last.id or claimed[-1].crashes  # suspects wait until the end


async def test_sessions_are_claimed_in_the_order_of_their_starts(stores):
    source, target = stores
    ids = [(await start(source.store)).id for _ in range(20)]
    await change(source, "UPDATE analysis_sessions SET available_at = '2026-01-01 00:00:00.000000'")
    move(source, target)
    register_worker(target.store)
    claimed = []
    while more := await claim_next(target.store, limit=1):
        claimed += more
    assert [session.id for session in claimed] == ids


async def test_what_was_at_work_goes_on_unspent_in_the_new_store_and_ends_nowhere_else(stores):
    source, target = stores
    session = await started_and_claimed(source.store)
    await source.store.keep_step(claim_of(session), kept())
    assert move(source, target).given_back == 1
    assert not await source.store.finish(claim_of(session), completed())
    there = await read(target.store, session.id)
    assert (there.status, there.attempt, there.claim) == (Status.PENDING, 0, 1)
    assert [record.ended for record in await target.store.history(session.id)] == ["released"]
    register_worker(target.store)
    again = await claim_session(target.store, session.id)
    assert again.claim == 2
    assert list(await target.store.kept_steps(session.id)) == [kept()]
    assert await target.store.finish(claim_of(again), completed())


async def test_what_a_session_has_waited_counts_in_the_new_store_too(stores):
    source, target = stores
    waiting = await start(source.store)
    earlier = "created_at - interval '1 hour'" if source.on_postgres else "timed_from - 3600"
    await change(source, f"UPDATE analysis_sessions SET timed_from = {earlier}")
    move(source, target)
    assert HOUR <= (await read(target.store, waiting.id)).waited_ms < 2 * HOUR


async def test_a_closed_store_answers_reads_refuses_changes_and_names_the_new_address(stores):
    source, _ = stores
    waiting, done = await start(source.store), await started_and_claimed(source.store)
    await source.store.finish(claim_of(done), completed())
    await source.store.check()
    move(*stores)
    assert await read(source.store, waiting.id)
    register_worker(source.store)
    for change in (
        source.store.add(new_session(), HIGH_LIMITS),
        source.store.cancel(waiting.id, owner=None),
        source.store.claim_one("worker-1", waiting.id),
        source.store.adopt(OWNER, "somebody"),
        source.store.share(done.id, "l" * 26, owner=OWNER),
    ):
        with pytest.raises(StoreUnavailable, match="moved to the other store"):
            await change
    for look in (source.store.check(), source.another().open(migrate=True)):
        with pytest.raises(StoreRefused, match="moved to the other store"):
            await look
    reader = source.another()
    await reader.open(migrate=False)
    assert await read(reader, waiting.id)
    await reader.close()
    with source.locked() as tables:
        tables.close_because(None)
        tables.commit()
    assert (await source.store.add(new_session(), HIGH_LIMITS)).session
    await source.store.check()


class ComingFile(io.BytesIO):
    """Its end comes when the test says so."""

    def __init__(self, content):
        super().__init__(content)
        self.read_so_far, self.over = threading.Event(), threading.Event()

    def read(self, size=-1):
        block = super().read(size)
        if not block:
            self.read_so_far.set()
            self.over.wait(20)
        return block


async def test_a_file_that_is_still_coming_is_not_copied(stores):
    source, target = stores
    file = ComingFile(b"rating,text\n")
    putting = asyncio.create_task(source.store.put(OWNER, "reviews.csv", file))
    assert await asyncio.to_thread(file.read_so_far.wait, 20)
    assert move(source, target).uploads == 0
    assert await target.store.stored_bytes(None) == 0
    file.over.set()
    await putting


async def test_a_store_with_sessions_is_no_target(stores):
    source, target = stores
    await start(source.store)
    await start(target.store)
    with pytest.raises(CopyError, match="empty"):
        move(source, target)
    assert len(await target.store.select(Selection())) == 1
    await start(source.store)  # and the source is as open as before


async def test_a_store_that_has_moved_elsewhere_is_no_source(stores, tmp_path):
    source, target = stores
    await start(source.store)
    move(source, target)
    third = CopiedStore(f"sqlite:///{tmp_path}/third.db")
    await third.store.open(migrate=True)
    with pytest.raises(CopyError, match="moved to the other store"):
        move(source, third, to="the third store")
    assert not await third.store.select(Selection())
    await third.store.close()


async def test_a_copy_that_differs_changes_neither_side(stores):
    source, target = stores
    session = await started_and_claimed(source.store)
    other = await start(source.store)

    def spoil(there):
        insert = there.insert

        def spoilt(table, columns, rows):
            place = columns.index("redirect_url") if table == "analysis_sessions" else None
            insert(table, columns, (tuple("another" if i == place else v for i, v in enumerate(r)) for r in rows))

        there.insert = spoilt

    with pytest.raises(CopyError, match="sessions of source and target differ"):
        move(source, target, prepare=spoil)
    assert not await target.store.select(Selection())
    assert await source.store.finish(claim_of(session), completed())
    assert await source.store.cancel(other.id, owner=None)
    assert move(source, target).sessions == 2


async def test_after_a_death_between_the_commits_the_same_command_completes_the_copy(stores):
    source, target = stores
    session = await started_and_claimed(source.store)

    def die():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(source, target, prepare=lambda there: setattr(there, "commit", die))
    with pytest.raises(StoreRefused, match="the other store"):
        await source.store.check()
    assert not await target.store.select(Selection())
    first = move(source, target)
    assert first.sessions == 1
    again = move(source, target)  # as if its answer had been lost
    assert (again.sessions, again.checksum) == (first.sessions, first.checksum)
    register_worker(target.store)
    await claim_session(target.store, session.id)
    with pytest.raises(CopyError, match="in use already"):
        move(source, target)
    assert (await read(target.store, session.id)).status is Status.PROCESSING


async def test_a_failed_commit_of_the_target_says_what_to_do(stores):
    source, target = stores
    await start(source.store)

    def fail():
        raise StoreUnavailable("The disk is full.")

    with pytest.raises(CopyError, match=r"disk is full.*same command again.*store open"):
        move(source, target, prepare=lambda there: setattr(there, "commit", fail))


@pytest.mark.slow
async def test_starts_are_refused_and_reads_answered_while_the_copy_runs(stores):
    source, target = stores
    session = await started_and_claimed(source.store)
    breaker = CircuitBreaker(source.store.check, answer_within=0.2)
    site = guard(source.store, breaker)
    at_work, go_on = threading.Event(), threading.Event()

    def tell(what, _done, _total):
        if what == "Copying sessions":
            at_work.set()
            assert go_on.wait(30)

    moving = asyncio.create_task(asyncio.to_thread(move, source, target, tell))
    try:
        assert await asyncio.to_thread(at_work.wait, 30)
        for _ in range(3):
            with pytest.raises(
                StoreUnavailable, match="being copied" if source.on_postgres else "does not answer"
            ):
                await site.add(new_session(), HIGH_LIMITS)
            assert (await site.get(session.id, owner=None)).status is Status.PROCESSING
    finally:
        go_on.set()
        await moving
        breaker.close()
    with pytest.raises(StoreUnavailable):
        await source.store.add(new_session(), HIGH_LIMITS)
    assert list(await everything(target.store)) == [session.id]


async def test_a_change_that_waits_for_the_lock_is_refused_or_made_and_never_lost(stores):
    source, target = stores
    waiting = [await start(source.store) for _ in range(5)]
    at_work = threading.Event()
    moving = asyncio.create_task(asyncio.to_thread(move, source, target, lambda *_: at_work.set()))
    assert await asyncio.to_thread(at_work.wait, 30)
    cancelled = await asyncio.gather(
        *(source.store.cancel(s.id, owner=None) for s in waiting), return_exceptions=True
    )
    await moving
    for session, answer in zip(waiting, cancelled, strict=True):
        refused = isinstance(answer, StoreUnavailable)
        assert (await read(target.store, session.id)).status is (Status.PENDING if refused else Status.CANCELLED)


async def killed(source: CopiedStore, target: CopiedStore, moment: str, to: str) -> None:
    command = [sys.executable, "-c", KILLED, source.url, target.url, moment, to]
    died = await asyncio.to_thread(subprocess.run, command, cwd=Path(__file__).parent, check=False)
    assert died.returncode == -signal.SIGKILL
    assert not await target.store.select(Selection())


@pytest.mark.slow
async def test_a_killed_copy_is_repeated_by_the_same_command(stores, tmp_path):
    source, target = stores
    ended = await started_and_claimed(source.store)
    await source.store.finish(claim_of(ended), completed())
    for _ in range(300):
        await start(source.store)
    running = (await started_and_claimed(source.store)).id
    until = SystemClock().now() + timedelta(hours=1)
    await source.store.remember("seen", [StoredFact("key", "", "value")], until=until)
    before = await everything(source.store)
    to = target.url.replace("postgres@", "")
    moments = MOMENTS if source.on_postgres != target.on_postgres else MOMENTS[-1:]
    for moment in moments:
        await killed(source, target, moment, to)
        await source.store.check()
    assert await everything(source.store) == before
    await killed(source, target, "between the commits", to)
    with pytest.raises(StoreRefused) as refused:
        await source.store.check()
    assert to in str(refused.value)
    with Installation(tmp_path, "", APP_KEY="k" * 64) as site:
        for _ in range(2):  # once more, as if its answer had been lost
            command = site.command("store", "copy", source.url, target.url)
            assert "Copied 302 sessions" in await asyncio.to_thread(command.output, 60)
    there = await everything(target.store)
    assert there == await everything(source.store)
    assert {i: values[0].subject for i, values in there.items()} == {i: v[0].subject for i, v in before.items()}
    assert [record.ended for record in there[running][1]] == ["released"]
