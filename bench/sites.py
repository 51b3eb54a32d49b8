"""Fixtures of the benchmarks: a data folder, an `Outlast` object, worker processes and served sites."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from outlast import Outlast
from outlast.app import runtime_of
from outlast.domain.status import Status

HERE = Path(__file__).parent
MANY = 10_000_000
os.environ |= {
    "ANALYSIS_MAX_ACTIVE_PER_OWNER": str(MANY),
    "ANALYSIS_STARTS_PER_MINUTE": str(MANY),
    "ANALYSIS_MAX_PENDING": str(MANY),
    "ANALYSIS_SHUTDOWN_GRACE": "0",
    "PYTHONPATH": str(HERE),
}


@contextmanager
def folder() -> Iterator[Path]:
    """Create a data folder with a short path, as it contains Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="ob-", ignore_cleanup_errors=True) as path:
        os.environ["ANALYSIS_DATA_DIR"] = str(Path(path) / "data")
        os.environ["BENCH_HUEY"] = str(Path(path) / "huey.db")
        os.environ["BENCH_EAR"] = str(Path(path) / "ear")
        yield Path(path)


@asynccontextmanager
async def opened() -> AsyncIterator[Outlast]:
    """Open Outlast in this process without workers, to start and watch sessions."""
    from workload import outlast

    outlast.configure(data_dir=Path(os.environ["ANALYSIS_DATA_DIR"]))
    await runtime_of(outlast).open(maintain=False)
    try:
        yield outlast
    finally:
        await outlast.close()


async def ended(outlast: Outlast) -> int:
    """The number of final sessions."""
    counts = await (await runtime_of(outlast).engine()).store.count()
    return sum(n for status, n in counts.items() if Status(status).final)


async def until_ended(outlast: Outlast, wanted: int) -> None:
    """Poll until this many sessions are final."""
    while await ended(outlast) < wanted:  # noqa: ASYNC110 - the end is another process's
        await asyncio.sleep(0.02)


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python process during the block, with a pipe as its standard input and without its log."""
    log = subprocess.DEVNULL if "BENCH_LOG" not in os.environ else None
    child = subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdin:
            child.stdin.close()


def worker(concurrency: int = 100):
    """Run one Outlast worker process."""
    run = ("-m", "outlast", "workers", "run", "--app", "workload:outlast", "--concurrency", str(concurrency))
    return process(*run)


def huey_worker(threads: int = 1):
    """Run one huey consumer process with default polling."""
    return process("-m", "huey.bin.huey_consumer", "huey_tasks.huey", "-w", str(threads), "-k", "thread")


@dataclass(frozen=True)
class Server:
    """A running site, with a browser's cookie and CSRF token."""

    pid: int
    port: int
    cookie: str
    token: str
    browser: httpx.Client

    @property
    def head(self) -> str:
        """The headers of the browser's requests."""
        return f"Host: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\nX-CSRF-Token: {self.token}\r\n"


@contextmanager
def served(program: str = "polled_server.py") -> Iterator[Server]:
    """Serve our site without workers; `polled_server.py` answers `/trivial` too."""
    command = [sys.executable, str(HERE / program)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            port = next(int(f[1]) for line in server.stderr or () if (f := re.search(r"127\.0\.0\.1:(\d+)", line)))
            with httpx.Client(trust_env=False, timeout=60, base_url=f"http://127.0.0.1:{port}") as browser:
                token = browser.get("/api/analysis/token").json()["token"]
                cookie = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
                yield Server(server.pid, port, cookie, token, browser)
        finally:
            server.terminate()
