"""Connections to PostgreSQL: how they are made, how long they may take, what their errors mean."""

import asyncio
import os
import re
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from outlast.domain.errors import StoreRefused, StoreUnavailable

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

PATIENCE = 30.0
"""Seconds that a call may take before its connection is given up."""
QUICK_TO_NOTICE = {
    "application_name": "outlast",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What an address does not say itself: a host that is gone without a word is missed after seconds."""

UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction)
"""What the surroundings do to us, unless they are `OUR_MISTAKES`."""
OUR_MISTAKES = (errors.ProgramLimitExceeded, errors.StatementTooComplex)
ROLLED_BACK = (errors.DeadlockDetected, errors.SerializationFailure)
"""The transaction is undone for certain, through no fault of its own."""
SHUT = "the store is shut"
"""What the trigger of a shut store says."""


SECONDS_FOR_ONE = 5.0
"""How long a connection may take to come, and to answer for the first time."""
WAKE_UPS = 2
"""Connections that a process has beside its pool, to hear and to send wake-ups."""
TOO_MANY = re.compile("too many clients|remaining connection slots|too many connections|max_client_conn")
NOT_LET_IN = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry|no such (database|user)"
    "|(database|role) .* (does not exist|is not permitted)|permission denied for database"
    "|certificate verify failed"
)
"""What libpq says of a connection comes without a code, in the words of the server or the pooler."""


class TooBusy(psycopg.OperationalError):
    """No connection became free in time."""


class NoConnection(psycopg.OperationalError):
    """None was given in time, by the server or by a pooler before it."""

    def __init__(self, pool_size: int) -> None:
        super().__init__("no connection was given in time")
        self.pool_size = pool_size


def needed(pool_size: int, workers: int = 2) -> int:
    """Connections that `outlast serve` has at most: it and its workers have a pool, each worker a lease."""
    return (workers + 1) * (pool_size + WAKE_UPS) + workers


async def connect(address: str, pool_size: int, first: str, *, prepare_threshold: int | None = None) -> Connection:
    """A new connection that has answered `first`. Raises `psycopg.OperationalError`, after 5 s at the latest.

    A pooler accepts everybody and lets those wait for whom it has no connection: only an answer tells.
    """
    end = time.monotonic() + SECONDS_FOR_ONE
    connection: Connection | None = None
    try:
        connection = await psycopg.AsyncConnection.connect(
            address, autocommit=True, prepare_threshold=prepare_threshold
        )
        with no_longer_than(max(0.0, end - time.monotonic()), connection):
            await connection.execute(first.encode())
    except psycopg.OperationalError as error:
        if connection is not None:
            connection.pgconn.finish()
        late = isinstance(error, errors.ConnectionTimeout) or time.monotonic() >= end
        if late or TOO_MANY.search(str(error)):
            raise NoConnection(pool_size) from error
        raise
    return connection


def address(url: str) -> str:
    """The address for libpq, with what it leaves open."""
    given = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in QUICK_TO_NOTICE.items() if name not in given})


def shown(address: str) -> str:
    """As a URL without its password, for people."""
    given = conninfo_to_dict(address)
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{given.get('host', '')}{port}/{given.get('dbname', '')}"


def cut(connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
    """Break the connection off, whoever waits for it: also where the other side says nothing at all any more."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
        wire.shutdown(socket.SHUT_RDWR)


@contextmanager
def no_longer_than(seconds: float, connection: Connection) -> Generator[None]:
    """Cut the connection when the block has not ended by then."""
    alarm = asyncio.get_running_loop().call_later(seconds, cut, connection)
    try:
        yield
    finally:
        alarm.cancel()


@contextmanager
def unavailable() -> Generator[None]:
    """Turn what the surroundings do to us into `StoreUnavailable`, with a sentence for the operator."""
    try:
        yield
    except OUR_MISTAKES:
        raise
    except UNAVAILABLE as error:
        raise explained(error) from error


def explained(error: Exception) -> StoreUnavailable:
    """The sentence for the operator."""
    match error:
        case errors.DiskFull():
            return StoreUnavailable("The disk of the database is full; free some space, and it goes on.")
        case NoConnection(pool_size=size):
            return StoreUnavailable(
                f"PostgreSQL, or a pooler before it, gave no connection within {SECONDS_FOR_ONE:g} s. A site with "
                f"two workers needs up to {needed(size)}: {size} (ANALYSIS_PG_POOL_SIZE) and {WAKE_UPS} for "
                "wake-ups in each process, and one for the lease of each worker. Allow as many (max_connections, "
                "or default_pool_size of PgBouncer), or lower ANALYSIS_PG_POOL_SIZE."
            )
        case errors.ReadOnlySqlTransaction() if SHUT in str(error):
            return StoreUnavailable("The store is shut: its content has moved, or is still on its way here.")
        case errors.ReadOnlySqlTransaction():
            return StoreUnavailable("PostgreSQL takes no writes now; is DATABASE_URL the address of a standby?")
        case TooBusy():
            return StoreUnavailable(
                "All connections of this process to PostgreSQL are busy; ANALYSIS_PG_POOL_SIZE allows for more."
            )
        case _ if NOT_LET_IN.search(str(error)):
            return StoreRefused(f"PostgreSQL does not let us in: {_first_line(error)}.")
        case _:
            return StoreUnavailable(f"PostgreSQL cannot be used now: {_first_line(error)}.")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
