"""The cache of poll responses."""

import json
from types import SimpleNamespace

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.core.watch import SessionView
from outlast.testing.acts import cancelled, claim_of, read, start, started_and_claimed
from outlast.testing.clock import FakeClock
from outlast.web.poll_cache import MAX_SNAPSHOT, CachedResponse, PollCache

OPEN = b'{"a":1,"elapsed_ms":'


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return MemoryStore(clock)


def answer_to(session, clock, encoded=OPEN):
    return CachedResponse(SessionView(session, began=clock.monotonic()), encoded, 1_500, clock.monotonic())


def said(sent):
    start, body = sent
    return dict(start["headers"]), json.loads(body["body"])


async def test_the_elapsed_time_is_current_in_each_response(store, clock):
    answer = answer_to(await start(store), clock)
    for passed in (0, 2_500, 12_500):
        _, body = said(answer.full(OPEN, SimpleNamespace(clock=clock)))
        assert body == {"a": 1, "elapsed_ms": passed}
        clock.advance(2.5 if passed == 0 else 10)


async def test_a_final_snapshot_has_a_fixed_elapsed_time_and_no_retry_after(store, clock):
    session = await started_and_claimed(store)
    waiting, _ = said(answer_to(session, clock).full(OPEN, SimpleNamespace(clock=clock)))
    assert waiting[b"retry-after"] == b"2"
    clock.advance(3)
    await store.finish(claim_of(session), cancelled(), worked=3.0)
    answer = answer_to(await read(store, session.id), clock)
    clock.advance(60)
    ended, body = said(answer.full(OPEN, SimpleNamespace(clock=clock)))
    assert b"retry-after" not in ended
    assert body["elapsed_ms"] == 3_000


@pytest.mark.parametrize(("size", "kept"), [(MAX_SNAPSHOT, True), (MAX_SNAPSHOT + 1, False)])
async def test_an_answer_is_kept_up_to_its_size(store, clock, size, kept):
    answers, scope = PollCache(), {"path": "/a", "method": "GET", "query_string": b""}
    answer = answer_to(await start(store), clock, OPEN.ljust(size))
    answers.keep(scope, answer)
    assert answers.find(scope) is (answer if kept else None)
