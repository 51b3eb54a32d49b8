"""The life of a session, seen from the outside: read this first."""

import asyncio
import io
import threading
from dataclasses import dataclass

import pytest
from small_site import ME, small_site

from outlast import InvalidInput, Permanent, RetryAfter, Status, Upload, report, step, track
from outlast.domain.status import Phase
from outlast.ports.store import CancelAnswer, RetryAnswer


@dataclass
class Page:
    number: int
    words: tuple[str, ...]


async def test_a_start_becomes_a_result():
    async def double(n: int) -> dict[str, int]:
        return {"twice": 2 * n}

    async with small_site() as site:
        site.add(double)
        session = await site.start("double", n=21)
        site.start_worker()
        end = await site.end(session)
        assert end.session.status is Status.COMPLETED
        assert await site.result(session) == '{"twice":42}'


@pytest.mark.slow
async def test_progress_moves_with_the_work_and_never_falls():
    gates = [asyncio.Event() for _ in range(4)]
    loops: list[asyncio.AbstractEventLoop] = []

    @step("Reading")
    async def read() -> int:
        loops.append(asyncio.get_running_loop())
        for gate in track(gates, message="reading"):
            await gate.wait()
        return 4

    async def look() -> int:
        return await read()

    async with small_site() as site:
        site.add(look, read)
        session = await site.start("look")
        site.start_worker()
        seen: list[float] = []
        async for view in site.engine.sessions.watch(session, owner=ME):
            seen.append(view.session.progress.percentage)
            done = sum(g.is_set() for g in gates)
            if loops and done < 4 and view.session.phase is Phase.RUNNING:
                loops[0].call_soon_threadsafe(gates[done].set)
        assert seen == sorted(seen)
        assert seen[-1] == 100
        assert any(0 < percentage < 100 for percentage in seen)


@pytest.mark.slow
async def test_a_second_attempt_does_not_repeat_kept_steps_and_meets_the_same_types():
    calls: list[str] = []

    @step("Reading")
    def read(n: int) -> list[Page]:
        calls.append("read")
        return [Page(i, ("a", "b")) for i in range(n)]

    @step("Judging")
    def judge(pages: list[Page]) -> set[str]:
        calls.append("judge")
        assert all(isinstance(p, Page) and isinstance(p.words, tuple) for p in pages)
        if calls.count("judge") == 1:
            raise RuntimeError("the first time it breaks")
        return {w for p in pages for w in p.words}

    def look(n: int) -> list[str]:
        return sorted(judge(read(n)))

    async with small_site() as site:
        site.add(look, read, judge)
        session = await site.start("look", n=2)
        site.start_worker()
        end = await site.end(session)
        assert await site.result(session) == '["a","b"]'
        assert calls == ["read", "judge", "judge"]
        assert end.session.attempt == 2
        assert [s.resumed for s in end.session.progress.steps] == [True, False]


@pytest.mark.slow
async def test_a_step_in_a_loop_is_one_planned_step_with_many_kept_results():
    calls: list[int] = []

    @step("Fetching")
    async def fetch(n: int) -> int:
        calls.append(n)
        if n == 2 and calls.count(2) == 1:
            raise RuntimeError
        return n * n

    async def look() -> list[int]:
        return [await fetch(n) for n in range(4)]

    async with small_site() as site:
        site.add(look, fetch)
        session = await site.start("look")
        site.start_worker()
        end = await site.end(session)
        assert await site.result(session) == "[0,1,4,9]"
        assert calls == [0, 1, 2, 2, 3]
        assert len(end.session.progress.steps) == 1


async def test_a_permanent_error_fails_the_session_with_its_text():
    def look() -> int:
        raise Permanent("There is nothing at this address.")

    async with small_site() as site:
        site.add(look)
        session = await site.start("look")
        site.start_worker()
        end = (await site.end(session)).session
        assert (end.status, end.error, end.attempt) == (Status.FAILED, "There is nothing at this address.", 1)


async def test_an_unexpected_error_shows_a_reference_and_no_text_of_the_exception():
    def look() -> int:
        raise RuntimeError("the password is swordfish")

    async with small_site(max_attempts=1) as site:
        site.add(look)
        session = await site.start("look")
        site.start_worker()
        end = (await site.end(session)).session
        assert end.status is Status.FAILED
        assert end.reference
        assert "swordfish" not in repr(end)


async def test_retry_after_waits_at_least_so_long():
    async def look() -> int:
        raise RetryAfter(3600, "Come back in an hour.")

    async with small_site() as site:
        site.add(look)
        session = await site.start("look")
        site.start_worker()
        async for view in site.engine.sessions.watch(session, owner=ME):
            if view.session.phase is Phase.RETRYING:
                wait = view.session.available_at - site.engine.clock.now()
                assert wait.total_seconds() > 3500
                break


async def test_the_timeout_ends_an_attempt():
    async def look() -> int:
        await asyncio.Event().wait()
        return 1

    async with small_site(max_attempts=1, timeout=0.2) as site:
        site.add(look)
        session = await site.start("look")
        site.start_worker()
        end = (await site.end(session)).session
        assert (end.status, end.error_code) == (Status.FAILED, "timeout")


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_cancel_stops_the_running_code_and_retry_resumes_it(kind: str):
    begun, stopped, free = threading.Event(), threading.Event(), threading.Event()

    async def in_loop() -> str:
        try:
            begun.set()
            while not free.is_set():  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return "done"

    def in_thread() -> str:
        begun.set()
        try:
            while not free.wait(0.005):
                report(0.5)
        finally:
            stopped.set()
        return "done"

    async with small_site() as site:
        work = in_loop if kind == "async" else in_thread
        site.add(work)
        session = await site.start(work.__name__)
        site.start_worker()
        await asyncio.to_thread(begun.wait, 10)
        answer = await site.engine.sessions.cancel(session, owner=ME)
        assert answer is CancelAnswer.CANCELLING
        assert (await site.end(session)).session.status is Status.CANCELLED
        assert stopped.is_set()
        free.set()
        assert await site.engine.sessions.retry(session, owner=ME) is RetryAnswer.RETRIED
        assert (await site.end(session)).session.status is Status.COMPLETED


async def test_an_upload_belongs_to_its_owner_and_is_read_in_the_analysis():
    def size(file: Upload) -> int:
        with file.open() as content:
            return len(content.read())

    async with small_site() as site:
        site.add(size)
        stored = await site.engine.sessions.store_upload(ME, "a.txt", io.BytesIO(b"x" * 3_000_000))
        with pytest.raises(InvalidInput):
            await site.engine.sessions.start("size", {"file": f"upload:{stored.sha256}"}, "somebody else")
        session = await site.start("size", file=f"upload:{stored.sha256}")
        site.start_worker()
        await site.end(session)
        assert await site.result(session) == "3000000"


async def test_without_a_worker_a_session_is_stalled():
    async def look() -> int:
        return 1

    async with small_site() as site:
        site.add(look)
        started = await site.engine.sessions.start("look", {}, ME)
        assert (await site.engine.watch.view(started.session)).stalled
        assert started.session.phase is Phase.QUEUED


@pytest.mark.slow
async def test_recorded_durations_give_weights_and_a_range_of_time_left():
    release = threading.Event()
    release.set()

    @step("Quick")
    def quick() -> int:
        return 1

    @step("Slow")
    def slow() -> int:
        threading.Event().wait(0.05)
        release.wait(10)
        return 2

    def look(n: int) -> int:
        return n + quick() + slow()

    async with small_site() as site:
        site.add(look, quick, slow)
        site.start_worker()
        first = await site.start("look", n=0)
        assert (await site.views(first))[0].time_left is None
        for n in range(1, 4):
            await site.end(await site.start("look", n=n))
        while len((await site.engine.store.durations("look")).get("slow", ())) < 4:  # noqa: ASYNC110 - a look
            await asyncio.sleep(0.01)
        site.engine.sessions._plans.clear()
        release.clear()
        session = await site.start("look", n=9)
        async for view in site.engine.sessions.watch(session, owner=ME):
            if view.session.progress.current_step == 2:
                left = view.time_left
                assert left is not None
                assert 0 < left.low <= left.middle <= left.high
                release.set()
                break
        weights = [s.weight for s in view.session.progress.steps]
        assert weights[1] > weights[0]
        await site.end(session)


@pytest.mark.parametrize(
    ("value", "code"), [(float("nan"), "not_json"), ("\ud800", "not_json"), ("x" * 20_000_000, "too_large")]
)
async def test_a_result_that_cannot_be_kept_fails_with_its_reason(value: object, code: str):
    async def look() -> object:
        return value

    async with small_site() as site:
        site.add(look)
        session = await site.start("look")
        site.start_worker()
        end = (await site.end(session)).session
        assert (end.status, end.error_code) == (Status.FAILED, code)


async def test_a_plain_step_on_the_event_loop_is_refused_before_it_blocks(caplog: pytest.LogCaptureFixture):
    @step("Blocking")
    def block() -> int:
        return 1

    async def look() -> int:
        return block()

    async with small_site(max_attempts=1) as site:
        site.add(look, block)
        session = await site.start("look")
        site.start_worker()
        assert (await site.end(session)).session.status is Status.FAILED
    assert "asyncio.to_thread" in caplog.text  # once the worker has ended: it logs after the store has the end


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [({}, "/n"), ({"n": "many"}, "/n"), ({"n": 1, "m": 2}, "/m"), ("n", ""), ({"n": {1}}, "/n")],
)
async def test_invalid_input_is_refused_with_a_pointer(raw: object, pointer: str):
    async def look(n: int) -> int:
        return n

    async with small_site() as site:
        site.add(look)
        with pytest.raises(InvalidInput) as refused:
            await site.engine.sessions.start("look", raw, ME)
        assert refused.value.faults[0][0] == pointer
