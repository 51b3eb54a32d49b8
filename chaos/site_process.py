"""An `outlast serve` process on a fixed port and folder that can be killed and restarted."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).parent


class SiteProcess:
    """The same site across restarts."""

    def __init__(self, folder: Path, port: int, *, workers: int = 2) -> None:
        """`workers` run within `serve`."""
        self._workers = workers
        self.root = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._environment = os.environ | {
            "PYTHONPATH": str(HERE),
            "CHAOS_EFFECTS": str(folder / "effects"),
            "ANALYSIS_DATA_DIR": str(folder / "data"),
            "ANALYSIS_MAX_ACTIVE_PER_OWNER": "1000000",
            "ANALYSIS_STARTS_PER_MINUTE": "1000000",
            "ANALYSIS_SHUTDOWN_GRACE": "0.3",
            "ANALYSIS_MIN_FREE_MB": "0",
        }

    def prepare(self, script: str) -> None:
        """Create the database and run this script on it."""
        self.command("migrate").check_returncode()
        with closing(sqlite3.connect(self._folder / "data" / "outlast.db")) as connection:
            connection.executescript(script)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log.txt").open("ab") as log:
            self._child = subprocess.Popen(
                self._arguments("serve", "--port", str(self._port), "--workers", str(self._workers)),
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if httpx.get(self.root + "/livez", trust_env=False).status_code == 200:
                    return
            if self._child.poll() is not None:
                raise SystemExit(f"serve ended with {self._child.returncode}")
            time.sleep(0.05)
        raise SystemExit("serve does not answer")

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(20)

    def look(self) -> None:
        """Open the installation, as an operator's command does, which removes sockets of killed processes."""
        self.command("workers", "status")

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of an operator and wait for its end."""
        return subprocess.run(
            self._arguments(*arguments),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def workers(self) -> list[int]:
        with suppress(psutil.NoSuchProcess):
            if self._child is not None:
                return [c.pid for c in psutil.Process(self._child.pid).children()]
        return []

    @staticmethod
    def _arguments(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "outlast", *arguments, "--app", "workload:outlast"]

    def end(self) -> list[str]:
        """Kill all remaining processes; returns those that should have ended."""
        self.kill()
        strays: list[str] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self._folder) and process.status() != psutil.STATUS_ZOMBIE:
                    strays.append(f"{process.pid} {' '.join(process.cmdline())}")
                    process.kill()
        return strays
