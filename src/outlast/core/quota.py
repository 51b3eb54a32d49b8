"""Storage limits: uploads and results per owner and in total, and the minimum of free disk space."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, Final, cast

from outlast.core.ids import TRUSTED
from outlast.domain.errors import DiskAlmostFull, QuotaExceeded
from outlast.domain.messages import message
from outlast.ports.blobs import StoredUpload, length
from outlast.ports.clock import Clock
from outlast.ports.store import Store

SPACE_CACHED_FOR = 1.0
"""Seconds for which the free disk space is cached."""
TOTAL_CACHED_FOR = 5.0
"""Seconds for which the total of stored bytes is cached; uploads to this process are added meanwhile."""
MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """Storage limits in bytes."""

    per_owner: float = float("inf")
    of_all: float = float("inf")
    min_free: float = 0


UNLIMITED: Final = StorageLimits()


class Quota:
    """Enforces the limits in one process; other processes' uploads count from their first stored chunk on."""

    def __init__(self, store: Store, limits: StorageLimits, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._expected: Counter[str] = Counter()
        self._space = (float("-inf"), True)
        self._total = (float("-inf"), 0)

    @property
    def has_space(self) -> bool:
        """Whether the disk has enough free space to accept anything new."""
        now = self._clock.monotonic()
        if now - self._space[0] >= SPACE_CACHED_FOR:
            free = self._store.free_bytes()
            self._space = (now, free is None or free >= self._limits.min_free)
        return self._space[1]

    @asynccontextmanager
    async def reserving(self, owner: str, size: int) -> "AsyncGenerator[Reservation]":
        """Reserve `size` bytes of this owner during the block, in which they arrive.

        Raises `QuotaExceeded`, `DiskAlmostFull` or `StoreUnavailable` on entry.
        """
        if not self.has_space:
            raise DiskAlmostFull
        expected = Reservation(self._lock, self._expected, owner, size)
        try:
            await self._require_capacity(owner)
            yield expected
        finally:
            expected.stop()

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        """Store an upload within the limits; raises like `reserving`."""
        size = length(file)
        async with self.reserving(owner, size) as expected:
            # the store counts the upload from its first chunk on
            notifying = cast("BinaryIO", ReadNotifyingFile(file, expected.stop))
            self._add_to_total(size)
            try:
                return await self._store.put(owner, name, notifying)
            except BaseException:
                self._add_to_total(-size)
                raise

    async def _require_capacity(self, owner: str) -> None:
        """Check all reservations against the limits; of two concurrent uploads at least one sees the other."""
        with self._lock:
            of_owner, of_all = self._expected[owner], self._expected.total()
        stored, total = await self._store.stored_bytes(owner), await self._stored_by_all()
        limits = self._limits
        if stored + of_owner > limits.per_owner and owner != TRUSTED:
            raise QuotaExceeded(
                message(
                    "You have {stored:.1f} MB of files and results here already, and at most {most} MB are kept "
                    "for one visitor. They are deleted after some time.",
                    stored=stored / MB,
                    most=f"{limits.per_owner / MB:g}",
                ),
                of_owner=True,
            )
        if total + of_all > limits.of_all:
            raise QuotaExceeded(
                message(
                    "No more files can be kept here now: there are {total:.0f} MB of files and results, and room "
                    "for {most} MB. They are deleted after some time.",
                    total=total / MB,
                    most=f"{limits.of_all / MB:g}",
                )
            )

    def _add_to_total(self, size: int) -> None:
        read, total = self._total
        self._total = (read, total + size)

    async def _stored_by_all(self) -> int:
        now = self._clock.monotonic()
        read, total = self._total
        if now - read >= TOTAL_CACHED_FOR:
            total = await self._store.stored_bytes(None)
            self._total = (now, total)
        return total


class Reservation:
    """A reservation of bytes until `stop`, which is thread-safe and may be called repeatedly."""

    def __init__(self, lock: Lock, expected: "Counter[str]", owner: str, size: int) -> None:
        self._lock = lock
        self._expected = expected
        self._owner = owner
        self._size = size
        with lock:
            expected[owner] += size

    def stop(self) -> None:
        with self._lock:
            self._expected[self._owner] -= self._size
            self._size = 0
            if not self._expected[self._owner]:
                del self._expected[self._owner]


class ReadNotifyingFile:
    """A file that calls `on_read` before each read, in the thread that reads."""

    def __init__(self, file: BinaryIO, on_read: "Callable[[], None]") -> None:
        self._file = file
        self._on_read = on_read

    def read(self, size: int = -1) -> bytes:
        self._on_read()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)
