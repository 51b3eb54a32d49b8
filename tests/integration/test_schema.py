"""The schema of a database: known by its checksums, brought up to date, and refused when it is another's."""

import re
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import apsw
import psycopg
import pytest
from copied_stores import everything
from processes import Installation
from psycopg.rows import dict_row

from outlast.backends import factories
from outlast.backends.clock import SystemClock
from outlast.backends.copying import TABLES, LockedTables, _copy_table
from outlast.backends.postgres import migrate as postgres
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.schema import Migration, migrations
from outlast.backends.sqlite import migrate as sqlite
from outlast.backends.sqlite.store import SQLiteStore
from outlast.domain.errors import SchemaDiffers, SchemaOutdated
from outlast.testing.acts import OWNER, claim_of, kept, read, start, started_and_claimed
from outlast.testing.states import STATES
from servers import fresh_database

UNSIGNED = {"sqlite": 5, "postgres": 6}
"""The last migration that was applied before checksums were kept."""
BEFORE_FREEZE = Path(__file__).parents[1] / "schemas" / "sqlite_before_freeze.sql"


class Database:
    """One of either kind, by statements and as a store."""

    def __init__(self, kind: str, address: str) -> None:
        self.kind = kind
        self.address = address
        self.package = (sqlite if kind == "sqlite" else postgres).PACKAGE

    def store(self) -> SQLiteStore | PostgresStore:
        if self.kind == "sqlite":
            return SQLiteStore(Path(self.address), SystemClock())
        return PostgresStore(self.address, SystemClock())

    def tables(self) -> AbstractContextManager[LockedTables]:
        """Its tables, as a copy reads and writes them."""
        if self.kind == "sqlite":
            return factories.sqlite_tables(Path(self.address), SystemClock())
        return factories.postgres_tables(self.address)

    def run(self, *statements: str) -> list[tuple]:
        """What the last of them answers."""
        if self.kind == "sqlite":
            with closing(apsw.Connection(self.address)) as connection:
                return [connection.execute(statement).fetchall() for statement in statements][-1]
        with psycopg.connect(self.address, autocommit=True) as connection:
            cursors = [connection.execute(statement) for statement in statements]
            return cursors[-1].fetchall() if cursors[-1].description else []

    def checks(self) -> dict[str, str]:
        """Every CHECK by its name."""
        if self.kind == "sqlite":
            texts = "\n".join(sql for (sql,) in self.run("SELECT sql FROM sqlite_schema WHERE type = 'table'"))
            named = dict(re.findall(r"CONSTRAINT (\w+)\s+CHECK (\(.*\))", texts))
            assert len(named) == len(re.findall(r"\bCHECK\b", texts))
            return named
        return dict(
            self.run(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
            )
        )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request, tmp_path):
    """One without any table."""
    if request.param == "sqlite":
        yield Database("sqlite", str(tmp_path / "outlast.db"))
    else:
        with fresh_database(request.getfixturevalue("postgres_server")) as url:
            yield Database("postgres", url)


async def made(database, monkeypatch, count=None, signed=True):
    """Bring it up to its migration `count`, as a version that knows no more, with sessions in every state."""
    with monkeypatch.context() as older:
        known = migrations(database.package)[:count]
        for module in (sqlite, postgres):
            older.setattr(module, "migrations", lambda _: known)
        store = database.store()
        await store.open(migrate=True)
        await store.close()
    with beside(database) as filled:
        store = filled.store()
        await store.open(migrate=True)
        for reach in STATES.values():
            await reach(store)
        await store.keep_step(claim_of(await started_and_claimed(store)), kept())
        await store.close()
        with filled.tables() as source, database.tables() as target:
            for table in TABLES:
                _copy_table(source, target, table, lambda *_: None, compare_only=False)
            target.commit()
    if not signed:
        database.run(*(f"ALTER TABLE schema_migrations DROP COLUMN {name}" for name in ("checksum", "lowest")))


@contextmanager
def beside(database):
    """Another database of the same kind."""
    if database.kind == "sqlite":
        yield Database("sqlite", database.address + "-filled")
    else:
        with fresh_database(database.address) as url:
            yield Database("postgres", url)


@pytest.mark.slow
async def test_a_database_of_the_last_version_before_checksums_keeps_all_and_gets_them(database, monkeypatch):
    await made(database, monkeypatch, UNSIGNED[database.kind], signed=False)
    before = database.run("SELECT id, status, version FROM analysis_sessions ORDER BY id")
    store = database.store()
    applied = await store.open(migrate=True)
    assert applied == [m.name for m in migrations(database.package)[UNSIGNED[database.kind] :]]
    there = await everything(store)
    sessions = [session for session, *_ in there.values()]
    assert sorted((s.id, s.status.value, s.version) for s in sessions) == before
    assert any(history for _, history, *_ in there.values())
    assert any(of_steps for _, _, of_steps, *_ in there.values())
    assert sum((await store.count()).values()) == len(before)
    assert await store.queue_position((await start(store, owner="other", queue="its own")).id) == 1
    await store.close()
    signed = database.run("SELECT checksum, lowest FROM schema_migrations ORDER BY version")
    assert signed == [(m.checksum, m.lowest) for m in migrations(database.package)]
    assert await database.store().open(migrate=False) == ()


@pytest.mark.slow
async def test_every_check_has_the_same_name_in_both_stores(database, monkeypatch):
    await made(database, monkeypatch)
    assert set(database.checks()) == {
        "session_status_known",
        "session_attempt_counted",
        "session_held_at_work",
        "session_end_dated",
        "session_whole_when_completed",
        "session_percentage",
        "session_waits_uncancelled",
        "attempt_end_known",
        "pulse_only_row",
        "door_only_row",
        "pause_kind_known",
    } | ({"waiting_only_row"} if database.kind == "sqlite" else set())


@pytest.mark.slow
async def test_a_further_status_is_a_check_replaced_in_place(database, monkeypatch):
    await made(database, monkeypatch)
    check = re.sub(r"^CHECK ", "", database.checks()["session_status_known"])
    wider = check.replace("'cancelled'", "'cancelled', 'paused'")
    database.run(
        "ALTER TABLE analysis_sessions DROP CONSTRAINT session_status_known",
        f"ALTER TABLE analysis_sessions ADD CONSTRAINT session_status_known CHECK {wider}",
        "UPDATE analysis_sessions SET status = 'paused' WHERE status = 'pending'",
    )
    assert database.run("SELECT count(*) > 0 FROM analysis_sessions WHERE status = 'paused'")[0][0]


@pytest.mark.slow
async def test_a_migration_applied_in_another_form_is_refused(database, monkeypatch):
    await made(database, monkeypatch)
    database.run("UPDATE schema_migrations SET checksum = 'other' WHERE version = 2")
    for migrate in (True, False):
        with pytest.raises(SchemaDiffers, match=r"0002_.*outlast store copy"):
            await database.store().open(migrate=migrate)


@pytest.mark.slow
async def test_a_newer_schema_that_only_adds_stops_no_process_that_can_live_with_it(database, monkeypatch):
    await made(database, monkeypatch)
    store = database.store()
    await store.open(migrate=True)
    newest = migrations(database.package)[-1].version
    row = "INSERT INTO schema_migrations (version, name, applied_at, checksum, lowest) VALUES"
    now = "current_timestamp"
    database.run(f"{row} ({newest + 1}, 'more', {now}, 'sum', {newest})")
    await store.check()
    again = database.store()
    assert await again.open(migrate=True) == []
    await again.close()
    database.run(f"{row} ({newest + 2}, 'much_more', {now}, 'sum', {newest + 1})")
    with pytest.raises(SchemaOutdated, match="much_more"):
        await store.check()
    with pytest.raises(SchemaOutdated, match="newer version"):
        await database.store().open(migrate=True)
    await store.close()


def test_a_migration_says_which_processes_may_still_run():
    said = "-- Processes that know the schema up to number 3 may still run.\nSELECT 1;"
    assert Migration(5, "more", said).lowest == 3
    assert Migration(5, "other", "SELECT 1;").lowest == 5


@pytest.mark.slow
async def test_the_shapes_of_before_the_freeze_are_those_that_the_migrations_make(postgres_server):
    with fresh_database(postgres_server) as url:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
        await connection.execute(postgres.KNOWN.encode())
        for migration in migrations(postgres.PACKAGE)[: UNSIGNED["postgres"]]:
            await connection.execute(migration.statements.encode())
            assert await postgres.shape(connection) == postgres.FROZEN[migration.version]
        await connection.close()


def before_freeze(path: Path) -> list[str]:
    """A file of the first days with a session in each status; their ids, oldest first."""
    path.parent.mkdir()
    with closing(apsw.Connection(str(path))) as old:
        old.execute(BEFORE_FREEZE.read_text())
        old.execute("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
        old.execute("INSERT INTO schema_migrations VALUES (1, '0001_sessions', 'then')")
        for number, status in enumerate(("pending", "processing", "completed", "failed", "cancelled")):
            values = {
                "id": f"session{number}",
                "owner": OWNER,
                "subject": f"subject {number}",
                "status": status,
                "percentage": 100.0 if status == "completed" else 0.0,
                "at": f"2026-11-2{number} 10:00:00.000000",
                "ended": status in {"completed", "failed", "cancelled"},
                "claim": int(status != "pending"),
            }
            old.execute(
                "INSERT INTO analysis_sessions (id, user_session, analysis, subject, status, progress_percentage, "
                "created_at, updated_at, completed_at, queue, priority, available_at, version, worker_id, "
                "max_attempts, timeout, steps, input, claim, attempt) VALUES (:id, :owner, 'echo', :subject, "
                ":status, :percentage, :at, :at, iif(:ended, :at, NULL), 'analysis', 0, :at, 1, "
                "iif(:status = 'processing', 'gone', NULL), 3, 60.0, '[]', '{\"n\": 7}', :claim, :claim)",
                values,
            )
        old.execute(
            "INSERT INTO results (session_id, user_session, analysis, subject, completed_at, bytes, result) "
            "VALUES ('session2', ?, 'echo', 'subject 2', '2026-11-22 10:00:00.000000', 1, '7')",
            (OWNER,),
        )
    return [f"session{number}" for number in range(5)]


ECHO = """
@outlast.analysis("echo")
async def echo(n: int) -> int:
    return n
"""


@pytest.mark.slow
async def test_a_file_of_before_the_freeze_is_refused_with_the_command_that_carries_its_sessions_over(tmp_path):
    path = tmp_path / "data" / "outlast.db"
    ids = before_freeze(path)
    with Installation(tmp_path, ECHO) as site:
        refused = site.command("migrate")
        assert refused.wait(60) == 2, refused.log
        told = re.search(r"`outlast (store copy sqlite:///(\S+) sqlite:///outlast-new\.db)`", refused.log)
        assert told
        assert Path(told[2]) == path
        served = site.serve()
        assert served.wait(60) == 2, served.log
        site.command(*told[1].split()).output(60)
    store = SQLiteStore(tmp_path / "data" / "outlast-new.db", SystemClock())
    await store.open(migrate=False)
    sessions = [await read(store, session_id) for session_id in ids]
    assert [s.status.value for s in sessions] == ["pending", "pending", "completed", "failed", "cancelled"]
    assert (sessions[1].claim, sessions[1].attempt) == (1, 0)
    result = await store.result("session2", owner=None)
    assert result is not None
    assert result.result == "7"
    await store.close()


@pytest.mark.slow
async def test_a_postgresql_database_of_before_the_freeze_is_carried_over_too(
    tmp_path, postgres_server, monkeypatch
):
    with fresh_database(postgres_server) as url, fresh_database(postgres_server) as new:
        database = Database("postgres", url)
        await made(database, monkeypatch, UNSIGNED["postgres"], signed=False)
        database.run("ALTER TABLE results DROP COLUMN share")
        with Installation(tmp_path, ECHO, APP_KEY="k" * 64, DATABASE_URL=url) as site:
            refused = site.command("migrate")
            assert refused.wait(60) == 2, refused.log
            assert "outlast store copy postgresql://" in refused.log
            site.command("store", "copy", url, new).output(60)
        count = "SELECT count(*) FROM analysis_sessions"
        assert database.run(count) == Database("postgres", new).run(count)
        assert database.run("SELECT to_regnamespace('outlast_carried')") == [(None,)]
