"""Real processes of one installation: start them, send requests, wait for conditions, stop them."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import psutil

from fork_server import ForkedProcess

T = TypeVar("T")

LEASE = 15.0
EXIT_UNAVAILABLE = 2
"""Exit code of a command that could not reach the store."""
MAX_LOG_SHOWN = 4_000
"""Characters of a process's log that a failed test prints."""
SETTING_PREFIXES = ("ANALYSIS_", "QUEUE_", "DATABASE_", "REDIS_")
"""Prefixes of the settings that tests do not inherit from the environment."""
PRELUDE = '''
import asyncio, os, signal, threading, time
from pathlib import Path
from outlast import Outlast, report, step

outlast = Outlast()

def note(*words):
    """Append a line to the file `effects`: what really happened, independent of the store."""
    with open("effects", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

async def until(name):
    while not Path(name).exists():
        await asyncio.sleep(0.01)
'''
"""The beginning of every application under test; its processes run in the test's folder."""


def wait_until(condition: Callable[[], T], within: float, what: str = "it") -> T:
    """Return the first true value of `condition`; fail if there is none `within` seconds."""
    end = time.monotonic() + within
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {within:g} s (last seen: {value!r})")
        pause.wait(0.02)


class Process:
    """One command, whose output goes to a file."""

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        arguments: Sequence[str],
        log: Path,
        module: str = "outlast",
    ) -> None:
        self._log = log
        self.command_line = " ".join([module, *arguments])
        with log.open("wb") as sink:
            self._child = ForkedProcess(module, arguments, folder, environment, sink)
        self.pid = self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The supervised worker processes."""
        with suppress(psutil.NoSuchProcess):
            return [c.pid for c in psutil.Process(self.pid).children()]
        return []

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, within: float) -> int:
        """Return the exit code; fail if the process still runs after the timeout."""
        return self._child.wait(within)

    def output(self, within: float) -> str:
        """Return the output after a successful exit."""
        assert self.wait(within) == 0, self.log
        return self.log

    def address(self, within: float = 60.0) -> str:
        """Wait until the server responds; return its address."""

        def announced() -> str | None:
            if self._child.poll() is not None:
                raise AssertionError(f"The process exited with {self._child.returncode}:\n{self.log}")
            for line in self.log.splitlines():
                if line.startswith("Serving on http"):
                    return line.split()[2]
            return None

        return wait_until(announced, within, "serving") or ""

    def end(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self.wait(10)


class Visitor:
    """A client with one cookie. It asserts that version and percentage of a session never fall."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = httpx.Client(timeout=20, trust_env=False)
        self._last_seen: dict[str, tuple[int, float]] = {}
        self.token: str = self._get("/api/analysis/token").json()["token"]

    def start(self, analysis: str, **values: Any) -> str:
        return self.start_response(analysis, 202, **values)["session_id"]

    def start_response(self, analysis: str, code: int, **values: Any) -> dict[str, Any]:
        answer = self.http.post(
            self.address + "/api/analysis/start",
            json={"analysis": analysis, "input": values},
            headers={"X-CSRF-Token": self.token},
        )
        assert answer.status_code == code, answer.text
        return answer.json()

    def upload(self, content: bytes, name: str) -> str:
        """Upload a file; return its `source`."""
        answer = self.http.post(
            self.address + "/api/analysis/upload",
            files={"file": (name, content)},
            headers={"X-CSRF-Token": self.token},
        )
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["source"]

    def snapshot(self, session: str) -> dict[str, Any]:
        answer = self._get(f"/api/analysis/progress/{session}")
        assert answer.status_code == 200, answer.text
        snapshot = answer.json()
        before = self._last_seen.get(session, (0, 0.0))
        now = (snapshot["version"], snapshot["progress_percentage"])
        fell = now[0] < before[0] or now[1] < before[1]
        assert not fell, f"went back from {before} to {now}"
        self._last_seen[session] = now
        return snapshot

    def cancel(self, session: str) -> int:
        url = f"{self.address}/api/analysis/cancel/{session}"
        return self.http.delete(url, headers={"X-CSRF-Token": self.token}).status_code

    def retry(self, session: str) -> int:
        url = f"{self.address}/api/analysis/retry/{session}"
        return self.http.post(url, headers={"X-CSRF-Token": self.token}).status_code

    def wait_for(self, session: str, status: str, within: float) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            snapshot = self.snapshot(session)
            return snapshot if snapshot["status"] == status else None

        try:
            return wait_until(reached, within) or {}
        except AssertionError:
            raise AssertionError(f"not {status} within {within:g} s: {self.snapshot(session)}") from None

    def close(self) -> None:
        self.http.close()

    def _get(self, path: str) -> httpx.Response:
        return self.http.get(self.address + path)


class Installation:
    """A folder with an application, its data and all processes that a test starts there."""

    def __init__(self, folder: Path, source: str, **settings: str) -> None:
        self.folder = folder
        self.effects_file = folder / "effects"
        (folder / "site_under_test.py").write_text(PRELUDE + source)
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(SETTING_PREFIXES)},
            "ANALYSIS_DATA_DIR": str(folder / "data"),
            "ANALYSIS_MAX_ACTIVE_PER_OWNER": "100000",
            "ANALYSIS_STARTS_PER_MINUTE": "100000",
            "ANALYSIS_SHUTDOWN_GRACE": "1",
            "ANALYSIS_APP": "site_under_test:outlast",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self._processes: list[Process] = []
        self._visitors: list[Visitor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for visitor in self._visitors:
            visitor.close()
        for process in self._processes:
            process.end()
        for pid in self.alive_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:  # pytest shows it where a test failed
            print(f"{process.command_line}\n{process.log[-MAX_LOG_SHOWN:]}")

    def serve(self, workers: int = 2, *more: str) -> Process:
        return self._start("serve", "--port", "0", "--workers", str(workers), *more)

    def worker(self, *more: str) -> Process:
        """Start a worker without a supervisor."""
        return self._start("workers", "run", *more)

    def workers(self, count: int = 1, *more: str) -> Process:
        """Start supervised workers."""
        return self._start("workers", "start", "--workers", str(count), *more)

    def command(self, *arguments: str) -> Process:
        """Start any other command."""
        return self._run(list(arguments), "outlast")

    def program(self, *arguments: str) -> Process:
        """Run the application's file as a program."""
        return self._run(list(arguments), "site_under_test")

    def change(self, **settings: str) -> None:
        """Set an environment variable for processes started later."""
        self._environment |= settings

    def celery(self, pool: str, concurrency: int = 2, *more: str) -> Process:
        """Start a worker by Celery's command."""
        fleet = ["-A", "outlast.celery", "worker", "--pool", pool, "--concurrency", str(concurrency)]
        return self._run(
            [*fleet, "--loglevel", "INFO", "--hostname", f"n{len(self._processes)}@%h", *more], "celery"
        )

    def visitor(self, server: Process) -> Visitor:
        visitor = Visitor(server.address())
        self._visitors.append(visitor)
        return visitor

    def effects(self, *words: object) -> list[list[str]]:
        """Return the lines in the file `effects` that begin with these words."""
        if not self.effects_file.exists():
            return []
        wanted = [str(w) for w in words]
        lines = [line.split() for line in self.effects_file.read_text().splitlines()]
        return [line for line in lines if line[: len(wanted)] == wanted]

    def wait_for_effect(self, *words: object, count: int = 1, within: float = 60.0) -> list[list[str]]:
        def noted() -> list[list[str]] | None:
            found = self.effects(*words)
            return found if len(found) >= count else None

        return wait_until(noted, within, f"{count} × {words} in the effects") or []

    def allow(self, name: str) -> None:
        """Let analyses continue that wait with `until(name)`."""
        (self.folder / name).touch()

    def alive_workers(self) -> list[dict[str, Any]]:
        """Return the living workers, as `outlast workers status` lists them."""
        arguments = ["workers", "status", "--json", "--app", "site_under_test:outlast"]
        listed = self.folder / "log-status.json"
        process = Process(self.folder, self._environment, arguments, listed)
        if process.wait(60) == EXIT_UNAVAILABLE:
            return []
        return [worker for worker in json.loads(process.log) if worker["alive"]]

    def alive_processes(self) -> list[int]:
        """Return every process whose working directory is this folder."""
        found: list[int] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    def _start(self, *arguments: str) -> Process:
        return self._run([*arguments, "--app", "site_under_test:outlast"], "outlast")

    def _run(self, arguments: list[str], module: str) -> Process:
        log = self.folder / f"log-{len(self._processes)}.txt"
        process = Process(self.folder, self._environment, arguments, log, module)
        self._processes.append(process)
        return process


def has_exited(pid: int) -> bool:
    """Return whether the process does not exist or is a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
