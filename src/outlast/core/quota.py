"""What may be stored: uploads per owner and in total, and the space on the disk that nothing new may use up."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, Final, cast

from outlast.core.running.step_journal import Store
from outlast.domain.errors import DiskAlmostFull, QuotaExceeded
from outlast.ports.blobs import StoredUpload, length
from outlast.ports.clock import Clock

MEASURED_FOR = 1.0
"""Seconds for which the space left on the disk is believed."""
TOTAL_FOR = 5.0
"""Seconds for which the sum of all uploads is believed; what this process accepts meanwhile is added."""
MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """In bytes."""

    per_owner: float = float("inf")
    of_all: float = float("inf")
    min_free: float = 0


UNLIMITED: Final = StorageLimits()


class Quota:
    """Of one process; the store's own sums make it one of all processes, as soon as an upload has begun there."""

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
        """Whether the disk has room for anything new."""
        now = self._clock.monotonic()
        if now - self._space[0] >= MEASURED_FOR:
            free = self._store.free_bytes()
            self._space = (now, free is None or free >= self._limits.min_free)
        return self._space[1]

    @asynccontextmanager
    async def expecting(self, owner: str, size: int) -> "AsyncGenerator[ExpectedUpload]":
        """Count `size` bytes of this owner as stored during the block, in which they arrive.

        Raises `QuotaExceeded`, `DiskAlmostFull` and `StoreUnavailable` before it.
        """
        if not self.has_space:
            raise DiskAlmostFull
        expected = ExpectedUpload(self._lock, self._expected, owner, size)
        try:
            await self._require_room(owner)
            yield expected
        finally:
            expected.stop()

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        """Store an upload if there is room for it; raises as `expecting`."""
        size = length(file)
        async with self.expecting(owner, size) as expected:
            # from its first chunk on the store counts it itself
            announced = cast("BinaryIO", _Announced(file, expected.stop))
            self._add_to_total(size)
            try:
                return await self._store.put(owner, name, announced)
            except BaseException:
                self._add_to_total(-size)
                raise

    async def _require_room(self, owner: str) -> None:
        """For all that is expected. Of two who come at once at least one sees the other."""
        with self._lock:
            of_owner, of_all = self._expected[owner], self._expected.total()
        stored, total = await self._store.stored_bytes(owner), await self._stored_by_all()
        limits = self._limits
        if stored + of_owner > limits.per_owner:
            raise QuotaExceeded(
                f"You have {stored / MB:.1f} MB of files here already, and at most {limits.per_owner / MB:g} MB "
                "are kept for one visitor. Files are deleted some time after their last use."
            )
        if total + of_all > limits.of_all:
            raise QuotaExceeded(
                f"No more files can be kept here just now: there are {total / MB:.0f} MB of them, and room for "
                f"{limits.of_all / MB:g} MB. Files are deleted some time after their last use."
            )

    def _add_to_total(self, size: int) -> None:
        read, total = self._total
        self._total = (read, total + size)

    async def _stored_by_all(self) -> int:
        now = self._clock.monotonic()
        read, total = self._total
        if now - read >= TOTAL_FOR:
            total = await self._store.stored_bytes(None)
            self._total = (now, total)
        return total


class ExpectedUpload:
    """Bytes that are expected until `stop`, which any thread may call, and more than once."""

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


class _Announced:
    """A file that tells when it is first read."""

    def __init__(self, file: BinaryIO, tell: "Callable[[], None]") -> None:
        self._file = file
        self._tell = tell

    def read(self, size: int = -1) -> bytes:
        self._tell()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)
