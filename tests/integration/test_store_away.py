"""What a command does while its store is away, refuses it, or has no connection for it."""

import asyncio

import psycopg
import pytest
from postgres_wires import READY, close, listening, one_message, startup_message
from processes import Installation, wait_until

from outlast.backends.postgres import connection, pools
from outlast.backends.postgres.connection import explained, max_connections
from outlast.domain.errors import StoreRefused, StoreUnavailable
from servers import QUICK, PostgresServer, folder_in_memory

pytestmark = pytest.mark.slow

ECHO = """
@outlast.analysis("echo")
async def echo(n: int) -> int:
    return n
"""


@pytest.fixture
def site(tmp_path):
    with Installation(tmp_path, ECHO, APP_KEY="k" * 64) as installation:
        yield installation


def test_serve_and_workers_wait_for_a_database_that_is_away_and_say_so_once(site):
    server = PostgresServer(disk=folder_in_memory(), **QUICK)
    try:
        site.change(DATABASE_URL=server.url())
        processes = [site.serve(workers=0), site.workers(1)]
        for process in processes:
            wait_until(lambda process=process: "is waiting for the store" in process.log, 30)
        server.start()
        processes[0].address()
        wait_until(site.alive_workers, 30)
        for process in processes:
            assert process.log.count("is waiting for the store") == 1
    finally:
        server.remove()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("sessions", "list")])
def test_a_database_that_does_not_exist_ends_a_command_at_once_with_its_sentence(site, postgres_server, command):
    site.change(DATABASE_URL=f"{postgres_server.rpartition('/')[0]}/missing")
    process = site.command(*command)
    assert process.wait(30) == 2
    assert "refuses the connection: " in process.log
    assert '"missing" does not exist' in process.log


def test_only_what_waiting_cannot_mend_is_a_refusal():
    failed = 'connection failed: connection to server at "127.0.0.1", port 1 failed: '
    for words in (
        'FATAL:  password authentication failed for user "outlast"',
        "fe_sendauth: no password supplied",
        'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "outlast", database "outlast", no encryption',
        'FATAL:  role "outlast" does not exist',
        "FATAL:  no such database: outlast",
        "FATAL:  SASL authentication failed",
    ):
        assert isinstance(explained(psycopg.OperationalError(failed + words)), StoreRefused), words
    for words in (
        "Connection refused",
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is shutting down",
        'could not translate host name "db" to address: Name or service not known',
    ):
        error = explained(psycopg.OperationalError(failed + words))
        assert isinstance(error, StoreUnavailable)
        assert not isinstance(error, StoreRefused), words


class FullPooler:
    """PgBouncer in session mode without a free connection: it may let people in, and answers no question."""

    def __init__(self, port: int, *, welcomes: bool) -> None:
        self._port = port
        self._welcomes = welcomes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._welcomes:
                await self._welcome(reader, writer)
            while await reader.read(65_536):
                pass
        finally:
            await close(writer)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await startup_message(reader, writer)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        ours.write(startup)
        kind = b""
        while kind != READY:
            kind, message = await one_message(theirs)
            writer.write(message)
        await close(ours)


def test_a_pooler_without_a_free_connection_is_an_error_that_says_how_many_are_needed(site, postgres_url):
    with listening(postgres_url, lambda port: FullPooler(port, welcomes=True)) as (_, url):
        site.change(DATABASE_URL=url, ANALYSIS_PG_POOL_SIZE="7")
        process = site.command("workers", "status")
        assert process.wait(20) == 2
    assert "accepted no connection within 5 s" in process.log
    assert f"two workers needs up to {max_connections(7)}" in process.log.replace("\n", " ")


@pytest.mark.parametrize("welcomes", [True, False])
async def test_a_call_without_a_free_connection_times_out(postgres_url, welcomes, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.3)
    monkeypatch.setattr(pools, "CONNECT_TIMEOUT", 0.3)
    with listening(postgres_url, lambda port: FullPooler(port, welcomes=welcomes)) as (_, url):
        here = pools.Pools(connection.address(url + "?connect_timeout=2"), 3, prepare=True).current()
        with pytest.raises(connection.NoConnection):
            async with here.connection():
                pass


def test_what_a_site_needs_is_its_pools_its_wake_ups_and_its_leases():
    assert max_connections(10, workers=0) == 12
    assert max_connections(10, workers=2) == 3 * 12 + 2
