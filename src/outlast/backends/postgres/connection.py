"""Connections to PostgreSQL: how they are made, how long they may take, what their errors mean."""

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from outlast.domain.errors import StoreUnavailable

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


class TooBusy(psycopg.OperationalError):
    """No connection became free in time."""


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
        case errors.TooManyConnections():
            return StoreUnavailable(
                "PostgreSQL takes no more connections: raise its max_connections, or lower ANALYSIS_PG_POOL_SIZE."
            )
        case errors.ReadOnlySqlTransaction() if SHUT in str(error):
            return StoreUnavailable("The store is shut: its content has moved, or is still on its way here.")
        case errors.ReadOnlySqlTransaction():
            return StoreUnavailable("PostgreSQL takes no writes now; is DATABASE_URL the address of a standby?")
        case TooBusy():
            return StoreUnavailable(
                "All connections of this process to PostgreSQL are busy; ANALYSIS_PG_POOL_SIZE allows for more."
            )
        case _:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            return StoreUnavailable(f"PostgreSQL cannot be used now: {first.rstrip('.')}.")
