"""The harms to one site on one machine, one function each."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from site_process import SiteProcess
from small_disk import SmallDisk

DISK = 16
"""Size of the site's disk in MiB."""


@dataclass
class Site:
    """The site and what the harms need."""

    process: SiteProcess
    disk: SmallDisk
    has_disk: bool
    killed: set[int] = field(default_factory=set)
    """Worker processes that were killed by a harm."""


@dataclass(frozen=True)
class SiteHarm:
    """A harm with its weight in the random choice."""

    do: Callable[[Site, random.Random], None]
    weight: int
    needs_disk: bool = False

    @property
    def name(self) -> str:
        return self.do.__name__


def kill_worker(site: Site, rng: random.Random) -> None:
    pid = signalled(site, rng, signal.SIGKILL)
    if pid is not None:
        site.killed.add(pid)


def stop_worker(site: Site, rng: random.Random) -> None:
    signalled(site, rng, signal.SIGTERM)


def pause_worker(site: Site, rng: random.Random) -> None:
    pause(site, rng, rng.uniform(0.1, 1.0))


def freeze_worker(site: Site, rng: random.Random) -> None:
    """Freeze a worker for longer than a lease."""
    pause(site, rng, rng.uniform(17.0, 25.0))


def pause(site: Site, rng: random.Random, seconds: float) -> None:
    pid = signalled(site, rng, signal.SIGSTOP)
    time.sleep(seconds)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def fill_disk(site: Site, rng: random.Random) -> None:
    """Fill the disk of the database."""
    end = time.monotonic() + rng.uniform(12.0, 25.0)
    while time.monotonic() < end:
        site.disk.fill()
        time.sleep(0.1)
    site.disk.free()


def kill_serve(site: Site, _rng: random.Random) -> None:
    site.killed.update(site.process.workers())
    site.process.kill()
    site.process.start()


def restart_serve(site: Site, _rng: random.Random) -> None:
    site.process.stop()
    site.process.start()


def signalled(site: Site, rng: random.Random, number: signal.Signals) -> int | None:
    """Choose a worker, if there is any."""
    workers = site.process.workers()
    if not workers:
        return None
    pid = rng.choice(workers)
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    return pid


HARMS = (
    SiteHarm(kill_worker, 5),
    SiteHarm(stop_worker, 2),
    SiteHarm(pause_worker, 2),
    SiteHarm(kill_serve, 2),
    SiteHarm(restart_serve, 1),
    SiteHarm(freeze_worker, 0),
    SiteHarm(fill_disk, 0, needs_disk=True),
)
