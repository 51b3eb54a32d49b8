"""The circuit breaker of the store: which calls are refused at once, and when it closes again."""

import asyncio
import io
import logging

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.memory.store import MemoryStore
from outlast.core.circuit_breaker import ANSWER_WITHIN, CircuitBreaker
from outlast.core.guarded_store import PROMPT, READS, SLOW, GuardedStore, guard
from outlast.domain.errors import QueueFull, StoreUnavailable

SOON = 0.2
"""Timeout in seconds, instead of five."""


class Talker:
    """A store that responds when the test says so."""

    def __init__(self):
        self.speaks = asyncio.Event()
        self.asked = 0
        self.given_up = 0

    async def ask(self) -> str:
        self.asked += 1
        try:
            await self.speaks.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return "said"


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
def breaker(talker: Talker):
    breaker = CircuitBreaker(talker.ask, answer_within=SOON)
    yield breaker
    breaker.close()


@pytest.fixture(params=["call", "call_prompt"])
def ask(request: pytest.FixtureRequest, breaker: CircuitBreaker):
    """Both ways to call through the breaker."""
    return getattr(breaker, request.param)


async def closed(breaker: CircuitBreaker) -> None:
    async with asyncio.timeout(10):
        while breaker.open:  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)


async def test_an_answer_in_time_passes(breaker, talker, ask):
    talker.speaks.set()
    assert await ask(talker.ask) == "said"
    assert not breaker.open


@pytest.mark.parametrize("error", [QueueFull("full"), TimeoutError("of its own")])
async def test_an_error_is_an_answer(breaker, ask, error):
    async def fail():
        raise error

    with pytest.raises(type(error)):
        await ask(fail)
    assert not breaker.open
    assert breaker._answered_at > 0


async def test_while_others_are_answered_a_call_waits_longer(breaker, talker, ask):
    asking = asyncio.create_task(ask(talker.ask))
    await asyncio.sleep(0)
    breaker._answered_at = asyncio.get_running_loop().time() + 10 * SOON  # so it waits `BUSY_FACTOR` times as long
    await asyncio.sleep(1.1 * SOON)
    assert not asking.done()
    talker.speaks.set()
    assert await asking == "said"


async def test_a_call_without_a_response_opens_the_breaker_and_later_calls_fail_at_once(breaker, talker, ask):
    with pytest.raises(StoreUnavailable):
        await ask(talker.ask)
    assert breaker.open
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await ask(unreachable)


async def test_the_first_response_of_a_probe_closes_the_breaker(breaker, talker, ask):
    with pytest.raises(StoreUnavailable):
        await ask(talker.ask)
    talker.speaks.set()
    await closed(breaker)
    assert await ask(talker.ask) == "said"


async def test_opening_is_logged_once_and_closing_with_the_number_of_refused_calls(breaker, talker, caplog, ask):
    caplog.set_level(logging.INFO, "outlast")
    answers = await asyncio.gather(*(ask(talker.ask) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    for _ in range(7):
        with pytest.raises(StoreUnavailable):
            await ask(unreachable)
    assert len(caplog.records) == 1
    talker.speaks.set()
    await closed(breaker)
    assert [r.message for r in caplog.records[1:]] == [caplog.records[-1].message]
    assert "8 call(s) had failed" in caplog.records[-1].message


@pytest.mark.slow
async def test_a_single_slow_call_times_out_without_opening_the_breaker(breaker, talker, ask):
    breaker._answered_at = float("inf")  # as if others were answered all the time
    with pytest.raises(StoreUnavailable):
        await ask(talker.ask)
    assert not breaker.open
    await asyncio.sleep(0)  # nobody waits for its end
    assert talker.given_up == 1


def test_calls_wait_longer_while_other_calls_get_responses():
    breaker = CircuitBreaker(unreachable, answer_within=5)
    assert breaker._deadline(100) == 105
    for answered_at, until in ((90, 105), (103, 108), (109, 114), (113, 115), (1_000, 115)):
        breaker._answered_at = answered_at
        assert breaker._deadline(100) == until


async def test_slow_calls_have_no_timeout_while_probes_get_responses(talker):
    async def probe():
        talker.speaks.set()

    breaker = CircuitBreaker(probe, answer_within=SOON)
    assert await breaker.call(talker.ask, slow=True) == "said"


async def test_cancelling_a_caller_cancels_its_call(breaker, talker, ask):
    asking = asyncio.create_task(ask(talker.ask))
    while not talker.asked:  # noqa: ASYNC110 - it rings no bell
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert talker.given_up == 1
    assert not breaker.open


def test_a_closed_loop_does_not_leave_the_breaker_open():
    breakers = []

    async def silent():
        await asyncio.Event().wait()

    async def ask():
        breakers.append(CircuitBreaker(silent, answer_within=SOON))
        with pytest.raises(StoreUnavailable):
            await breakers[0].call(silent)
        assert breakers[0].open

    asyncio.run(ask())
    assert not breakers[0].open


@pytest.mark.slow
async def test_progress_restarts_the_timeout_of_a_long_call(breaker, talker):
    looks = []

    def progressed_at() -> float:
        looks.append("")
        if len(looks) == 3:
            talker.speaks.set()
        return asyncio.get_running_loop().time()

    assert await breaker.call(talker.ask, progressed_at=progressed_at) == "said"
    assert len(looks) >= 3


async def test_an_upload_gets_ahead_with_each_chunk(breaker, monkeypatch):
    moves = []

    class Chunked(MemoryStore):
        async def put(self, owner, name, file):
            while file.read(1):
                moves.append(asked[0]())
                await asyncio.sleep(0.001)
            return await super().put(owner, name, file)

    asked, ask = [], breaker.call

    async def noted(work, *, progressed_at):
        asked.append(progressed_at)
        return await ask(work, progressed_at=progressed_at)

    monkeypatch.setattr(breaker, "call", noted)
    await guard(Chunked(SystemClock()), breaker).put("ann", "a.csv", io.BytesIO(b"abc"))
    assert moves == sorted(set(moves))
    assert len(moves) == 3


async def test_reads_that_never_wait_bypass_the_breaker(breaker, talker):
    store = MemoryStore(SystemClock())
    with pytest.raises(StoreUnavailable):
        await breaker.call(talker.ask)
    assert await GuardedStore(store, breaker).get("a" * 26, owner=None) is None
    with pytest.raises(StoreUnavailable):
        await GuardedStore(store, breaker).cancel("a" * 26, owner=None)


def test_only_verbs_of_the_store_are_named():
    assert all(hasattr(MemoryStore, name) for name in PROMPT | READS | SLOW)


def test_the_timeout_is_at_most_five_seconds():
    assert ANSWER_WITHIN <= 5


async def unreachable():
    raise AssertionError("it was asked")
