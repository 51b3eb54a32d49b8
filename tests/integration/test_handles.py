"""The typed handles: start, wait, follow and steer from Python, as trusted code or for an owner."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from edge_site import Gate

from outlast import (
    AnalysisFailed,
    CancelAnswer,
    Outlast,
    Permanent,
    QueueFull,
    RetryAnswer,
    SessionGone,
    SessionHandle,
    Status,
    TooManyActive,
    Upload,
    step,
)
from outlast.app import runtime_of
from outlast.core import handles
from outlast.settings import load_settings


@dataclass(frozen=True)
class Report:
    words: int
    owner: str = ""


@pytest.fixture
def site(tmp_path: Path) -> Outlast:
    return Outlast(load_settings(data_dir=tmp_path, max_active_per_owner=2, shutdown_grace=0))


@pytest.fixture
async def working(site: Outlast) -> AsyncIterator[Outlast]:
    async with site.lifespan(workers=1):
        yield site


async def test_a_handle_is_still_the_function_it_was(site):
    @site.analysis("counts")
    async def count(text: str, extra: int = 0) -> Report:
        """Count the words."""
        return Report(len(text.split()) + extra)

    @site.analysis("sums")
    def add_up(numbers: list[int]) -> int:
        return sum(numbers)

    assert await count("a b", extra=1) == Report(3)
    assert add_up([1, 2]) == 3
    assert (count.__name__, count.__doc__, count.name) == ("count", "Count the words.", "counts")


async def test_a_run_returns_the_declared_type(working):
    @working.analysis("counts")
    def count(text: str, owner: str = "") -> Report:
        return Report(len(text.split()), owner)

    assert await count.run(text="a b c") == Report(3)
    assert await count.run("a b", owner="an input field, too") == Report(2, "an input field, too")
    assert await (await working.start("counts", text="a")).result() == Report(1)
    assert await working.handle("counts").options(owner="ada").run(text="a", owner="b") == Report(1, "b")


async def test_trusted_code_meets_no_limit_per_owner_and_each_of_its_starts_is_a_session(site):
    @site.analysis("same", subject=lambda n: "one subject")
    def same(n: int) -> int:
        return n

    async with site.lifespan():
        sessions = [await same.start(n=n) for n in (*range(6), 0)]
        assert len({session.id for session in sessions}) == 7
        assert not any(session.existing for session in sessions)
        assert all(session.session.subject.startswith("one subject") for session in sessions)
        ada = same.options(owner="ada")
        first = await ada.start(n=1)
        again = await ada.start(n=2)
        assert (again.id, again.existing) == (first.id, True)
        assert len(await site.list(limit=100)) == 8
        assert [one.id for one in await site.list(owner="ada")] == [first.id]


async def test_an_owner_is_limited_and_the_store_is_protected_from_trusted_code_too(tmp_path):
    site = Outlast(load_settings(data_dir=tmp_path, max_active_per_owner=2, max_pending=4))

    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    async with site.lifespan():
        for n in range(2):
            await count.options(owner="ada").start(n=n)
        with pytest.raises(TooManyActive):
            await count.options(owner="ada").start(n=2)
        for n in range(2):
            await count.start(n=n)
        with pytest.raises(QueueFull):
            await count.start(n=9)


@pytest.mark.parametrize("owner", [None, 3, b"ada"])
async def test_an_owner_that_is_no_text_is_never_taken_for_trusted_code(site, owner):
    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    with pytest.raises(TypeError, match="which is not text"):
        count.options(owner=owner)
    with pytest.raises(TypeError, match="which is not text"):
        await site.start("counts", owner=owner, n=1)
    with pytest.raises(ValueError, match="names nobody"):
        await site.start("counts", owner="", n=1)
    with pytest.raises(TypeError, match="no option 'owners'; there are owner, priority"):
        count.options(owners="ada")
    with pytest.raises(ValueError, match="32 bits"):
        count.options(priority=2**31)


async def test_a_start_may_have_its_own_priority(site):
    @site.analysis("counts", priority=1)
    def count(n: int) -> int:
        return n

    async with site.lifespan():
        urgent = count.options(priority=7)
        assert [(await handle.start(n=1)).session.priority for handle in (count, urgent)] == [1, 7]
        assert (await urgent.options(owner="ada").start(n=1)).session.priority == 7


async def test_a_failure_is_raised_with_its_code_and_reference(working):
    @working.analysis("refuses")
    def refuse() -> int:
        raise Permanent("There is nothing to count.")

    @working.analysis("breaks", max_attempts=1)
    def break_down() -> int:
        raise ZeroDivisionError

    with pytest.raises(AnalysisFailed, match=r"^There is nothing to count\. \(permanent\)$") as failed:
        await refuse.run()
    assert (failed.value.code, failed.value.reference) == ("permanent", None)
    with pytest.raises(AnalysisFailed) as failed:
        await break_down.run()
    assert failed.value.code == "error"
    assert failed.value.reference
    assert failed.value.reference in str(failed.value)


async def test_a_session_is_followed_cancelled_and_retried_by_its_handle(working):
    entered, go = Gate(), Gate()

    @working.analysis("waits")
    async def wait() -> str:
        entered.open()
        await go.passed()
        return "waited"

    session = await wait.start()
    await entered.passed()
    assert (await session.view()).session.status is Status.PROCESSING
    assert await session.retry() is RetryAnswer.NOT_FINAL
    assert await session.cancel() is CancelAnswer.CANCELLING
    with pytest.raises(AnalysisFailed) as failed:
        await session.result()
    assert failed.value.code == "cancelled"
    go.open()
    assert await session.retry() is RetryAnswer.RETRIED
    assert await session.result() == "waited"
    seen = [view.session.status async for view in session]
    assert seen == [Status.COMPLETED]


async def test_a_session_that_is_gone_says_so(site):
    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    async with site.lifespan():
        here = await count.start(n=1)
        gone = SessionHandle(here._use_cases, handles_session(here, "a" * 26), int)
        for use in (gone.view, gone.cancel, gone.retry, gone.result):
            with pytest.raises(SessionGone):
                await use()


def handles_session(session: SessionHandle[int], other: str):
    from dataclasses import replace

    return replace(session.session, id=other)


@pytest.mark.slow
async def test_a_result_of_another_version_that_the_type_does_not_accept_fails_with_a_code(working):
    @working.analysis("counts")
    def count(n: int) -> int:
        return n

    session = await count.start(n=1)
    assert await session.result() == 1
    another = Outlast()

    @another.analysis("counts")
    def count_words(n: int) -> list[str]:
        return []

    reads = another.handle("counts")._analysis.codec.load
    with pytest.raises(AnalysisFailed, match="another version has written it") as failed:
        await SessionHandle(session._use_cases, session.session, reads).result()
    assert failed.value.code == "unreadable"


async def test_trusted_code_uploads_without_owner_and_its_quota(tmp_path):
    settings = load_settings(data_dir=tmp_path, max_stored_mb_per_owner=0.000_001, shutdown_grace=0)
    site = Outlast(settings)

    @site.analysis("lines")
    def count_lines(file: Upload) -> int:
        with file.open() as content:
            return len(content.readlines())

    async with site.lifespan(workers=1):
        file = await site.upload(io.BytesIO(b"one\ntwo\n"), "two.txt")
        assert await count_lines.run(file=file) == 2


async def test_a_wait_without_any_worker_is_told_in_the_log(site, monkeypatch, caplog):
    monkeypatch.setattr(handles, "STALL_WARNING_DELAY", 0.0)
    told = asyncio.Event()
    monkeypatch.setattr(
        caplog.handler, "emit", lambda record: told.set() if "no living worker" in record.msg else 0
    )

    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    async with site.lifespan():
        with caplog.at_level(logging.WARNING, logger="outlast"):
            waiting = asyncio.create_task(count.run(n=1))
            async with asyncio.timeout(10):
                await told.wait()
        waiting.cancel()


async def test_an_analysis_that_waits_for_its_own_place_is_told_in_the_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(handles, "STALL_WARNING_DELAY", 0.0)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        caplog.handler,
        "emit",
        lambda record: loop.call_soon_threadsafe(told.set) if "a place of its worker" in record.msg else 0,
    )
    site = Outlast(load_settings(data_dir=tmp_path, concurrency=1, shutdown_grace=0))

    @site.analysis("inner")
    async def inner(n: int) -> int:
        return n

    @site.analysis("outer")
    async def outer(n: int) -> int:
        return await inner.run(n)

    async with site.lifespan(workers=1):
        with caplog.at_level(logging.WARNING, logger="outlast"):
            session = await outer.start(1)
            async with asyncio.timeout(10):
                await told.wait()
        await session.cancel()


def test_a_second_event_loop_gets_an_error_that_says_what_to_do(site):
    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    async def use() -> None:
        await count.start(n=1)

    with asyncio.Runner() as runner:
        runner.run(use())
        for work in (use(), site.get("a" * 26), runtime_of(site).engine(), runtime_of(site).open(), site.close()):
            with pytest.raises(RuntimeError, match="open in another event loop, and works in one only"):
                asyncio.run(work)
        runner.run(site.close())
    with asyncio.Runner() as runner:  # once closed, it may be opened in another one

        async def use_again() -> None:
            async with site.lifespan():
                await use()

        runner.run(use_again())


def test_an_event_loop_that_ended_without_a_close_is_named(site):
    @site.analysis("counts")
    def count(n: int) -> int:
        return n

    async def use() -> None:
        await count.start(n=1)

    runner = asyncio.Runner()
    runner.run(use())
    engine = runtime_of(site)._engine
    runner.run(engine.close())  # its tasks, so that nothing is left pending
    runner.close()
    with pytest.raises(RuntimeError, match="in another event loop that has ended"):
        asyncio.run(use())


async def test_an_analysis_starts_and_awaits_another_from_the_loop_of_an_embedded_worker(working):
    @step("Counting")
    def count_words(text: str) -> int:
        return len(text.split())

    @working.analysis("inner", steps=[count_words])
    def inner(text: str) -> int:
        return count_words(text)

    @working.analysis("outer")
    async def outer(text: str) -> list[int]:
        session = await inner.start(text=text)
        statuses = [view.session.status async for view in session]
        assert statuses[-1] is Status.COMPLETED
        async for _ in session:
            break  # its watch ends with it
        return [await session.result(), await inner.run(text=text + " more")]

    assert await outer.run(text="a b") == [2, 3]
