"""Cancel, retry, the result alone, and how the process says that it is well."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site

from outlast.domain.errors import SchemaOutdated, StoreUnavailable
from outlast.testing.acts import completed, failed, postponed

RESULT = '{"grade":"A"}'


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def cancel(visitor: Visitor, session_id: str, method: str = "DELETE"):
    return await visitor.request(method, f"/api/analysis/cancel/{session_id}")


async def retry(visitor: Visitor, session_id: str):
    return await visitor.post(f"/api/analysis/retry/{session_id}")


async def result(visitor: Visitor, session_id: str):
    return await visitor.get(f"/api/analysis/result/{session_id}")


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_a_waiting_session_is_cancelled_at_once(visitor: Visitor, method: str):
    session_id = await visitor.started()
    answer = await cancel(visitor, session_id, method)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["session"]["status"] == "cancelled"
    assert answer.json()["session"]["completed_at"] is not None


async def test_cancelling_again_is_fine(visitor: Visitor):
    session_id = await visitor.started()
    await cancel(visitor, session_id)
    assert (await cancel(visitor, session_id)).status_code == 200


async def test_cancelling_a_running_session_stops_the_work(site: OpenSite, visitor: Visitor):
    async with site.working(), asyncio.timeout(PATIENCE):
        session_id = await visitor.started("held", text="a")
        await site.hold.entered.passed()
        answer = await cancel(visitor, session_id)
        assert answer.status_code == 202
        assert answer.json()["session"]["phase"] == "cancelling"
        assert answer.json()["session"]["cancellable"] is False
        await site.hold.cancelled.passed()
        final = await visitor.finished(session_id)
        assert final["status"] == "cancelled"
        assert final["progress_percentage"] < 100
        assert (await result(visitor, session_id)).status_code == 409


@pytest.mark.parametrize("end", [completed(RESULT), failed()])
async def test_what_has_ended_cannot_be_cancelled(site: OpenSite, visitor: Visitor, end):
    session_id = await visitor.started()
    before = await site.end(session_id, end)
    answer = await cancel(visitor, session_id)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await visitor.snapshot(session_id))["version"] == before.version


async def test_a_subject_whose_session_is_being_cancelled_starts_anew(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    await site.take(session_id)
    await cancel(visitor, session_id)
    again = await visitor.start("echo", text="a")
    assert again.json()["status"] == "started"
    assert again.json()["session_id"] != session_id


async def test_a_failed_session_goes_on_after_its_kept_steps(site: OpenSite, visitor: Visitor):
    async with site.working(), asyncio.timeout(PATIENCE):
        session_id = await visitor.started("held", text="a")
        await site.hold.entered.passed()
        await cancel(visitor, session_id)
        await visitor.finished(session_id)
        site.hold.go.open()
        answer = await retry(visitor, session_id)
        assert answer.status_code == 202
        assert answer.json()["session_id"] == session_id
        assert answer.json()["session"]["status"] in {"pending", "processing"}
        final = await visitor.finished(session_id)
    assert final["status"] == "completed"
    assert site.hold.reads == 1
    assert [s["resumed"] for s in final["steps"]] == [True, False]


async def test_a_failed_session_is_retried_with_a_new_round_of_attempts(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started()
    await site.end(session_id, failed())
    session = (await retry(visitor, session_id)).json()["session"]
    assert (session["phase"], session["error"], session["max_attempts"]) == ("queued", None, 4)


async def test_what_has_not_failed_is_not_retried(site: OpenSite, visitor: Visitor):
    waiting, running, done = [await visitor.started() for _ in range(3)]
    await site.take(running)
    await site.end(done, completed(RESULT))
    for session_id in (waiting, running, done):
        answer = await retry(visitor, session_id)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"


async def test_of_one_subject_two_are_never_in_flight_not_even_by_retry(site: OpenSite, visitor: Visitor):
    old = await visitor.started("echo", text="a")
    await cancel(visitor, old)
    await visitor.started("echo", text="a")
    assert (await retry(visitor, old)).status_code == 409
    assert (await visitor.snapshot(old))["status"] == "cancelled"


async def test_a_retry_without_its_upload_says_to_upload_again(site: OpenSite, visitor: Visitor):
    source = (await visitor.upload(b"some reviews")).json()["source"]
    session_id = await visitor.started("product", source=source)
    await cancel(visitor, session_id)
    await prune(site, uploads=True)
    answer = await retry(visitor, session_id)
    assert answer.status_code == 422
    assert "upload it (again)" in answer.json()["error"]


async def test_retries_are_limited_like_starts(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=2) as site:
        visitor = await site.visitor()
        session_id = await visitor.started()
        for wanted in (202, 429):
            await cancel(visitor, session_id)
            assert (await retry(visitor, session_id)).status_code == wanted


async def test_the_result_alone_is_what_the_analysis_returned(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started()
    assert (await result(visitor, session_id)).status_code == 409
    await site.end(session_id, completed(RESULT))
    answer = await result(visitor, session_id)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == RESULT


@pytest.mark.parametrize("end", [failed("The page is gone."), postponed(60)])
async def test_a_missing_result_is_explained(site: OpenSite, visitor: Visitor, end):
    session_id = await visitor.started()
    await site.end(session_id, end)
    answer = await result(visitor, session_id)
    assert answer.status_code == 409
    assert ("The page is gone." in answer.json()["error"]) == (end == failed("The page is gone."))


async def prune(site: OpenSite, *, sessions: bool = False, results: bool = False, uploads: bool = False) -> None:
    now = site.engine.clock.now()
    later, before = now + timedelta(hours=1), now - timedelta(hours=1)
    await site.engine.store.prune(
        sessions_before=later if sessions else before,
        results_before=later if results else before,
        uploads_before=later if uploads else before,
        dry_run=False,
    )


async def test_a_result_outlives_its_session_for_its_owner_alone(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started()
    await site.end(session_id, completed(RESULT))
    await prune(site, sessions=True)
    assert (await visitor.get(f"/api/analysis/progress/{session_id}")).status_code == 404
    assert (await result(visitor, session_id)).text == RESULT
    assert (await visitor.get(f"/analysis/{session_id}")).status_code == 200
    other = await site.visitor()
    assert (await result(other, session_id)).status_code == 404
    assert (await other.get(f"/analysis/{session_id}")).status_code == 404


async def test_a_result_that_was_cleaned_up_before_its_session_is_gone(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started()
    await site.end(session_id, completed(RESULT))
    await prune(site, results=True)
    assert (await visitor.snapshot(session_id))["status"] == "completed"
    assert (await result(visitor, session_id)).status_code == 410
    page = await visitor.get(f"/analysis/{session_id}", headers={"Accept": "text/html"})
    assert page.status_code == 410
    assert "cleaned up" in page.text


async def test_an_exception_is_a_reference_for_the_visitor_and_a_trace_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_site(tmp_path, queue_max_tries=1) as site, site.working():
        visitor = await site.visitor()
        final = await visitor.finished(await visitor.started("breaking", text="hunter2"))
        whole = await visitor.get(final["links"]["self"])
    assert (final["status"], final["error_code"]) == ("failed", "error")
    assert "hunter2" not in whole.text.replace('"subject"', "")
    (line,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert final["reference"] in line.getMessage()
    assert "hunter2" in str(line.exc_info)


async def test_a_fault_of_ours_is_a_reference_for_the_visitor_and_a_trace_in_the_log(
    site: OpenSite, visitor: Visitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*_: object, **__: object):
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(site.engine.store, "get", broken)
    for path, accept in (
        ("/api/analysis/progress/", "text/html"),
        ("/analysis/", "text/html"),
        ("/analysis/", "*/*"),
    ):
        caplog.clear()
        answer = await visitor.get(path + "a" * 26, headers={"Accept": accept})
        assert answer.status_code == 500
        assert "secret" not in answer.text
        (line,) = [r for r in caplog.records if r.levelno == logging.ERROR]
        reference = line.getMessage().rpartition(" ")[2]
        assert reference in answer.text
        page = path == "/analysis/" and accept == "text/html"
        kind = "text/html; charset=utf-8" if page else "application/problem+json"
        assert answer.headers["content-type"] == kind


async def test_a_live_process_says_so_to_anybody(site: OpenSite):
    for path in ("/livez", "/readyz"):
        answer = await site.client().get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "error", [StoreUnavailable('host "db.internal" is full'), SchemaOutdated("db.internal is 7")]
)
async def test_without_its_store_it_is_alive_but_not_ready(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    async def failing():
        raise error

    monkeypatch.setattr(site.engine.store, "check", failing)
    answer = await site.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("Not ready: the s")
    assert "db.internal" not in answer.text  # which is anybody's to read
    assert "retry-after" in answer.headers
    assert (await site.client().get("/livez")).status_code == 200


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC])
async def test_a_machine_with_nothing_left_is_no_fault_of_ours(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
):
    async def failing():
        raise OSError(number, "nothing left")

    monkeypatch.setattr(site.engine.store, "check", failing)
    for _ in range(20):
        answer = await site.client().get("/readyz")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


async def test_while_it_closes_it_is_not_ready(site: OpenSite):
    site.engine.closing.set()
    assert (await site.client().get("/readyz")).status_code == 503
    assert (await site.client().get("/livez")).status_code == 200


async def test_a_start_that_cannot_be_written_is_not_acknowledged(
    site: OpenSite, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    async def failing(*_: object):
        raise StoreUnavailable("No space left on /dev/sda1.")

    monkeypatch.setattr(site.engine.store, "add", failing)
    answer = await visitor.start("echo", text="a")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "sda1" not in answer.text
