"""One open database: its statements, its clock, its writer thread and its read connections."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, TypeVar

from outlast.backends.rows import Row, RowReader, as_json
from outlast.backends.schema import closed_error, nothing_at, refusal
from outlast.backends.shared_runs import runs_followed, with_ended, with_runs
from outlast.backends.sqlite.connection import DatabaseFile, column_names, rows_by_name, unavailable
from outlast.backends.sqlite.driver import Connection, Values
from outlast.backends.sqlite.migrate import PACKAGE, migrate, require_current
from outlast.backends.sqlite.readers import Readers
from outlast.backends.sqlite.reserve_file import ReserveFile
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.backends.sqlite.writer import Operation, Writer
from outlast.backends.statements import statements
from outlast.domain.errors import SchemaDiffers, SchemaOutdated, StoreUnavailable
from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock

T = TypeVar("T")


class SQLiteDatabase:
    """The database of all parts of the store. Safe from any thread and event loop once it is open."""

    def __init__(self, file: DatabaseFile, clock: Clock) -> None:
        self.file = file
        self.reserve = ReserveFile(file.path)
        self.clock = clock
        self.sql = statements(PACKAGE)
        self.rows = RowReader(as_datetime, self._uncounted_ms)
        self._columns: dict[str, Sequence[str]] = {}
        """By statement, because reading the names of columns takes longer than reading a row."""
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._readers: Readers | None = None

    async def open(self, *, migrate: bool) -> Sequence[str]:
        return await asyncio.to_thread(self._open, bring_up_to_date=migrate)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    async def write(self, operation: Operation[T], *, durable: bool = True) -> T:
        """Group commit; see `Writer.write`."""
        return await self._require_writer().write(operation, durable=durable)

    def post(self, operation: Operation[object]) -> None:
        """See `Writer.post`."""
        self._require_writer().post(operation)

    def read(self, operation: Operation[T]) -> T:
        """Read in the calling thread, for rows by their key, which takes a few microseconds."""
        return self._require_readers().read(operation)

    def value(self, statement: str, values: Sequence[str]) -> Any:
        """Return the one value of a row by its key as cheaply as possible; `None` if there is no such row."""
        return self._require_readers().value(statement, values)

    async def read_in_thread(self, operation: Operation[T]) -> T:
        """Read in another thread, for whatever may take longer."""
        return await self._require_readers().read_in_thread(operation)

    def rows_of(self, connection: Connection, name: str, values: Values | None = None) -> list[Row]:
        """Execute one statement on this connection and return its rows."""
        cursor = connection.execute(self.sql[name], values)
        names = self._columns.get(name) or column_names(cursor)
        if names:
            self._columns[name] = names
        return rows_by_name(cursor, names)

    def row_of(self, connection: Connection, name: str, values: Values | None = None) -> Row | None:
        """Execute one statement on this connection and return its first row, if any."""
        rows = self.rows_of(connection, name, values)
        return rows[0] if rows else None

    def sessions(self, connection: Connection, name: str, values: Values | None = None) -> list[AnalysisSession]:
        """Execute one statement and return its sessions, with the progress of the runs that they follow."""
        found = self.rows.many(self.rows_of(connection, name, values))
        followed = runs_followed(found)
        if not followed:
            return found
        shown, ended = with_runs(found, self._by_id(connection, followed))
        return with_ended(shown, self._by_id(connection, ended)) if ended else shown

    def _by_id(self, connection: Connection, ids: Sequence[str]) -> list[AnalysisSession]:
        return self.rows.many(self.rows_of(connection, "sessions_by_id", {"ids": as_json(ids)}))

    def now(self) -> str:
        """Return the wall time in the format of the tables."""
        return as_text(self.clock.now())

    def stamp(self) -> dict[str, Any]:
        """Return the clock values that every change of a session's row needs."""
        now = self.clock.now()
        return {
            "now": as_text(now),
            "ms": int(now.timestamp() * 1000),
            "monotonic": self.clock.monotonic(),
            "boot_id": self.clock.boot_id(),
        }

    def _uncounted_ms(self, row: Row) -> float | None:
        """See `RowReader`: by the monotonic clock, or by the wall clock if the machine has restarted."""
        timed_from: float | None = row["timed_from"]
        if row["completed_at"] is not None:
            return None if timed_from is None else 0.0
        if timed_from is not None and row["timed_boot"] == self.clock.boot_id():
            return (self.clock.monotonic() - timed_from) * 1000
        counted: int = row["waited_ms"] + row["worked_ms"]
        return (self.clock.now() - row["created_at"]).total_seconds() * 1000 - counted

    def require_open(self, connection: Connection) -> None:
        """Raise `StoreRefused` if the store has moved: what is changed here would stay here."""
        reason = connection.execute(self.sql["closed_reason"]).get
        if reason is not None:
            raise closed_error(reason)

    def _open(self, *, bring_up_to_date: bool) -> Sequence[str]:
        with self._lock:
            if self._writer is not None:
                return ()
            if bring_up_to_date:
                self.file.create()
            elif not self.file.path.exists():
                raise nothing_at(str(self.file.path.absolute()))
            connection = self._connect()
            applied: Sequence[str] = ()
            try:
                with unavailable():
                    if bring_up_to_date:
                        applied = self._migrate(connection)
                    require_current(connection)
                    if bring_up_to_date:
                        self.require_open(connection)
            except SchemaDiffers as differs:
                connection.close()
                url = f"sqlite:///{self.file.path.absolute()}"
                raise refusal(differs, url, "sqlite:///outlast-new.db") from None
            except (SchemaOutdated, StoreUnavailable):
                connection.close()
                raise
            connection.pragma("cache_size", -8_000)
            self._readers = Readers(self.file)
            self._writer = Writer(connection)
            if bring_up_to_date:
                self.reserve.create()
            return applied

    def _connect(self) -> Connection:
        try:
            return self.file.connect()
        except StoreUnavailable:
            if not self.reserve.release():
                raise
            return self.file.connect()

    def _migrate(self, connection: Connection) -> Sequence[str]:
        connection.pragma("synchronous", "full")
        applied = migrate(connection, self.now())
        connection.pragma("synchronous", "normal")
        return applied

    def _close(self) -> None:
        with self._lock:
            writer, readers = self._writer, self._readers
            self._writer = self._readers = None
            if writer is not None and readers is not None:
                readers.close()
                writer.close()

    def _require_writer(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable("The store is not open.")
        return self._writer

    def _require_readers(self) -> Readers:
        if self._readers is None:
            raise StoreUnavailable("The store is not open.")
        return self._readers


class SQLitePart:
    """A part of the store, on a database that it shares with the others."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._db = database
        self._sql = database.sql
