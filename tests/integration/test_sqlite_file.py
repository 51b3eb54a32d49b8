"""The database file: its schema, its rights, its log, and several processes at it at once."""

import asyncio
import inspect
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.schema import migrations
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.migrate import PACKAGE
from outlast.backends.sqlite.store import SQLiteStore
from outlast.backends.statements import INCLUDE, Statements
from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.errors import SchemaOutdated, StoreUnavailable
from outlast.domain.status import Status
from outlast.testing.acts import claim_of, completed, read, start, started_and_claimed

CHILD = """
import asyncio, sys
from pathlib import Path
from outlast.backends.clock import SystemClock
from outlast.backends.sqlite.store import SQLiteStore
from outlast.testing.acts import start

async def main():
    store = SQLiteStore(Path(sys.argv[1]), SystemClock())
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open(migrate=True)
    for number in range(int(sys.argv[2])):
        print((await start(store, owner=sys.argv[3])).id, flush=True)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "outlast.db"


@pytest.fixture
async def store(path):
    store = SQLiteStore(path, SystemClock())
    await store.open(migrate=True)
    yield store
    await store.close()


@pytest.fixture
def child(path):
    """Starts a process that, told to go, opens the store and adds so many sessions, one after the other."""
    children = []

    def spawn(count, owner):
        arguments = [sys.executable, "-c", CHILD, str(path), str(count), owner]
        children.append(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return children[-1]

    yield spawn
    for process in children:
        process.kill()
        process.communicate()


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def schema(connection):
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name")
    return [row for row in rows if row[0] != "schema_migrations"]


async def test_the_schema_is_what_the_migrations_say(store, path):
    plain = apsw.Connection(":memory:")
    for migration in migrations(PACKAGE):
        plain.execute(migration.statements)
    opened = DatabaseFile(path).connect()
    assert schema(opened.execute("SELECT 1").fetchall() and opened) == schema(plain)
    numbers = [version for (version,) in opened.execute("SELECT version FROM schema_migrations").fetchall()]
    assert numbers == list(range(1, len(migrations(PACKAGE)) + 1))
    opened.close()
    plain.close()


async def test_a_database_of_a_newer_version_is_refused_in_words(store, path):
    row = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, '9999_more', 'now')"
    await store._db.write(lambda c: c.execute(row))
    for migrate in (True, False):
        with pytest.raises(SchemaOutdated, match="9999_more"):
            await SQLiteStore(path, SystemClock()).open(migrate=migrate)
    with pytest.raises(SchemaOutdated):
        await store.check()


async def test_a_database_that_lacks_a_migration_says_which_and_is_mended_by_migrating(path):
    later = SQLiteStore(path, SystemClock())
    with pytest.raises(SchemaOutdated, match="outlast migrate"):
        await later.open(migrate=False)
    assert not path.exists()
    DatabaseFile(path).create()
    with pytest.raises(SchemaOutdated, match="0001_sessions"):
        await later.open(migrate=False)
    await later.open(migrate=True)
    await later.check()
    await later.close()


async def test_file_and_folder_are_for_their_owner_alone(store, path):
    await start(store)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_replaced_file_is_noticed(store, path):
    await store.check()
    path.rename(path.with_name("moved.db"))
    with pytest.raises(StoreUnavailable):
        await store.check()
    path.touch()
    with pytest.raises(StoreUnavailable, match="replaced"):
        await store.check()


async def test_two_stores_in_one_process_do_not_mix(store, tmp_path):
    other = SQLiteStore(tmp_path / "other.db", SystemClock())
    await other.open(migrate=True)
    await start(store)
    assert (await other.count())[Status.PENDING] == 0
    await other.close()
    assert (await store.count())[Status.PENDING] == 1


@pytest.mark.slow
async def test_many_processes_migrate_and_write_at_once(child, path):
    children = [child(40, f"owner {n}") for n in range(4)]
    for process in children:
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
    for process in children:
        go(process)
    outputs = await asyncio.gather(*(asyncio.to_thread(process.communicate) for process in children))
    assert [process.returncode for process in children] == [0] * 4
    acknowledged = {line for out, _ in outputs for line in out.split()}
    connection = DatabaseFile(path).connect()
    assert {i for (i,) in connection.execute("SELECT id FROM analysis_sessions").fetchall()} == acknowledged
    assert connection.execute("SELECT sessions FROM waiting").fetchone() == (160,) == (len(acknowledged),)
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 7, 30])
async def test_a_killed_writer_leaves_an_intact_database_with_all_that_it_acknowledged(child, path, after):
    process = child(100_000, "owner")
    go(process)
    acknowledged = [await asyncio.to_thread(process.stdout.readline) for _ in range(after + 1)][1:]
    process.send_signal(signal.SIGKILL)
    rest = await asyncio.to_thread(process.stdout.read)
    acknowledged = {line.strip() for line in acknowledged} | set(rest.split("\n")[:-1])
    store = SQLiteStore(path, SystemClock())
    await store.open(migrate=True)
    await store.check()
    assert await store.find_missing(list(acknowledged)) == set()
    assert store._db.read(lambda c: c.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
    assert store._db.read(lambda c: c.execute("PRAGMA foreign_key_check").fetchall()) == []
    await store.close()


@pytest.mark.slow
async def test_the_log_stays_short_under_writers_and_overlapping_readers(store, path):
    sessions = [await start(store) for _ in range(20)]
    stop = asyncio.Event()

    async def read_on():
        while not stop.is_set():
            await asyncio.gather(store.count(), *(store._db.read_in_thread(_walk) for _ in range(2)))

    readers = asyncio.create_task(read_on())
    longest = 0
    for n in range(1_500):
        await write_message(store, sessions[n % 20].id, 30_000)
        longest = max(longest, path.with_name("outlast.db-wal").stat().st_size)
    stop.set()
    await readers
    assert longest < 48 * 2**20  # 90 MB were written


async def write_message(store, session_id, size):
    values = (os.urandom(size).hex(), session_id)  # equal pages would not be written again
    statement = "UPDATE analysis_sessions SET current_message = ? WHERE id = ?"
    await store._db.write(lambda connection: connection.execute(statement, values), durable=False)


def _walk(connection):
    return connection.execute("SELECT count(*) FROM analysis_sessions WHERE current_message > 'a'").fetchall()


@pytest.mark.slow
async def test_the_log_is_cut_once_a_reader_that_held_on_lets_go(store, path):
    held = DatabaseFile(path).connect()
    session = await start(store)
    held.execute("BEGIN")
    held.execute("SELECT count(*) FROM analysis_sessions").fetchall()
    log = path.with_name("outlast.db-wal")
    for _ in range(50):
        await write_message(store, session.id, 500_000)
    assert log.stat().st_size > 40 * 2**20
    held.execute("COMMIT")
    held.close()
    store._db._writer._checkpoints._not_before = 0.0
    for _ in range(2):
        await write_message(store, session.id, 100)
    assert log.stat().st_size < 20 * 2**20


async def test_large_inputs_come_back_whole_and_leave_with_their_session(store):
    text = json.dumps({"text": "ü" * 50_000}, ensure_ascii=False)
    session = await started_and_claimed(store, input=text)
    assert session.input == text == (await read(store, session.id)).input
    await store.finish(claim_of(session), completed())
    later = session.created_at.replace(year=session.created_at.year + 1)
    await store.prune(sessions_before=later, results_before=later, uploads_before=later, dry_run=False)
    assert store._db.read(lambda c: c.execute("SELECT count(*) FROM large_inputs").fetchone()) == (0,)


async def test_a_completed_row_cannot_be_reopened_even_by_hand(store):
    session = await started_and_claimed(store)
    await store.finish(claim_of(session), completed())
    with pytest.raises(apsw.ConstraintError, match="final"):
        await store._db.write(
            lambda c: c.execute(
                "UPDATE analysis_sessions SET status = 'pending', progress_percentage = 0, completed_at = NULL"
            )
        )
    assert (await read(store, session.id)).status is Status.COMPLETED


def test_every_statement_is_used_and_their_threshold_is_what_the_domain_says():
    folder = Path(inspect.getfile(SQLiteStore)).parent
    code = "".join(file.read_text() for file in (*folder.glob("*.py"), *folder.parent.glob("*.py")))
    statements = Statements(PACKAGE)
    included = {found["name"] for found in INCLUDE.finditer("".join(statements._texts.values()))}
    assert not set(statements._texts) - set(statements) - included
    pruned = ("sessions", "failed", "results", "uploads", "facts")
    composed = {f"{verb}_{what}" for verb in ("prune", "count_prunable") for what in pruned}
    for name in statements:
        assert name in composed | {"prune_start_keys", "prune_runs"} or re.search(rf'"{name}"', code), name
    assert SUSPECT_CRASHES == 2  # written into the statements that set `ready`
