"""The deployments in which hostile analyses run: a site in its own folder, observed from outside."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))
from servers import RedisServer  # noqa: E402 - its folder is no package

EMBEDDED, SUPERVISED, CELERY, SYNC = "embedded", "supervised", "celery", "sync"
DEPLOYMENTS = (EMBEDDED, SUPERVISED, CELERY, SYNC)
GRACE = 2.0
"""Seconds that running attempts get after the first TERM."""
LONG_GRACE = 60.0
"""The same for tests of the second TERM."""
STARTS_WITHIN = 60.0
BEATS_WITHIN = 12.0
"""Seconds since the last beat of a worker that is alive."""
KEY = "the operators of the menagerie"
OURS = ("ANALYSIS_", "QUEUE_", "DATABASE_", "REDIS_", "APP_KEY", "PYTHON", "OUTLAST_")
"""Prefixes of environment variables that are not inherited. Without bytecode a start takes seconds."""
APP = "import sys\nsys.path.insert(0, {here!r})\nfrom hostile.site import outlast\n"
HOST = f"""{APP}
if __name__ == '__main__':  # a process that an analysis spawns imports it too
    from hostile.host import main
    main()
"""
"""Extends `sys.path`, as children would inherit PYTHONPATH, which belongs to the user."""


class Deployment:
    """One site of one kind, restarted when it dies, as a service manager would."""

    def __init__(self, name: str, folder: Path, rows: Iterable[str], *, at_once: int) -> None:
        self.name = name
        self._at_once = at_once
        self._rows_served = ",".join(rows)
        self.folder = folder
        self.deaths = 0
        """How often the host itself was restarted."""
        self._child: subprocess.Popen[bytes] | None = None
        self._redis: RedisServer | None = None
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._port = _free_port()
        self.root = f"http://127.0.0.1:{self._port}"
        self._folder_key = secrets.token_hex(32)
        (folder / "hostile_app.py").write_text(APP.format(here=str(HERE)))
        (folder / "hostile_host.py").write_text(HOST.format(here=str(HERE)))
        (folder / "effects").touch()

    def start(self, grace: float = GRACE) -> None:
        """Start it and wait until it is ready."""
        if self.name == CELERY and self._redis is None:
            self._redis = RedisServer()
            self._redis.start()
        self._environment = self._settings(grace)
        self._stopping.clear()
        self._begin()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it accepts sessions and has a worker."""
        end = time.monotonic() + STARTS_WITHIN
        while self.ask("/readyz") != 200 or not self.workers():
            if time.monotonic() > end:
                raise AssertionError(f"It is not ready:\n{self.log[-3_000:]}")
            time.sleep(0.05)

    def ask(self, path: str, client: httpx.Client | None = None) -> int:
        """The status of a response; 0: none came."""
        with suppress(httpx.TransportError):
            headers = {"Accept": "text/html" if "/api/" not in path else "*/*"}
            got = (client or httpx).get(self.root + path, headers=headers, timeout=10, **_direct(client))
            return got.status_code
        return 0

    def term(self) -> None:
        """Send TERM, and do not restart it."""
        self._stopping.set()
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)

    def ended(self, within: float) -> bool:
        try:
            if self._child is not None:
                self._child.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def remove(self) -> None:
        """Kill all remaining processes."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            if self._child.stdin is not None:
                self._child.stdin.close()
        for _ in range(3):
            left = self.processes()
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            if not left:
                break
            time.sleep(0.1)
        if self._redis is not None:
            self._redis.stop()

    @property
    def log(self) -> str:
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def effects(self, *words: object) -> list[list[str]]:
        wanted = [str(w) for w in words]
        lines = [line.split() for line in (self.folder / "effects").read_text().splitlines()]
        return [line for line in lines if line[: len(wanted)] == wanted]

    def sessions(self) -> dict[str, dict[str, Any]]:
        """All sessions in the store, by tag."""
        found: dict[str, dict[str, Any]] = {}
        for row in self._rows(
            "SELECT id, analysis, status, error_code, error, reference, attempt, crashes, available_at, input"
            " FROM analysis_sessions ORDER BY created_at"
        ):
            with suppress(ValueError, KeyError):
                found[json.loads(row["input"])["tag"]] = row
        return found

    def workers(self) -> list[dict[str, Any]]:
        """All registered workers, dead or alive."""
        return self._rows("SELECT id, pid FROM workers WHERE kind <> 'supervisor'")

    def alive_workers(self) -> int:
        """The number of workers with a recent heartbeat and a running process."""
        alive = 0
        for worker in self._rows("SELECT pid, beat_at FROM workers WHERE kind <> 'supervisor'"):
            with suppress(psutil.Error):
                is_running = psutil.Process(worker["pid"]).status() != psutil.STATUS_ZOMBIE
                alive += is_running and seconds_until(worker["beat_at"]) > -BEATS_WITHIN
        return alive

    def reported_workers(self) -> int:
        """The number of live workers that `outlast workers status` reports; -1: no output."""
        output = subprocess.run(
            [sys.executable, "-m", "outlast", "workers", "status", "--json"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            check=False,
        )
        try:
            return sum(worker["alive"] for worker in json.loads(output.stdout))
        except ValueError:
            return -1

    def processes(self) -> list[psutil.Process]:
        """All processes started from here, by their environment or working folder."""
        found: list[psutil.Process] = []
        marker = str(self.folder / "effects")
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                    continue
                if process.environ().get("HOSTILE_EFFECTS") == marker or process.cwd() == str(self.folder):
                    found.append(process)
        return found

    def family(self) -> set[int]:
        """The host and its direct children, which are its workers if it supervises any."""
        with suppress(psutil.Error):
            if self._child is not None:
                children = psutil.Process(self._child.pid).children() if self.name in {SUPERVISED, CELERY} else []
                return {self._child.pid, *(c.pid for c in children)}
        return set()

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        path = self.folder / "data" / "outlast.db"
        for _ in range(20):
            with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
                store.row_factory = sqlite3.Row
                return [dict(row) for row in store.execute(statement).fetchall()]
            time.sleep(0.05)
        return []

    def _begin(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        command = [sys.executable, "-m", "outlast", "serve", "--port", str(self._port), "--workers", "1"]
        if self.name == EMBEDDED:
            command = [sys.executable, "hostile_host.py", str(self._port)]
        # no standard input, as under a service manager
        source = subprocess.DEVNULL if self.name == EMBEDDED else subprocess.PIPE
        with (self.folder / "log.txt").open("ab") as log:
            # its own process group, as a hostile analysis may kill its group
            self._child = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment,
                stdin=source,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._stopping.wait(0.1):
            if self._child is not None and self._child.poll() is not None and not self._stopping.is_set():
                self.deaths += 1
                time.sleep(0.2)
                if not self._stopping.is_set():
                    self._begin()

    def _settings(self, grace: float) -> dict[str, str]:
        settings = {
            **{k: v for k, v in os.environ.items() if not k.startswith(OURS)},
            "ANALYSIS_APP": "hostile_app:outlast",
            "ANALYSIS_DATA_DIR": str(self.folder / "data"),
            "ANALYSIS_MAX_ACTIVE_PER_OWNER": "100000",
            "ANALYSIS_STARTS_PER_MINUTE": "100000",
            "ANALYSIS_SHUTDOWN_GRACE": str(grace),
            "ANALYSIS_DASHBOARD_KEY": KEY,
            "ANALYSIS_MIN_FREE_MB": "10",
            "ANALYSIS_WORKER_CONCURRENCY": str(self._at_once),
            "APP_KEY": self._folder_key,
            "HOSTILE_EFFECTS": str(self.folder / "effects"),
            "HOSTILE_ROWS": self._rows_served,
            "PYTHONUNBUFFERED": "1",
        }
        if self.name == SYNC:
            settings["ANALYSIS_ASYNC_ENABLED"] = "false"
        if self._redis is not None:
            settings["QUEUE_CONNECTION"] = self._redis.url
        return settings


class Visitor:
    """A browser signed in as an operator. Each start has a thread, as it may block for the whole analysis."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.http = httpx.Client(
            base_url=deployment.root, timeout=200, trust_env=False, limits=httpx.Limits(max_connections=None)
        )
        self._token: str = self.http.get("/api/analysis/token").json()["token"]
        self.refused: dict[str, int] = {}
        """Tag → status of a rejected start."""
        self._threads: list[threading.Thread] = []

    def start(self, analysis: str, tag: str) -> None:
        def post() -> None:
            with suppress(httpx.TransportError):
                answer = self.http.post(
                    "/api/analysis/start",
                    json={"analysis": analysis, "input": {"tag": tag}},
                    headers={"X-CSRF-Token": self._token},
                )
                if answer.status_code not in {200, 202}:
                    self.refused[tag] = answer.status_code

        thread = threading.Thread(target=post, daemon=True)
        thread.start()
        if self._deployment.name != SYNC:
            thread.join()
        self._threads.append(thread)

    def cancel(self, session: str) -> None:
        with suppress(httpx.TransportError):
            self.http.delete(f"/api/analysis/cancel/{session}", headers={"X-CSRF-Token": self._token})

    def enter(self) -> None:
        """Sign in to the dashboard."""
        with suppress(httpx.TransportError):
            self.http.post("/dashboard/enter", data={"csrf_token": self._token, "key": KEY})

    def close(self) -> None:
        self.http.close()


def seconds_until(available_at: str) -> float:
    """Seconds from now to a timestamp of the store."""
    at = datetime.fromisoformat(available_at if "+" in available_at else available_at + "+00:00")
    return at.timestamp() - time.time()


def _direct(client: httpx.Client | None) -> dict[str, Any]:
    return {} if client else {"trust_env": False}


def _free_port() -> int:
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + secrets.randbelow(22_000)))
            return probe.getsockname()[1]
