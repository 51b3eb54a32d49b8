"""What a stranger can make grow in the memory of a process, and where it ends.

`tests/house/test_growing.py` lists it. Each is grown beyond its bound by what strangers send, and weighed.
"""

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from edge_site import HOST, OpenSite, Visitor, open_site
from limits import RateLimitItemPerMinute

from outlast.backends.clock import SystemClock
from outlast.backends.hints import MAX_KEYS, Outbox
from outlast.backends.sqlite import writer
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.writer import Writer
from outlast.core import text_cache
from outlast.core.watch import LARGEST_INPUT, MAX_KNOWN, POSITIONS_PER_REFRESH, StartTimes
from outlast.domain.errors import StoreUnavailable
from outlast.ports.notifier import Topic
from outlast.testing.acts import new_session
from outlast.web import access, poll_cache, rates
from outlast.web.access import COOKIE
from outlast.web.rates import LocalRates

MB = 1_000_000


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, starts_per_minute=100_000, max_active_per_owner=100_000) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


def weight(thing: object, seen: set[int] | None = None) -> int:
    """Bytes of a value with all that it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    parts: list[Any] = []
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    elif dataclasses.is_dataclass(thing):
        parts = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    elif hasattr(thing, "__slots__") or hasattr(thing, "__dict__"):
        slots = getattr(type(thing), "__slots__", ())
        parts = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, s, None) for s in slots)]
    return sys.getsizeof(thing) + sum(weight(part, seen) for part in parts)


def access_of(site: OpenSite) -> access.Access:
    assert site.app._access is not None
    return site.app._access


@pytest.mark.slow
async def test_cookies_of_strangers_are_not_kept(site: OpenSite, visitor: Visitor):
    own = visitor.cookie_of(COOKIE)
    for n in range(300):
        cookie = f"{COOKIE}={own}; other={n:06}{'x' * 60_000}"
        answer = await site.client().get("/api/analysis/token", headers={"Cookie": cookie})
        assert answer.status_code == 200
    assert weight(access_of(site)._verified) < MB


async def test_cookies_that_are_kept_are_so_many_at_most(site: OpenSite, visitor: Visitor, monkeypatch):
    monkeypatch.setattr(access, "MAX_CACHED", 20)
    for n in range(50):
        cookie = f"{COOKIE}={visitor.cookie_of(COOKIE)}; other={n}"
        await site.client().get("/api/analysis/token", headers={"Cookie": cookie})
    assert len(access_of(site)._verified) <= 20


def test_all_cookies_that_can_be_kept_are_few_megabytes():
    assert access.MAX_CACHED * (access.MAX_CACHED_COOKIE + 500) <= 15 * MB


async def test_host_names_that_are_kept_are_so_many_at_most(site: OpenSite, monkeypatch):
    monkeypatch.setattr(access, "MAX_CACHED", 20)
    for port in range(50):
        assert (await site.client().get("/livez", headers={"Host": f"localhost:{port}"})).status_code == 200
        await site.client().get("/livez", headers={"Host": f"{'x' * 10_000}{port}"})
    assert len(access_of(site)._accepted_hosts) <= 20
    assert weight(access_of(site)._accepted_hosts) < 20_000


@pytest.mark.slow
async def test_answers_that_are_kept_are_so_many_and_so_large_at_most(
    site: OpenSite, visitor: Visitor, monkeypatch
):
    monkeypatch.setattr(poll_cache, "MAX_RESPONSES", 10)
    for n in range(20):
        session_id = await visitor.started("held", text=f"{n}{'x' * 50_000}")
        await visitor.snapshot(session_id)
    assert len(site.app._poll_cache._responses) <= 10
    assert weight(site.app._poll_cache._responses) < 10 * (poll_cache.MAX_SNAPSHOT + 4_000)
    assert 2_000 * (poll_cache.MAX_SNAPSHOT + 4_000) < 50 * MB


async def test_what_is_watched_is_kept_without_a_large_input(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("held", text="x" * 200_000)
    session = await site.engine.store.get(session_id, owner=None)
    assert session is not None
    async with site.engine.watch.follow(session) as watched:
        assert weight(watched.view) < LARGEST_INPUT + 20_000
        page = await visitor.get(f"/api/analysis/progress/{session_id}")
        assert page.status_code == 200
        whole = await site.engine.sessions.get(session_id, owner=None)
        assert whole is not None
        assert whole.session.input == session.input
    assert not site.engine.watch._watched


@pytest.mark.slow
async def test_places_in_the_queue_are_remembered_of_so_many_at_most(site: OpenSite, visitor: Visitor):
    watch = site.engine.watch
    session = await site.engine.store.get(await visitor.started("held", text="a"), owner=None)
    assert session is not None
    for n in range(10 * POSITIONS_PER_REFRESH + 10):
        await watch.view(dataclasses.replace(session, id=f"{n:026}"))
    assert len(watch._positions) <= 10 * POSITIONS_PER_REFRESH + 1


@pytest.mark.slow
async def test_beginnings_are_remembered_of_so_many_at_most(site: OpenSite, visitor: Visitor):
    start_times = StartTimes(SystemClock())
    session = await site.engine.store.get(await visitor.started("held", text="a"), owner=None)
    assert session is not None
    for n in range(MAX_KNOWN + 10):
        start_times.of(dataclasses.replace(session, id=f"{n:026}"))
    assert len(start_times._known) <= MAX_KNOWN
    assert weight(start_times._known) < 5 * MB


def test_texts_are_remembered_up_to_a_length_and_a_number():
    made = []
    shorten = text_cache.text_cache(entries=10, longest=20)(lambda text: made.append(text) or text[:1])
    for n in range(30):
        assert shorten(f"{n}{'x' * 100_000}") == str(n)[0]
    for _ in range(2):
        assert shorten("a") == "a"
    assert len(made) == 31  # the short one once
    for n in range(30):
        shorten(str(n))
    assert shorten.__wrapped__ is not None


@pytest.mark.slow
def test_counts_of_a_minute_weigh_the_same_for_long_names_and_any_pace():
    now = [1_000.0]
    counts, rate = LocalRates(lambda: now[0]), RateLimitItemPerMinute(1_000_000)
    for n in range(20_000):
        counts.count(rate, ("owner", "x" * 10_000 if n % 2 else "y"))
        now[0] += 0.02
    assert weight(counts._counts) < 20_000


def test_counts_are_of_so_many_at_most_and_forgotten_after_their_minute(monkeypatch):
    monkeypatch.setattr(rates, "MOST_KEYS", 100)
    now = [1_000.0]
    counts, rate = LocalRates(lambda: now[0]), RateLimitItemPerMinute(1)
    for n in range(300):
        counts.count(rate, ("owner", str(n)))
    assert len(counts._counts) == 100
    assert not counts.allows(rate, ("owner", "299"))
    now[0] += 62
    counts.count(rate, ("owner", "last"))
    assert len(counts._counts) == 1
    assert counts.allows(rate, ("owner", "299"))


def test_hints_that_wait_to_be_sent_are_so_many_at_most():
    outbox = Outbox()
    for n in range(MAX_KEYS + 10):
        outbox.put(Topic.CHANGED, [f"{n:026}"])
    assert sum(len(keys) for _, keys in outbox.drain()) <= MAX_KEYS


async def test_changes_that_wait_for_a_busy_disk_are_so_many_at_most(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writer, "MAX_WAITING", 5)
    file = DatabaseFile(tmp_path / "plain.db")
    file.create()
    lock = file.connect()
    lock.execute("BEGIN IMMEDIATE")
    busy = Writer(file.connect())
    first = asyncio.create_task(busy.write(lambda _: None, durable=True))
    await asyncio.sleep(0)
    for _ in range(4):
        busy.post(lambda _: None)
    with contextlib.suppress(StoreUnavailable):  # the first may have been taken already, and may not
        busy.post(lambda _: None)
    with pytest.raises(StoreUnavailable):
        busy.post(lambda _: None)
    lock.execute("ROLLBACK")
    lock.close()
    await first
    busy.close()


async def test_a_change_that_nobody_waits_for_any_more_keeps_nothing_in_memory(tmp_path: Path):
    file = DatabaseFile(tmp_path / "plain.db")
    file.create()
    lock = file.connect()
    lock.execute("BEGIN IMMEDIATE")
    busy, ran, new = Writer(file.connect()), [], new_session()
    writes = [asyncio.create_task(busy.write(lambda _: ran.append(new), durable=True)) for _ in range(3)]
    await asyncio.sleep(0)
    writes[1].cancel()
    await asyncio.sleep(0)
    lock.execute("ROLLBACK")
    lock.close()
    await asyncio.gather(*writes, return_exceptions=True)
    busy.close()
    assert len(ran) == 2


async def test_addresses_in_the_log_are_cut(site: OpenSite, monkeypatch, caplog):
    async def fail(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("outlast.web.site._respond", fail)
    monkeypatch.setattr("outlast.web.site.site_path", lambda _: "/static/a.css")
    answer = await site.client(HOST).get("/static/" + "x" * 20_000)
    assert answer.status_code == 500
    assert max(len(record.getMessage()) for record in caplog.records) < 500


@pytest.mark.slow
async def test_nothing_stays_of_starts_that_are_over(site: OpenSite, visitor: Visitor):
    await asyncio.gather(*(visitor.start("echo", text=str(n)) for n in range(50)))
    assert site.app._limits is not None
    assert not site.app._limits.start_queues._queues
    assert not site.app._limits.start_queues._addresses
    assert not site.app._limits._streams
