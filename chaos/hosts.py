"""The simulated machines of a fleet: each is a process group on its own loopback address."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from visitor import PLAIN

HERE = Path(__file__).parent


class Host:
    """One machine: runs `outlast` with these arguments in its own folder, and restarts it on demand."""

    def __init__(
        self, folder: Path, name: str, settings: dict[str, str], *arguments: str, module: str = "workload"
    ) -> None:
        """`module` defines its application."""
        self.name = name
        self._folder = folder / name
        self._folder.mkdir()
        self._arguments = [sys.executable, "-m", "outlast", *arguments, "--app", f"{module}:outlast"]
        self._child: subprocess.Popen[bytes] | None = None
        self._environment = os.environ | {
            "PYTHONPATH": str(HERE),
            "CHAOS_EFFECTS": str(folder / "effects"),
            "ANALYSIS_DATA_DIR": str(self._folder / "data"),
            "ANALYSIS_MAX_ACTIVE_PER_OWNER": "1000000",
            "ANALYSIS_STARTS_PER_MINUTE": "1000000",
            "ANALYSIS_SHUTDOWN_GRACE": "0.3",
            **settings,
        }

    def start(self) -> None:
        with (self._folder / "log.txt").open("ab") as log:
            self._child = subprocess.Popen(
                self._arguments,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> list[int]:
        """Kill the whole machine at once, supervisor included; returns its worker processes."""
        workers = self.workers()
        if self._child is not None:
            self._child.kill()
            for pid in workers:  # each has its own process session
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._child.wait()
            self._child = None
        return workers

    def freeze(self) -> list[int]:
        """Freeze the whole machine, as a hypervisor does; returns the processes to thaw."""
        frozen = [] if self._child is None else [self._child.pid, *self.workers()]
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return frozen

    def stop(self) -> None:
        """Stop it by TERM, as a deploy does."""
        child, self._child = self._child, None  # so that `keep` does not restart it meanwhile
        if child is not None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                self._child = child
                self.kill()

    def keep(self) -> None:
        """Restart it if it has ended by itself, as a service manager does."""
        if self._child is not None and self._child.poll() is not None:
            self.start()

    def runs(self) -> bool:
        """Whether the process that was started has not ended by itself."""
        return self._child is not None and self._child.poll() is None

    @property
    def main_pid(self) -> int | None:
        """The main process."""
        return None if self._child is None else self._child.pid

    def workers(self) -> list[int]:
        with suppress(psutil.NoSuchProcess):
            if self._child is not None:
                return [c.pid for c in psutil.Process(self._child.pid).children()]
        return []

    @property
    def log(self) -> str:
        path = self._folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def strays(self) -> list[str]:
        """Kill and return the processes that are still alive after the stop."""
        found: list[str] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self._folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{self.name}: {process.pid} {' '.join(process.cmdline())}")
                    process.kill()
        return found


class ApiHost(Host):
    """A machine that runs `outlast serve` on its own loopback address."""

    def __init__(
        self, folder: Path, name: str, settings: dict[str, str], address: str, module: str = "workload"
    ) -> None:
        port = _free_port(address)
        self.address = address, port
        self.root = f"http://{address}:{port}"
        arguments = ("serve", "--host", address, "--port", str(port), "--workers", "0")
        super().__init__(folder, name, settings, *arguments, module=module)

    def wait(self, within: float = 60.0) -> None:
        """Wait until it answers."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.answers():
                return
            time.sleep(0.05)
        raise SystemExit(f"{self.name} does not answer:\n{self.log[-3000:]}")

    def answers(self) -> bool:
        """Whether it accepts sessions."""
        with suppress(httpx.TransportError):
            return httpx.get(self.root + "/readyz", trust_env=False, timeout=5, verify=PLAIN).status_code == 200
        return False


def _free_port(address: str) -> int:
    with socket.socket() as taken:
        taken.bind((address, 0))
        return taken.getsockname()[1]
