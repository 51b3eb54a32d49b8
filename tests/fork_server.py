"""Runs commands as forks of a process with all modules imported, in a tenth of the time of a new interpreter.

`python fork_server.py FD` is that process. It exits at the end of its requests; the commands continue.
"""

import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

PRELOADED = (
    "asyncio",
    "psycopg_pool",
    "redis.asyncio",
    "uvicorn.protocols.http.httptools_impl",
    "outlast.app",
    "outlast.backends.postgres.store",
    "outlast.backends.redis.notifier",
    "outlast.backends.sqlite.store",
    "outlast.cli.serve",
    "outlast.cli.sessions",
    "outlast.cli.workers",
    "outlast.web.site",
)
LARGEST = 65_536
"""Bytes of one request."""


class ForkedProcess:
    """As `subprocess.Popen` has it."""

    def __init__(
        self, module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], log: BinaryIO
    ) -> None:
        """`python -m MODULE ARGUMENTS` in `folder`; what it prints goes to `log`, its input stays open."""
        stdin, self._stdin = os.pipe()
        self._status, status = os.pipe()
        request = [module, list(arguments), str(folder), dict(environment)]
        socket.send_fds(_server(), [json.dumps(request).encode()], [stdin, log.fileno(), status])
        self.pid = int(_server().recv(32))
        os.close(stdin)
        os.close(status)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code once it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            code = os.read(self._status, 32)
            assert code, "the fork server has died"
            self.returncode = int(code)
            os.close(self._status)
            os.close(self._stdin)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing happens when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """At once."""
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """The connection to this process's server."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, __file__, str(theirs.fileno())]
    subprocess.Popen(command, pass_fds=[theirs.fileno()]).returncode = 0  # it ends with this process
    theirs.close()
    return ours


def main(connection: socket.socket) -> None:
    """Fork at each request; report the end of each fork at the third descriptor that came with its request."""
    for name in PRELOADED:
        importlib.import_module(name)
    selector = selectors.DefaultSelector()
    selector.register(connection, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                pid, status = key.data
                selector.unregister(key.fd)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with suppress(BrokenPipeError):
                    os.write(status, str(code).encode())
                os.close(status)
                continue
            request, fds, _, _ = socket.recv_fds(connection, LARGEST, 3)
            if not request:
                return
            pid = os.fork()
            if not pid:
                os.close(fds.pop())
                connection.detach()
                for fd, other in list(selector.get_map().items()):
                    os.close(fd)
                    if other.data is not None:
                        os.close(other.data[1])
                selector.close()
                become(*json.loads(request), *fds)
                return
            for fd in fds[:2]:
                os.close(fd)
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, fds[2]))
            connection.send(str(pid).encode())


def become(
    module: str, arguments: list[str], folder: str, environment: dict[str, str], stdin: int, log: int
) -> None:
    """Do what `python -m MODULE ARGUMENTS` does; the interpreter ends as it always does."""
    for fd, standard in ((stdin, 0), (log, 1), (log, 2)):
        os.dup2(fd, standard)
    os.close(stdin)
    os.close(log)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
