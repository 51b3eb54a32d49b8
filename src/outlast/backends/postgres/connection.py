"""Connections to PostgreSQL: how to open them, their timeouts, and the meaning of their errors."""

import asyncio
import os
import re
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from outlast.backends.rows import Row
from outlast.domain.errors import StoreRefused, StoreUnavailable

Connection = psycopg.AsyncConnection[Row]

CALL_TIMEOUT = 30.0
"""Seconds that a call may take before its connection is closed."""
DEFAULTS = {
    "application_name": "outlast",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Defaults that the address may override: they detect an unreachable host within seconds."""

UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction)
"""Errors of the environment, except `BUGS`."""
BUGS = (errors.ProgramLimitExceeded, errors.StatementTooComplex)
ROLLED_BACK = (errors.DeadlockDetected, errors.SerializationFailure)
"""The server has rolled back the transaction because of others; it may be repeated."""
SHUT = "the store is shut"
"""The message that the triggers of a closed store raise."""
CONNECT_TIMEOUT = 5.0
"""Seconds that connecting, including the first statement, may take."""
NOTIFIER_CONNECTIONS = 2
"""Connections of a process beside its pool, to receive and to send wake-ups."""
TOO_MANY = re.compile("too many clients|remaining connection slots|too many connections|max_client_conn")
REFUSED = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry|no such (database|user)"
    "|(database|role) .* (does not exist|is not permitted)|permission denied for database"
    "|certificate verify failed"
)
"""Errors of connecting have no SQLSTATE in libpq, only the text of the server or the pooler."""


class TooBusy(psycopg.OperationalError):
    """No connection became free in time."""


class NoConnection(psycopg.OperationalError):
    """The server, or a pooler in front of it, did not accept a connection in time."""

    def __init__(self, pool_size: int) -> None:
        super().__init__("no connection was accepted in time")
        self.pool_size = pool_size


def max_connections(pool_size: int, workers: int = 2) -> int:
    """Return the most connections of `outlast serve`: a pool in each process, and a lease for each worker."""
    return (workers + 1) * (pool_size + NOTIFIER_CONNECTIONS) + workers


async def connect(address: str, pool_size: int, first: str, *, prepare_threshold: int | None = None) -> Connection:
    """Open a connection and execute `first`. Raises `psycopg.OperationalError`, after 5 s at the latest.

    A pooler accepts clients for which it has no connection yet; only a response shows that there is one.
    """
    end = time.monotonic() + CONNECT_TIMEOUT
    connection: Connection | None = None
    try:
        connection = await Connection.connect(
            address, autocommit=True, prepare_threshold=prepare_threshold, row_factory=dict_row
        )
        with time_limit(max(0.0, end - time.monotonic()), connection):
            await connection.execute(first.encode())
    except psycopg.OperationalError as error:
        if connection is not None:
            connection.pgconn.finish()
        late = isinstance(error, errors.ConnectionTimeout) or time.monotonic() >= end
        if late or TOO_MANY.search(str(error)):
            raise NoConnection(pool_size) from error
        raise
    except asyncio.CancelledError:  # nobody else knows the connection
        if connection is not None:
            connection.pgconn.finish()
        raise
    return connection


def address(url: str) -> str:
    """Return the address for libpq, with defaults for what it does not set."""
    given = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in DEFAULTS.items() if name not in given})


def shown(address: str) -> str:
    """Return the address as a URL without its password, for messages."""
    given = conninfo_to_dict(address)
    user = f"{quote(str(given['user']), safe='')}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    database = quote(str(given.get("dbname", "")), safe="")
    return f"postgresql://{user}{given.get('host', '')}{port}/{database}"


def cut(connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
    """Shut the socket down, which ends any call that waits for it, even if the server no longer responds."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


@contextmanager
def time_limit(seconds: float, connection: Connection) -> Generator[None]:
    """Break the connection if the block has not ended by then."""
    timer = asyncio.get_running_loop().call_later(seconds, cut, connection)
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def unavailable() -> Generator[None]:
    """Translate errors of the environment to `StoreUnavailable`, with a sentence for the operator."""
    try:
        yield
    except BUGS:
        raise
    except UNAVAILABLE as error:
        raise explained(error) from error


def explained(error: Exception) -> StoreUnavailable:
    """Return the error with a sentence for the operator."""
    match error:
        case errors.DiskFull():
            return StoreUnavailable("The disk of the database is full. Free some space, and Outlast continues.")
        case NoConnection(pool_size=size):
            return StoreUnavailable(
                f"PostgreSQL, or a pooler in front of it, accepted no connection within {CONNECT_TIMEOUT:g} s. "
                f"A site with two workers needs up to {max_connections(size)}: {size} (ANALYSIS_PG_POOL_SIZE) "
                f"and {NOTIFIER_CONNECTIONS} for wake-ups in each process, and one for the lease of each worker. "
                "Raise max_connections (or default_pool_size of PgBouncer), or lower ANALYSIS_PG_POOL_SIZE."
            )
        case errors.ReadOnlySqlTransaction():
            return StoreUnavailable("PostgreSQL is read-only now. Is DATABASE_URL the address of a standby?")
        case errors.LockNotAvailable():
            return StoreUnavailable("Other transactions have kept the tables locked for too long.")
        case TooBusy():
            return StoreUnavailable(
                "All connections of this process to PostgreSQL are busy. Raise ANALYSIS_PG_POOL_SIZE."
            )
        case _ if REFUSED.search(str(error)):
            return StoreRefused(f"PostgreSQL refuses the connection: {_first_line(error)}.")
        case _:
            return StoreUnavailable(f"PostgreSQL cannot be used now: {_first_line(error)}.")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
