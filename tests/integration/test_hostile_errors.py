"""Whatever an analysis raises or returns ends its own session, with a reason, and no other."""

import asyncio

import hostile_errors
import pytest
from hostile_errors import ERRORS

from outlast import Outlast, step
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.settings import load_settings

KINDS = {
    "async": (hostile_errors.harm, None),
    "child": (hostile_errors.harm_in_a_child_task, None),
    "def": (hostile_errors.harm_in_a_thread, None),
    "process": (hostile_errors.harm_in_a_process, "process"),
    "process_async": (hostile_errors.harm_in_a_loop_of_a_process, "process"),
}
EVERY_KIND = [*ERRORS]
IN_PROCESS = [
    "exit 3",
    "cancelled",
    "unreadable",
    "grouped",
    "retry grouped",
    "retry never",
    "deep",
    "reads input",
]
"""A process each: some of every sort."""


@pytest.fixture
async def outlast(tmp_path):
    made = Outlast(load_settings(data_dir=tmp_path, concurrency=50, queue_max_tries=1, max_active_per_owner=100))
    for kind, (work, isolation) in KINDS.items():
        made.analysis(kind, isolation=isolation, timeout=60)(work)
    made.analysis("one_way")(hostile_errors.one_way)
    await runtime_of(made).open(workers=1)
    yield made
    await made.close()


async def logged(caplog, text):
    """Wait for a line of the log: a session is final in the store a moment before its end is logged."""
    async with asyncio.timeout(20):
        while text not in caplog.text:  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0.01)


async def final(outlast, analysis, **values):
    started = await outlast.start(analysis, owner="ann", **values)
    views = [view async for view in outlast.watch(started.session.id)]
    return views[-1].session


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("kind", ["async", "child", "def"])
async def test_a_session_ends_with_its_own_reason_whatever_its_code_does(outlast, kind, caplog):
    async with asyncio.timeout(120):
        ends = await asyncio.gather(*(final(outlast, kind, name=name) for name in ERRORS))
    for name, session in zip(ERRORS, ends, strict=True):
        if name == "reads input":  # the standard input of this process is that of the test run
            continue
        assert (session.error_code or session.status) == ERRORS[name][1], name
        if session.error_code == "error":
            assert session.reference is not None, name
            await logged(caplog, session.reference)
    assert (await final(outlast, kind, name="exit in a thread")).status is Status.COMPLETED


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["process", "process_async"])
async def test_so_it_does_in_a_process_of_its_own(outlast, kind, caplog):
    async with asyncio.timeout(120):
        ends = await asyncio.gather(*(final(outlast, kind, name=name) for name in IN_PROCESS))
    for name, session in zip(IN_PROCESS, ends, strict=True):
        assert (session.error_code or session.status) == ERRORS[name][1], name
        if session.error_code == "error":
            await logged(caplog, session.reference)


async def test_the_sentence_of_a_permanent_error_reaches_the_visitor_from_within_groups(outlast):
    for name in ("subclass", "grouped"):
        assert (await final(outlast, "async", name=name)).error == "The shop has closed."


async def test_a_result_that_refuses_its_own_text_fails_before_the_session_completes(outlast, caplog):
    session = await final(outlast, "one_way")
    assert (session.status, session.error_code) == (Status.FAILED, "not_json")
    await logged(caplog, session.id)
    assert "cannot be written" in caplog.text or "not read back" in caplog.text


async def test_a_wait_is_capped_by_what_the_analysis_allows(tmp_path):
    made = Outlast(load_settings(data_dir=tmp_path, queue_max_tries=2))
    made.analysis("usual")(hostile_errors.harm)
    made.analysis("patient", longest_wait=3 * 86_400)(hostile_errors.harm_in_a_thread)
    await runtime_of(made).open(workers=1)
    try:
        for analysis, days in (("usual", 1), ("patient", 3)):
            started = await made.start(analysis, owner="ann", name="retry epoch")
            async for view in made.watch(started.session.id):
                if view.session.error is not None:
                    break
            assert view.session.status is Status.PENDING
            assert (view.session.available_at - view.session.updated_at).days == days
    finally:
        await made.close()


def test_a_wait_that_no_store_could_keep_is_refused_where_the_analysis_is_declared():
    for wait in (-1, float("nan"), float("inf"), 1e12):
        with pytest.raises(ValueError, match="longest_wait"):
            Outlast().analysis("harm", longest_wait=wait)(hostile_errors.harm)


async def test_when_one_step_fails_those_that_were_gathered_with_it_are_cancelled(tmp_path):
    cancelled = asyncio.Event()
    begun = asyncio.Event()
    here = asyncio.get_running_loop()

    @step("One of two")
    async def part(fails: bool) -> None:
        if fails:
            await begun.wait()
            raise ValueError("the first")
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            here.call_soon_threadsafe(cancelled.set)
            raise

    async def both() -> None:
        await asyncio.gather(part(True), part(False))

    made = Outlast(load_settings(data_dir=tmp_path, queue_max_tries=1))
    made.analysis("both", steps=[part])(both)
    await runtime_of(made).open(workers=1)
    try:
        assert (await final(made, "both")).error_code == "error"
        async with asyncio.timeout(30):
            await cancelled.wait()
    finally:
        await made.close()
