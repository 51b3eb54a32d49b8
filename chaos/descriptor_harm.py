"""A harm: an API process and a worker process run out of file descriptors for some seconds."""

import random
import resource
import socket
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import psycopg

from hosts import ApiHost, Host
from visitor import PLAIN

if TYPE_CHECKING:
    from fleet import Fleet

HEADROOM = 50
"""Files that an API process may still open before idle connections use them up."""
CROWD = 150
"""Idle connections held to it: more than it can accept."""
BELOW_USE = 3
"""A limit below the number of open files: the process keeps those but can open no more."""
RECOVERS_WITHIN = 30.0
"""Seconds within which a process that could open nothing must answer again."""
HEALTH_WITHIN = 5.0
FREE = 16
"""Files below its limit that the listener reserves for the store, so that health probes are answered."""


def exhaust_descriptors(fleet: "Fleet", rng: random.Random) -> str:
    """Both machines lose their connections to the store too, so that their processes need new descriptors.

    Half of the time idle connections use up the API process's descriptors, and its health routes must answer.
    Otherwise it can open nothing, like the worker process in any case; both must recover.
    """
    seconds = rng.uniform(5.0, 15.0)
    api, machine, crowded = rng.choice(fleet.apis), rng.choice(fleet.workers), rng.random() < 0.5
    workers = _at_work(fleet, machine)
    process = api.main_pid
    if process is None or not workers:
        return "nobody was there"
    worker = rng.choice(workers)
    limit = len(_open_files(process)) + HEADROOM if crowded else BELOW_USE
    with ExitStack() as harmed:
        harmed.enter_context(_limited(worker, BELOW_USE))
        harmed.enter_context(_limited(process, limit))
        fleet.wires.drop([api.name, machine.name])
        outcome = _crowded(fleet, api, process, limit, seconds) if crowded else _starved(fleet, api, seconds)
        if links := _links(worker, fleet.wires.port(machine.name)):
            fleet.ineffective.append(f"exhaust_descriptors: a worker of {machine.name} opened {links} connections")
        if api.main_pid != process:
            fleet.ledger.died.append(f"the process of {api.name}, short of descriptors,")
        if worker not in machine.workers():
            fleet.ledger.died.append(f"worker process {worker} of {machine.name}, short of descriptors,")
    end = time.monotonic() + RECOVERS_WITHIN
    while (status := _ask(api, "/livez")) != 200 and time.monotonic() < end:
        fleet.keep_for(0.2)
    fleet.ledger.health.append((f"{api.name}/livez after descriptors were short", status))
    return f"for {seconds:.1f} s {outcome}, a worker of {machine.name} could open nothing"


def _at_work(fleet: "Fleet", machine: Host) -> list[int]:
    """Its registered worker processes: one without descriptors during its imports would exit."""
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(fleet.postgres.url(), autocommit=True) as connection,
    ):
        registered = {pid for (pid,) in connection.execute("SELECT pid FROM workers WHERE kind <> 'supervisor'")}
        return [pid for pid in machine.workers() if pid in registered]
    return []


def _crowded(fleet: "Fleet", api: ApiHost, process: int, limit: int, seconds: float) -> str:
    """Hold idle connections, and reopen those that the process closes."""
    crowd: list[socket.socket] = []
    most, health, others = 0, Counter[str](), Counter[int]()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            crowd = [idle for idle in crowd if not _is_over(idle)]
            with suppress(OSError):
                while len(crowd) < CROWD:
                    crowd.append(socket.create_connection(api.address, timeout=1))
            fleet.keep_for(0.2)
            most = max(most, len(_open_files(process)))
            others[_ask(api, "/api/analysis/token")] += 1
            for path in ("/livez", "/readyz"):
                status = _ask(api, path)
                health[f"{path} {status}"] += 1
                fleet.ledger.health.append((f"{api.name}{path} while descriptors were short", status))
    finally:
        for idle in crowd:
            idle.close()
    if most < limit - FREE or 503 not in others:
        fleet.ineffective.append(
            f"exhaust_descriptors: {api.name} had {most} of {limit} files open, answers {others}"
        )
    answers = ", ".join(f"{n} × {answer}" for answer, n in sorted(health.items()))
    return f"{api.name} had {most} of {limit} files open ({answers}, {others[503]} of {others.total()} others 503)"


def _starved(fleet: "Fleet", api: ApiHost, seconds: float) -> str:
    fleet.keep_for(seconds)
    if status := _ask(api, "/livez", within=1.0):
        fleet.ineffective.append(f"exhaust_descriptors: {api.name} answered {status}")
    return f"{api.name} could open nothing"


@contextmanager
def _limited(process: int, files: int) -> Generator[None]:
    """Lower the soft limit only, as only root may raise the hard one again."""
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))


def _open_files(process: int) -> list[str]:
    with suppress(OSError):
        return [path.name for path in Path(f"/proc/{process}/fd").iterdir()]
    return []


def _links(process: int, port: int) -> int:
    """The number of its open connections to the server at this port."""
    with suppress(psutil.Error):
        links = psutil.Process(process).net_connections("tcp")
        return sum(link.status == psutil.CONN_ESTABLISHED and link.raddr.port == port for link in links)
    return 0


def _is_over(idle: socket.socket) -> bool:
    """Whether the peer has closed it."""
    idle.setblocking(False)
    try:
        return not idle.recv(4096) or _is_over(idle)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _ask(api: ApiHost, path: str, within: float = HEALTH_WITHIN) -> int:
    """The status of a request on a new connection; 0: no response."""
    with suppress(httpx.TransportError):
        return httpx.get(api.root + path, trust_env=False, timeout=within, verify=PLAIN).status_code
    return 0
