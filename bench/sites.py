"""A folder of data, our Outlast object on it, and processes beside it: what every benchmark measures with."""

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
    """A new folder; its name is short, as sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="ob-", ignore_cleanup_errors=True) as path:
        os.environ["ANALYSIS_DATA_DIR"] = str(Path(path) / "data")
        os.environ["BENCH_HUEY"] = str(Path(path) / "huey.db")
        os.environ["BENCH_EAR"] = str(Path(path) / "ear")
        yield Path(path)


@asynccontextmanager
async def opened() -> AsyncIterator[Outlast]:
    """Our object in this process, which only starts and looks: the work is done elsewhere."""
    from workload import outlast

    outlast.configure(data_dir=Path(os.environ["ANALYSIS_DATA_DIR"]))
    await outlast.open(maintain=False)
    try:
        yield outlast
    finally:
        await outlast.close()


async def ended(outlast: Outlast) -> int:
    """How many sessions are final."""
    counts = await (await outlast.engine()).store.count()
    return sum(n for status, n in counts.items() if Status(status).final)


async def until_ended(outlast: Outlast, wanted: int) -> None:
    """Look until so many sessions are final."""
    while await ended(outlast) < wanted:  # noqa: ASYNC110 - the end is another process's
        await asyncio.sleep(0.02)


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process beside this one, ended with the block. Its input is a pipe, its log is not kept."""
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
    """One worker process of ours."""
    run = ("-m", "outlast", "workers", "run", "--app", "workload:outlast", "--concurrency", str(concurrency))
    return process(*run)


def huey_worker(threads: int = 1):
    """One consumer process of huey's, its polling left as it is by default."""
    return process("-m", "huey.bin.huey_consumer", "peer.huey", "-w", str(threads), "-k", "thread")


@dataclass(frozen=True)
class Server:
    """A site that answers, and one browser's cookie and token for it."""

    pid: int
    port: int
    cookie: str
    token: str
    browser: httpx.Client

    @property
    def head(self) -> str:
        """The headers of each of its requests."""
        return f"Host: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\nX-CSRF-Token: {self.token}\r\n"


@contextmanager
def served(program: str = "polled_server.py") -> Iterator[Server]:
    """Our site on one server, without workers; the first program answers `/trivial` too."""
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
