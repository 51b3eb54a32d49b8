"""Serves a program of the documentation as its page says."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ANALYSIS_")}


@dataclass(frozen=True, slots=True)
class Served:
    """A running `outlast serve`."""

    address: str
    process: subprocess.Popen[str]


@contextmanager
def served(app: str, folder: Path, *, grace: str = "1", port: str = "0") -> Iterator[Served]:
    """Run `outlast serve --app APP --workers 2` in the folder until the block ends or stops it."""
    command = [sys.executable, "-m", "outlast", "serve", "--app", app, "--workers", "2", "--port", port]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**ENVIRONMENT, "ANALYSIS_SHUTDOWN_GRACE": grace},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as server:
        assert server.stderr
        said = next((line for line in server.stderr if "Serving on" in line), "it never served")
        rest = threading.Thread(target=server.stderr.read)  # so that its log never fills the pipe
        rest.start()
        try:
            yield Served(said.split("Serving on ")[1].split()[0], server)
        finally:
            server.terminate()
            assert server.wait(30) == 0
            rest.join()
