"""What an engine must do to be measured, and what the work does: write the instant into a slot that is its own."""

import mmap
import os
import struct
import time
from pathlib import Path
from typing import Protocol

SLOTS = 1_000_000


class Peer(Protocol):
    """One engine, set up as its documentation recommends."""

    packages: tuple[str, ...]
    """Whose versions are shown."""
    drained: int
    """How many for each unit of size: as many as it does in a few seconds."""
    drains_with: int
    """How many at once it drains fastest with; all else is done with 1,000."""

    async def open(self) -> None:
        """Make the tables, connect the side that enqueues."""
        ...

    async def begin(self, n: int) -> None:
        """Enqueue work that stamps slot `n`, by itself, as durable as the engine is."""
        ...

    async def hold(self, n: int, seconds: float) -> None:
        """Enqueue work that stamps slot `n` and then waits, as work does that talks to others."""
        ...

    async def left(self) -> int:
        """How many have not ended, as its own records say."""
        ...

    async def close(self) -> None: ...

    def worker(self, at_once: int) -> list[str]:
        """The command of one worker process, after `python`."""
        ...


class Slots:
    """A file shared by all processes: when the work with this number began, by the monotonic clock."""

    def __init__(self, path: Path) -> None:
        with path.open("ab") as file:
            file.truncate(8 * SLOTS)
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8 * SLOTS)

    def stamp(self, n: int) -> None:
        struct.pack_into("d", self._bytes, 8 * n, time.monotonic())

    def __getitem__(self, n: int) -> float:
        """0.0: not yet."""
        return struct.unpack_from("d", self._bytes, 8 * n)[0]


_slots: Slots | None = None


def stamp(n: int) -> None:
    """What all work begins with."""
    global _slots  # noqa: PLW0603 - one per process, made by the first work in it
    if _slots is None:
        _slots = Slots(Path(os.environ["BENCH_SLOTS"]))
    _slots.stamp(n)
