"""The protocol of a measured engine, and the job it runs: write the current time into the job's own slot."""

import mmap
import os
import struct
import time
from pathlib import Path
from typing import Protocol

SLOTS = 1_000_000


class Peer(Protocol):
    """An engine, configured as its documentation recommends."""

    packages: tuple[str, ...]
    """The packages whose versions the report shows."""
    drained: int
    """Jobs for each unit of size: as many as the engine completes in a few seconds."""
    drains_with: int
    """The concurrency with which it drains fastest; everything else uses 1,000."""

    async def open(self) -> None:
        """Create the tables and connect the producer."""
        ...

    async def begin(self, n: int) -> None:
        """Enqueue one job that stamps slot `n`, as durably as the engine can."""
        ...

    async def hold(self, n: int, seconds: float) -> None:
        """Enqueue one job that stamps slot `n` and then waits, as I/O-bound jobs do."""
        ...

    async def left(self) -> int:
        """The number of unfinished jobs by the engine's own records."""
        ...

    async def close(self) -> None: ...

    def worker(self, at_once: int) -> list[str]:
        """The arguments to `python` that start one worker process."""
        ...


class Slots:
    """A file shared by all processes: the monotonic start time of each job."""

    def __init__(self, path: Path) -> None:
        with path.open("ab") as file:
            file.truncate(8 * SLOTS)
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8 * SLOTS)

    def stamp(self, n: int) -> None:
        struct.pack_into("d", self._bytes, 8 * n, time.monotonic())

    def __getitem__(self, n: int) -> float:
        """The start time of job `n`; 0.0 before it begins."""
        return struct.unpack_from("d", self._bytes, 8 * n)[0]


_slots: Slots | None = None


def stamp(n: int) -> None:
    """The first line of every job."""
    global _slots  # noqa: PLW0603 - one per process, made by the first work in it
    if _slots is None:
        _slots = Slots(Path(os.environ["BENCH_SLOTS"]))
    _slots.stamp(n)
