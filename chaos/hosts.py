"""The machines of a fleet, each a process group on a loopback address of its own."""

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
    """One machine: `outlast` with these arguments, again after each end, in a folder of its own."""

    def __init__(
        self, folder: Path, name: str, settings: dict[str, str], *arguments: str, module: str = "workload"
    ) -> None:
        """`module`: where its application is."""
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
        """The whole machine at once: nobody is left to notice. Answers the workers that it had."""
        workers = self.workers()
        if self._child is not None:
            self._child.kill()
            for pid in workers:  # they are sessions of their own
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._child.wait()
            self._child = None
        return workers

    def freeze(self) -> list[int]:
        """The whole machine, as a hypervisor does; answers what is to be thawed."""
        frozen = [] if self._child is None else [self._child.pid, *self.workers()]
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return frozen

    def stop(self) -> None:
        """As a deploy does."""
        child, self._child = self._child, None  # so that nobody starts it again meanwhile
        if child is not None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                self._child = child
                self.kill()

    def keep(self) -> None:
        """As a service manager does: start it again when it has ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            self.start()

    @property
    def main(self) -> int | None:
        """The process that was started."""
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
        """What is alive though everything was stopped; it is killed."""
        found: list[str] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self._folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{self.name}: {process.pid} {' '.join(process.cmdline())}")
                    process.kill()
        return found


class ApiHost(Host):
    """A machine that serves, on its own loopback address."""

    def __init__(
        self, folder: Path, name: str, settings: dict[str, str], address: str, module: str = "workload"
    ) -> None:
        port = _free_port(address)
        self.address = address, port
        self.root = f"http://{address}:{port}"
        arguments = ("serve", "--host", address, "--port", str(port), "--workers", "0")
        super().__init__(folder, name, settings, *arguments, module=module)

    def wait(self, within: float = 60.0) -> None:
        """Returns once it answers."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.answers():
                return
            time.sleep(0.05)
        raise SystemExit(f"{self.name} does not answer:\n{self.log[-3000:]}")

    def answers(self) -> bool:
        """Whether it can take sessions."""
        with suppress(httpx.TransportError):
            return httpx.get(self.root + "/readyz", trust_env=False, timeout=5, verify=PLAIN).status_code == 200
        return False


def _free_port(address: str) -> int:
    with socket.socket() as taken:
        taken.bind((address, 0))
        return taken.getsockname()[1]
