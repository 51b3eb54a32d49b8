"""A whole store moves into another, in use, and nothing is lost or doubled on the way."""

import asyncio
import io
import json
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.copying import CopyError, StoreCopy
from outlast.domain.errors import StoreUnavailable
from outlast.domain.status import Status
from outlast.ports.facts import StoredFact
from outlast.ports.results import StepSample
from outlast.ports.store import Selection, StartLimits
from outlast.testing.acts import (
    OWNER,
    ROOMY,
    completed,
    enter,
    kept,
    new_session,
    read,
    right,
    start,
    started_and_claimed,
    take_one,
    update,
)
from outlast.testing.states import STATES
from servers import fresh_database


@pytest.fixture(params=["sqlite to sqlite", "sqlite to postgres", "postgres to sqlite", "postgres to postgres"])
async def stores(request, tmp_path, postgres_server, migrated_database):
    async with AsyncExitStack() as stack:
        opened = []
        for number, kind in enumerate(request.param.split(" to ")):
            if kind == "sqlite":
                store = SQLiteStore(tmp_path / f"{number}.db", SystemClock())
            else:
                url = stack.enter_context(fresh_database(postgres_server, migrated_database))
                store = PostgresStore(url, SystemClock())
            await store.open(migrate=True)
            stack.push_async_callback(store.close)
            opened.append(store)
        yield tuple(opened)


async def move(stores, tell=lambda *_: None):
    return await StoreCopy(*stores, tell).run("the other store")


async def everything(store):
    ids = list(await store.versions("", 10_000))
    owners = list(await store.result_owners("", 10_000))
    facts = await store.facts_after("", "", "", 10_000)
    return await store.whole_sessions(ids), await store.whole_results(owners), await store.samples(), facts


async def delete(store, session_id):
    """As the clean-up does, whatever its age."""
    if isinstance(store, PostgresStore):
        await store._db.all("delete_sessions", {"ids": [session_id]})
    else:
        ids = {"ids": json.dumps([session_id])}
        await store._db.write(lambda c: c.execute(store._sql["delete_sessions"], ids))


@pytest.mark.slow
async def test_every_state_moves_with_all_that_hangs_on_it(stores):
    source, target = stores
    for reach in STATES.values():
        await reach(source)
    running = await started_and_claimed(source, input='{"long":"' + "x" * 5_000 + '"}')
    await source.keep_step(right(running), kept())
    await source.report([update(running, 40, "Half of it")])
    await source.learn([StepSample("site", "read", 12), StepSample("site", "read", 14)])
    until = SystemClock().now() + timedelta(hours=1)
    await source.remember("seen", [StoredFact(f"key {n}", "", str(n)) for n in range(1_100)], until=until)
    upload = await source.put(OWNER, "reviews.csv", io.BytesIO(b"rating,text\n" * 200_000))
    copied = await move(stores)
    assert await everything(target) == await everything(source)
    assert copied.sessions == sum((await target.count()).values()) == len(STATES) + 1
    assert copied.facts == 1_100
    assert [chunk async for chunk in target.chunks(OWNER, upload.sha256)] == [
        chunk async for chunk in source.chunks(OWNER, upload.sha256)
    ]


async def test_what_was_at_work_goes_on_unspent_in_the_new_store_and_ends_nowhere_else(stores):
    source, target = stores
    session = await started_and_claimed(source)
    await source.keep_step(right(session), kept())
    assert (await move(stores)).given_back == 1
    assert not await source.finish(right(session), completed())
    there = await read(target, session.id)
    assert (there.status, there.attempt, there.claim) == (Status.PENDING, 0, 1)
    enter(target)
    again = await take_one(target, session.id)
    assert again.claim == 2
    assert list(await target.kept_steps(session.id)) == [kept()]
    assert await target.finish(right(again), completed())


async def test_a_store_that_has_moved_says_so_to_whoever_asks_whether_it_is_ready(stores):
    source, target = stores
    await source.check()
    await move(stores)
    with pytest.raises(StoreUnavailable, match="has moved to the other store"):
        await source.check()
    await target.check()


@pytest.mark.slow
async def test_the_old_store_answers_reads_and_refuses_every_change(stores):
    source, _ = stores
    waiting, done = await start(source), await started_and_claimed(source)
    await source.finish(right(done), completed())
    await move(stores)
    assert await read(source, waiting.id)
    enter(source)
    for change in (
        source.add(new_session(), ROOMY),
        source.cancel(waiting.id, owner=None),
        source.claim_one("worker-1", waiting.id),
        source.adopt(OWNER, "somebody"),
        source.share(done.id, "l" * 26, owner=OWNER),
    ):
        with pytest.raises(StoreUnavailable, match="shut"):
            await change
    await source.reopen()
    assert (await source.add(new_session(), ROOMY)).session


@pytest.mark.slow
async def test_the_new_store_takes_nothing_before_it_is_whole(stores):
    source, target = stores
    await start(source)

    def tell(what: str, done: int, total: int) -> None:
        if what.startswith("Copying what changed"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await move(stores, tell)
    with pytest.raises(StoreUnavailable, match="shut"):
        await target.add(new_session(), ROOMY)
    await move(stores)
    assert await everything(target) == await everything(source)
    assert (await target.add(new_session(), ROOMY)).session


async def test_changes_during_the_first_pass_are_in_the_copy(stores):
    source, target = stores
    done = await started_and_claimed(source, subject="the same")
    prunable = await start(source, id="a" * 26)
    waiting = [await start(source) for _ in range(3)]
    changed = False

    def at_leisure(what: str, _done: int, _total: int) -> None:
        nonlocal changed
        changed = changed or what.startswith("Copying while")

    class Busy(type(source)):
        """Changes itself once its first page was read, as people would."""

        async def result_owners(self, after, limit):
            if not after and changed and not await self.shut_because():
                await source.finish(right(done), completed())
                await source.add(new_session(id="0" * 26, subject="the same"), ROOMY)
                await source.cancel(waiting[0].id, owner=None)
                await delete(source, prunable.id)
            return await super().result_owners(after, limit)

    source.__class__ = Busy
    await move(stores, at_leisure)
    assert changed
    assert await everything(target) == await everything(source)
    assert await target.get(prunable.id, owner=None) is None
    assert (await target.count())[Status.COMPLETED] == 1


async def test_a_link_made_after_its_result_was_copied_moves_too(stores):
    source, target = stores
    done = await started_and_claimed(source)
    await source.finish(right(done), completed())

    class Sharing(type(source)):
        """Somebody shares a result at the last moment."""

        async def shut(self, reason):
            await self.share(done.id, "l" * 26, owner=OWNER)
            return await super().shut(reason)

    source.__class__ = Sharing
    await move(stores)
    assert await target.shared("l" * 26) == await source.shared("l" * 26) is not None


async def test_versions_are_those_that_readers_see_and_come_page_by_page(stores):
    source, _ = stores
    for _ in range(3):
        running = await started_and_claimed(source)
        await source.report([update(running, 40, "Half of it")])
    seen = {s.id: s.version for s in await source.select(Selection())}
    ids = sorted(seen)
    assert await source.versions("", 10) == seen
    assert await source.versions(ids[0], 1) == {ids[1]: seen[ids[1]]}
    assert await source.versions(ids[2], 10) == {}


class ComingFile(io.BytesIO):
    """Its end comes when the test says so."""

    def __init__(self, content):
        super().__init__(content)
        self.read_so_far, self.over = threading.Event(), threading.Event()

    def read(self, size=-1):
        block = super().read(size)
        if not block:
            self.read_so_far.set()
            self.over.wait(20)
        return block


async def test_a_file_that_is_still_coming_is_no_upload_yet(stores):
    source, _ = stores
    file = ComingFile(b"rating,text\n")
    putting = asyncio.create_task(source.put(OWNER, "reviews.csv", file))
    assert await asyncio.to_thread(file.read_so_far.wait, 20)
    assert list(await source.uploads()) == []
    file.over.set()
    stored = await putting
    assert [upload.stored for upload in await source.uploads()] == [stored]


@pytest.mark.slow
async def test_pages_of_ids_on_both_sides_are_walked_together(stores):
    source, target = stores
    limits = StartLimits(active_per_owner=10_000, pending=10_000)
    for number in range(1_203):
        await source.add(new_session(id=f"{number:026}"), limits)
    seen: list[tuple[int, int]] = []
    await move(stores, lambda _what, done, total: seen.append((done, total)))
    assert sorted(await target.versions("", 10_000)) == [f"{number:026}" for number in range(1_203)]
    assert all(done <= total for done, total in seen)


async def test_a_store_that_is_in_use_is_no_target(stores):
    source, target = stores
    await start(source)
    await start(target)
    with pytest.raises(CopyError, match="empty"):
        await move(stores)
    assert len(await target.select(Selection())) == 1
    await start(source)  # and the source is as open as before


async def test_a_copy_that_differs_is_not_opened(stores):
    source, target = stores
    await start(source)

    class Forgetful(type(target)):
        async def take_sessions(self, sessions, gone):
            spoilt = [replace(s, session=replace(s.session, subject="another")) for s in sessions]
            await super().take_sessions(spoilt, gone)

    target.__class__ = Forgetful
    with pytest.raises(CopyError, match="differs"):
        await move(stores)
    assert await target.shut_because() is not None
