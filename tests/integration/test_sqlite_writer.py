"""The one thread that writes: groups, neighbours, failing disks, and what is on the disk when."""

import asyncio
import contextlib
import json
import threading

import apsw
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.store import SQLiteStore
from outlast.backends.sqlite.writer import Writer
from outlast.domain.errors import StoreUnavailable, TooManyActive
from outlast.domain.status import Status
from outlast.ports.results import StepSample
from outlast.ports.store import StartLimits
from outlast.testing.acts import (
    HIGH_LIMITS,
    claim_of,
    completed,
    new_session,
    read,
    start,
    started_and_claimed,
    update,
)

LARGE = json.dumps({"text": "x" * 100_000})


@pytest.fixture
async def store(tmp_path):
    store = SQLiteStore(tmp_path / "outlast.db", SystemClock())
    await store.open(migrate=True)
    yield store
    await store.close()


@pytest.fixture
def connection(tmp_path):
    file = DatabaseFile(tmp_path / "plain.db")
    file.create()
    connection = file.connect()
    connection.execute("CREATE TABLE notes (text TEXT UNIQUE)")
    return connection


@pytest.fixture
def notes(tmp_path, connection):
    """What another connection sees."""
    other = DatabaseFile(tmp_path / "plain.db").connect()
    yield lambda: [text for (text,) in other.execute("SELECT text FROM notes ORDER BY text").fetchall()]
    other.close()


def note(text):
    return lambda connection: connection.execute("INSERT INTO notes VALUES (?)", (text,)).fetchall()


def spoilt(text):
    def operation(connection):
        note(text)(connection)
        raise LookupError(text)

    return operation


class HeldWriter:
    """A writer whose thread is busy until `go`, so that what is handed over meanwhile forms one group."""

    def __init__(self, connection):
        self.commits = 0
        connection.set_commit_hook(self._count)
        self.writer = Writer(connection)
        self._busy, self._go = threading.Event(), threading.Event()
        self.writer.post(self._hold)
        self._busy.wait(10)

    def _hold(self, _connection):
        self._busy.set()
        self._go.wait(10)

    def _count(self):
        self.commits += 1
        return False

    async def together(self, *operations, durable=True):
        writes = [asyncio.ensure_future(self.writer.write(o, durable=durable)) for o in operations]
        await asyncio.sleep(0)  # each has handed over
        self._go.set()
        return await asyncio.gather(*writes, return_exceptions=True)


async def test_what_waits_together_is_committed_together(connection, notes):
    held = HeldWriter(connection)
    await held.together(*(note(f"{n:03}") for n in range(100)))
    held.writer.close()
    assert len(notes()) == 100
    assert held.commits == 2  # the one that held the others up, and theirs


async def test_an_operation_that_raises_does_its_neighbours_no_harm(connection, notes):
    held = HeldWriter(connection)
    answers = await held.together(note("a"), spoilt("b"), note("c"), note("a"))
    held.writer.close()
    assert notes() == ["a", "c"]
    assert isinstance(answers[1], LookupError)
    assert isinstance(answers[3], apsw.ConstraintError)
    assert answers[0] == answers[2] == []


async def test_an_operation_alone_in_its_transaction_that_raises_writes_nothing(connection, notes):
    writer = Writer(connection)
    with pytest.raises(LookupError):
        await writer.write(spoilt("a"), durable=True)
    with pytest.raises(apsw.ConstraintError):
        await writer.write(lambda conn: (note("b")(conn), note("b")(conn)), durable=True)
    await writer.write(note("c"), durable=True)
    writer.close()
    assert notes() == ["c"]


async def test_a_failed_commit_raises_in_every_caller_and_the_next_one_works(connection, notes):
    def break_the_end(conn):
        conn.execute("PRAGMA defer_foreign_keys = 1")
        conn.execute("CREATE TABLE child (id INTEGER REFERENCES missing (id))")
        conn.execute("CREATE TABLE missing (id INTEGER PRIMARY KEY)")
        conn.execute("INSERT INTO child VALUES (1)")

    held = HeldWriter(connection)
    answers = await held.together(note("a"), break_the_end)
    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
    await held.writer.write(note("b"), durable=True)
    held.writer.close()
    assert notes() == ["b"]


async def test_a_caller_that_gave_up_does_not_stop_the_writer(connection, notes):
    held = HeldWriter(connection)
    given_up = asyncio.ensure_future(held.writer.write(note("given up"), durable=True))
    await asyncio.sleep(0)
    given_up.cancel()
    await held.together(note("patient"))
    held.writer.close()
    assert "patient" in notes()
    assert given_up.cancelled()


async def test_what_was_accepted_before_the_end_is_written_and_nothing_after(connection, notes):
    held = HeldWriter(connection)
    pending = asyncio.ensure_future(held.together(*(note(f"{n}") for n in range(9))))
    await asyncio.sleep(0)
    await pending
    held.writer.close()
    assert len(notes()) == 9
    with pytest.raises(StoreUnavailable):
        await held.writer.write(note("late"), durable=True)


async def test_a_refused_start_leaves_the_one_beside_it_alone(store):
    one = StartLimits(active_per_owner=1, pending=100)
    answers = await asyncio.gather(
        *(store.add(new_session(owner=f"owner {n % 4}"), one) for n in range(8)), return_exceptions=True
    )
    assert sorted(isinstance(a, TooManyActive) for a in answers) == [False] * 4 + [True] * 4
    assert (await store.count())[Status.PENDING] == 4


class CountingDisk(apsw.VFS):
    """A disk that counts how often the log is forced onto it, and fails to when told."""

    def __init__(self, name):
        self.name = name
        self.syncs = 0
        self.broken = False
        super().__init__(name, "")

    def xOpen(self, name, flags):
        return CountingFile(self, name, flags)


class CountingFile(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        self._disk = disk
        self._is_log = name is not None and str(getattr(name, "filename", lambda: name)()).endswith("-wal")
        super().__init__("", name, flags)

    def xSync(self, flags):
        if self._is_log:
            self._disk.syncs += 1
            if self._disk.broken:
                raise apsw.IOError("the disk does not take it")
        super().xSync(flags)


@pytest.fixture
async def disk(tmp_path):
    disk = CountingDisk(f"counting-{tmp_path.name}")
    yield disk
    disk.unregister()


@pytest.fixture
async def disk_store(tmp_path, disk):
    store = SQLiteStore(tmp_path / "outlast.db", SystemClock(), vfs=disk.name)
    await store.open(migrate=True)
    yield store
    disk.broken = False
    await store.close()


async def test_starts_claims_and_ends_are_on_the_disk_before_the_answer_and_progress_need_not_be(disk, disk_store):
    session, waiting = await started_and_claimed(disk_store), await start(disk_store)
    for verb, syncs in (
        (lambda: start(disk_store), True),
        (lambda: disk_store.report([update(session, 20)]), False),
        (lambda: disk_store.finish(claim_of(session), completed()), True),
        (lambda: disk_store.record_durations([StepSample("site", "read", 12)]), False),
        (lambda: disk_store.cancel(waiting.id, owner=None), True),
    ):
        before = disk.syncs
        await verb()
        assert (disk.syncs > before) is syncs


async def test_what_the_disk_did_not_take_is_not_acknowledged(disk, disk_store):
    session = await started_and_claimed(disk_store)
    disk.broken = True
    with pytest.raises(StoreUnavailable):
        await start(disk_store)
    with pytest.raises(StoreUnavailable):
        await disk_store.finish(claim_of(session), completed())
    assert (await read(disk_store, session.id)).status is Status.PROCESSING
    disk.broken = False
    assert await disk_store.finish(claim_of(session), completed())
    assert await disk_store.count() == dict.fromkeys(Status, 0) | {Status.COMPLETED: 1}


async def test_on_a_full_disk_starts_are_refused_in_words_and_reading_goes_on(store):
    kept = await start(store)
    await store._db.write(lambda c: c.pragma("max_page_count", c.pragma("page_count") + 2))
    with pytest.raises(StoreUnavailable, match="full"):
        await asyncio.gather(*(start(store, input=LARGE) for _ in range(3)))
    assert (await read(store, kept.id)) == kept
    assert await store.queue_position(kept.id) == 1
    before = await store.count()
    with contextlib.suppress(StoreUnavailable):
        await start(store, input=LARGE)
    assert await store.count() == before
    await store._db.write(lambda c: c.pragma("max_page_count", 1_000_000), durable=False)
    await store.add(new_session(input=LARGE), HIGH_LIMITS)
    assert await store._db.read_in_thread(lambda c: c.pragma("integrity_check")) == "ok"
