"""Contract: uploads are owned, whole, and kept while they may be needed."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
import hashlib
import io
import json
import secrets
from threading import Event
from typing import BinaryIO, cast

import pytest

from outlast.domain.outcome import Completed
from outlast.ports.blobs import CHUNK
from outlast.ports.store import Store
from outlast.testing.acts import OWNER, claim_of, start, started_and_claimed
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

SECONDS_TO_WAIT = 20.0


async def _content(store: Store, owner: str, sha256: str) -> list[bytes]:
    return [chunk async for chunk in store.chunks(owner, sha256)]


class _SlowFile(io.BytesIO):
    """Stops before its last chunk until told to go on."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._length = len(content)
        self.reached = Event()
        self.go_on = Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if self._length - self.tell() <= CHUNK:
            self.reached.set()
            if not self.go_on.wait(SECONDS_TO_WAIT):
                raise TimeoutError("Nobody told the file to go on.")
        return super().read(size)


class _BrokenFile(io.BytesIO):
    """Fails after its first chunk."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise ConnectionResetError("The browser went away.")
        return super().read(size)


class UploadContract(StoreFixtures):
    """`put`, `find`, `chunks`."""

    @pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1])
    async def test_an_upload_is_read_in_chunks(self, store: Store, clock: FakeClock, size: int) -> None:
        content = (b"a,b\x00\xff" * (size // 5 + 1))[:size]
        upload = await store.put(OWNER, "reviews ✓.csv", io.BytesIO(content))
        assert upload.sha256 == hashlib.sha256(content).hexdigest()
        assert (upload.name, upload.bytes, upload.used_at) == ("reviews ✓.csv", size, clock.now())
        chunks = await _content(store, OWNER, upload.sha256)
        assert b"".join(chunks) == content
        assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
        assert await store.find(OWNER, upload.sha256) == upload

    async def test_the_hash_is_no_key_to_anothers_upload(self, store: Store) -> None:
        upload = await store.put(OWNER, "a.csv", io.BytesIO(b"secret"))
        assert await store.find("somebody else", upload.sha256) is None
        with pytest.raises(KeyError):
            await _content(store, "somebody else", upload.sha256)
        with pytest.raises(KeyError):
            await _content(store, OWNER, "0" * 64)

    async def test_two_owners_have_separate_uploads_of_the_same_content(self, store: Store) -> None:
        for owner in ("a", "b"):
            await store.put(owner, f"{owner}.csv", io.BytesIO(b"same"))
        sha256 = hashlib.sha256(b"same").hexdigest()
        names = [upload.name for owner in ("a", "b") if (upload := await store.find(owner, sha256))]
        assert names == ["a.csv", "b.csv"]

    async def test_the_same_content_again_only_renews_it(self, store: Store, clock: FakeClock) -> None:
        first = await store.put(OWNER, "first.csv", io.BytesIO(b"same"))
        clock.advance(60)
        again = await store.put(OWNER, "second.csv", io.BytesIO(b"same"))
        assert (again.sha256, again.name, again.used_at) == (first.sha256, "first.csv", clock.now())
        assert await _content(store, OWNER, first.sha256) == [b"same"]

    async def test_finding_an_upload_counts_as_its_use(self, store: Store, clock: FakeClock) -> None:
        upload = await store.put(OWNER, "a.csv", io.BytesIO(b"a"))
        clock.advance(60)
        found = await store.find(OWNER, upload.sha256)
        assert found is not None
        assert found.used_at == clock.now()

    async def test_an_incomplete_upload_is_invisible_and_delays_no_write(self, store: Store) -> None:
        content = b"x" * (2 * CHUNK + 1)
        sha256 = hashlib.sha256(content).hexdigest()
        file = _SlowFile(content)
        # In a loop of its own: a backend may read the file on its loop.
        putting = asyncio.create_task(
            asyncio.to_thread(lambda: asyncio.run(store.put(OWNER, "slow", cast("BinaryIO", file))))
        )
        try:
            assert await asyncio.to_thread(file.reached.wait, SECONDS_TO_WAIT)
            assert await store.find(OWNER, sha256) is None
            with pytest.raises(KeyError):
                await _content(store, OWNER, sha256)
            await start(store)
        finally:
            file.go_on.set()
        assert (await putting).sha256 == sha256
        assert b"".join(await _content(store, OWNER, sha256)) == content

    async def test_an_interrupted_upload_stays_invisible(self, store: Store) -> None:
        content = b"x" * (2 * CHUNK)
        with pytest.raises(ConnectionResetError):
            await store.put(OWNER, "broken", _BrokenFile(content))
        for sha256 in (hashlib.sha256(content).hexdigest(), hashlib.sha256(content[:CHUNK]).hexdigest()):
            assert await store.find(OWNER, sha256) is None
        again = await store.put(OWNER, "whole", io.BytesIO(content))
        assert b"".join(await _content(store, OWNER, again.sha256)) == content

    async def test_the_same_content_put_by_many_at_once_is_one_upload(self, store: Store) -> None:
        content = b"y" * (CHUNK + 1)
        uploads = await asyncio.gather(*(store.put(OWNER, "same.csv", io.BytesIO(content)) for _ in range(5)))
        assert len({upload.sha256 for upload in uploads}) == 1
        assert b"".join(await _content(store, OWNER, uploads[0].sha256)) == content

    async def test_uploads_are_summed_by_owner_and_over_all(self, store: Store) -> None:
        assert await store.stored_bytes(OWNER) == 0
        assert await store.stored_bytes(None) == 0
        for owner, content in ((OWNER, b"123"), (OWNER, b"4567"), ("another", b"12345"), (OWNER, b"123")):
            await store.put(owner, "reviews.csv", io.BytesIO(content))
        assert await store.stored_bytes(OWNER) == 7
        assert await store.stored_bytes("another") == 5
        assert await store.stored_bytes(None) == 12
        free = store.free_bytes()
        assert free is None or free > 0

    async def test_results_are_summed_too(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), Completed(json.dumps(secrets.token_hex(5_000)), ()))
        stored = await store.stored_bytes(session.owner)
        assert stored > 4_000  # PostgreSQL may compress it
        assert await store.stored_bytes(None) == stored
        assert await store.stored_bytes("another") == 0
