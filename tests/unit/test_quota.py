"""Storage quotas: per owner, in total, for arriving uploads, and on an almost full disk."""

import asyncio
import io
from threading import Event

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.memory.store import MemoryStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core import quota as quota_module
from outlast.core.quota import Quota, StorageLimits
from outlast.domain.errors import DiskAlmostFull, QuotaExceeded
from sqlite_template import put_store


class Disk(MemoryStore):
    """With a disk of which so much is free."""

    free: int | None = None
    looks = 0

    def free_bytes(self):
        self.looks += 1
        return self.free


@pytest.fixture
def store() -> Disk:
    return Disk(SystemClock())


@pytest.fixture
def quota(store) -> Quota:
    return Quota(store, StorageLimits(per_owner=100, of_all=150, min_free=50), SystemClock())


def file(size: int, kind: bytes = b"x") -> io.BytesIO:
    return io.BytesIO(kind * size)


async def test_an_owner_may_store_as_much_as_the_quota_and_no_byte_more(quota):
    await quota.put("anna", "a", file(60))
    with pytest.raises(QuotaExceeded, match="MB of files and results here already"):
        await quota.put("anna", "b", file(41))
    await quota.put("anna", "c", file(40, b"c"))
    with pytest.raises(QuotaExceeded):
        await quota.put("anna", "d", file(1, b"d"))


async def test_all_owners_together_may_store_as_much_as_their_quota(quota, store):
    await quota.put("anna", "a", file(90))
    with pytest.raises(QuotaExceeded, match="No more files"):
        await quota.put("ben", "b", file(61))
    await quota.put("ben", "b", file(60))
    assert await store.stored_bytes(None) == 150


async def test_the_sum_of_all_is_not_counted_for_each_upload(quota, store, monkeypatch):
    asked = []

    async def stored_bytes(owner):
        asked.append(owner)
        return 0

    monkeypatch.setattr(store, "stored_bytes", stored_bytes)
    for n in range(3):
        await quota.put("anna", "a", file(1, b"%d" % n))
    assert asked.count(None) == 1


async def test_another_process_is_seen_after_a_while(quota, store, monkeypatch):
    await quota.put("anna", "a", file(10))
    await store.put("ben", "b", file(140))
    monkeypatch.setattr(quota_module, "TOTAL_CACHED_FOR", 0.0)
    with pytest.raises(QuotaExceeded):
        await quota.put("anna", "c", file(1, b"c"))


async def test_arriving_uploads_count_against_the_quota(quota):
    async with quota.reserving("anna", 80):
        with pytest.raises(QuotaExceeded):
            await quota.put("anna", "a", file(21))
        with pytest.raises(QuotaExceeded):
            async with quota.reserving("anna", 21):
                pass
        await quota.put("anna", "a", file(20))
    await quota.put("anna", "b", file(80, b"b"))
    assert not quota._expected


@pytest.mark.slow
async def test_parallel_uploads_do_not_outrun_the_quota(tmp_path):
    store = SQLiteStore(put_store(tmp_path), SystemClock())
    await store.open(migrate=True)
    quota = Quota(store, StorageLimits(per_owner=100), SystemClock())
    answers = await asyncio.gather(
        *(quota.put("anna", "a", file(30, b"%d" % n)) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(answer, QuotaExceeded) for answer in answers) >= 5
    assert await store.stored_bytes("anna") <= 100
    assert not quota._expected
    await store.close()


async def test_an_upload_that_fails_leaves_nothing_expected(quota):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await quota.put("anna", "a", Broken(b"x" * 90))
    await quota.put("anna", "b", file(90))
    assert not quota._expected


async def test_below_the_floor_of_free_space_nothing_is_stored(quota, store, monkeypatch):
    monkeypatch.setattr(quota_module, "SPACE_CACHED_FOR", 0.0)
    store.free = 50
    await quota.put("anna", "a", file(1))
    store.free = 49
    with pytest.raises(DiskAlmostFull):
        await quota.put("anna", "b", file(1, b"b"))
    with pytest.raises(DiskAlmostFull):
        async with quota.reserving("anna", 1):
            pass
    store.free = 50
    await quota.put("anna", "b", file(1, b"b"))


def test_the_disk_is_looked_at_once_a_second(quota, store):
    store.free = 100
    assert all(quota.has_space for _ in range(5))
    assert store.looks == 1


async def test_an_upload_counts_for_other_processes_from_its_first_chunk(quota, store):
    reading, go_on = Event(), Event()

    class Slow(io.BytesIO):
        def read(self, size=-1):
            reading.set()
            go_on.wait(10)
            return super().read(size)

    putting = asyncio.create_task(quota.put("anna", "a", Slow(b"x" * 60)))
    await asyncio.to_thread(reading.wait, 10)
    go_on.set()
    await putting
    assert await store.stored_bytes("anna") == 60
    assert not quota._expected
