"""The snapshot of `GET /api/analysis/progress/{id}`: the same keys in every status, and what is said when."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site

from outlast.domain.session import Claim
from outlast.testing.acts import completed, crash, failed, postponed, update
from outlast.web.snapshot import INLINE_RESULT

KEYS = {
    "success", "session_id", "analysis", "subject", "status", "phase", "current_step", "total_steps",
    "progress_percentage", "current_message", "version", "attempt", "max_attempts", "next_retry_at",
    "queue_position", "eta_seconds", "eta_low", "eta_high", "elapsed_ms", "poll_after_ms", "stalled",
    "cancellable", "created_at", "started_at", "updated_at", "completed_at", "expires_at", "steps", "result",
    "correction", "redirect_url", "error", "error_code", "reference", "links", "phase_title", "notice", "tone",
    "starts_at", "result_at", "paused", "questions",
}  # fmt: skip
STEP_KEYS = {
    "name", "title", "status", "progress_percentage", "message", "started_at", "duration_ms", "resumed",
}  # fmt: skip
LINKS = {"self", "events", "cancel", "retry", "result", "page"}
TIMES = ("created_at", "started_at", "updated_at", "completed_at", "expires_at", "next_retry_at")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")

Reach = Callable[[OpenSite, str], Awaitable[object]]


async def _pending(site: OpenSite, session_id: str) -> None:
    """Nothing is to be done."""


async def _processing(site: OpenSite, session_id: str) -> None:
    session = await site.take(session_id)
    await site.engine.store.report([update(session, 40.0, "Reading a")])


async def _retrying(site: OpenSite, session_id: str) -> None:
    await site.end(session_id, postponed(60.0))


async def _cancelling(site: OpenSite, session_id: str) -> None:
    await site.take(session_id)
    await site.engine.store.cancel(session_id, owner=None)


async def _completed(site: OpenSite, session_id: str) -> None:
    await site.end(session_id, completed('{"grade":"A"}'))


async def _failed(site: OpenSite, session_id: str) -> None:
    await site.end(session_id, failed("The page is gone.", "ref-1"))


async def _cancelled(site: OpenSite, session_id: str) -> None:
    await site.engine.store.cancel(session_id, owner=None)


STATES: dict[str, tuple[Reach, dict[str, Any]]] = {
    "queued": (
        _pending,
        {
            "status": "pending",
            "cancellable": True,
            "queue_position": 1,
            "attempt": 0,
            "current_message": "Waiting to start",
            "phase_title": "Waiting in the queue",
            "notice": "We're a bit behind; your analysis will start by itself.",
            "tone": "warning",
        },
    ),
    "running": (
        _processing,
        {
            "status": "processing",
            "cancellable": True,
            "progress_percentage": 40.0,
            "current_message": "Reading a",
            "phase_title": "Working",
            "notice": None,
            "tone": "busy",
        },
    ),
    "retrying": (
        _retrying,
        {
            "status": "pending",
            "error": "The page did not answer.",
            "error_code": "timeout",
            "current_message": "Waiting for the next attempt",
        },
    ),
    "cancelling": (_cancelling, {"status": "processing", "cancellable": False, "current_message": "Stopping"}),
    "completed": (
        _completed,
        {"status": "completed", "progress_percentage": 100, "result": {"grade": "A"}, "current_message": "Done"},
    ),
    "failed": (
        _failed,
        {
            "status": "failed",
            "error": "The page is gone.",
            "error_code": "gone",
            "reference": "ref-1",
            "current_message": "The page is gone.",
            "phase_title": "Failed",
            "notice": "The page is gone.",
            "tone": "error",
        },
    ),
    "cancelled": (_cancelled, {"status": "cancelled", "error": None, "current_message": "Cancelled"}),
}
FINAL = {"completed", "failed", "cancelled"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


@pytest.mark.parametrize("phase", STATES)
async def test_every_status_has_the_same_keys(site: OpenSite, visitor: Visitor, phase: str):
    reach, said = STATES[phase]
    session_id = await visitor.started("echo", text="a")
    await reach(site, session_id)
    answer = await visitor.get(f"/api/analysis/progress/{session_id}")
    snapshot = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert snapshot.keys() == KEYS
    assert snapshot["phase"] == phase
    assert {k: snapshot[k] for k in said} == said
    assert (snapshot["session_id"], snapshot["analysis"], snapshot["success"]) == (session_id, "echo", True)
    assert snapshot["total_steps"] == 2
    assert [s["title"] for s in snapshot["steps"]] == ["Reading", "Judging"]
    assert all(s.keys() == STEP_KEYS for s in snapshot["steps"])
    assert snapshot["links"].keys() >= LINKS
    assert all(RFC3339.fullmatch(snapshot[t]) for t in TIMES if snapshot[t] is not None)
    assert snapshot["elapsed_ms"] >= 0


@pytest.mark.parametrize("phase", STATES)
async def test_only_a_session_in_flight_asks_to_be_polled(site: OpenSite, visitor: Visitor, phase: str):
    session_id = await visitor.started("echo", text="a")
    await STATES[phase][0](site, session_id)
    answer = await visitor.get(f"/api/analysis/progress/{session_id}")
    snapshot = answer.json()
    in_flight = phase not in FINAL
    assert ("retry-after" in answer.headers) == in_flight
    assert (snapshot["poll_after_ms"] is not None) == in_flight
    assert (snapshot["completed_at"] is None) == in_flight
    assert (snapshot["expires_at"] is None) == in_flight
    assert (snapshot["next_retry_at"] is not None) == (phase == "retrying")
    assert (snapshot["progress_percentage"] == 100) == (phase == "completed")
    assert (snapshot["result"] is not None) == (phase == "completed")


@pytest.mark.slow
async def test_a_retry_is_announced_for_a_time_of_day_and_the_words_do_not_move_with_the_clock(
    site: OpenSite, visitor: Visitor
):
    session_id = await visitor.started("echo", text="a")
    await site.end(session_id, postponed(60.0))
    path = f"/api/analysis/progress/{session_id}"
    answer = await visitor.get(path)
    async with asyncio.timeout(PATIENCE):
        while answer.json()["stalled"]:
            answer = await visitor.get(path + "?wait=10", headers={"If-None-Match": answer.headers["etag"]})
    snapshot = answer.json()
    assert f"starts by itself at {snapshot['next_retry_at'][11:19]} UTC" in snapshot["notice"]
    assert snapshot["tone"] == "warning"
    later = await visitor.get(path)
    assert later.headers["etag"] == answer.headers["etag"]
    assert later.json() == snapshot | {"elapsed_ms": later.json()["elapsed_ms"]}


async def test_a_crashed_worker_does_not_show_as_a_failed_attempt(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    await crash(site.engine.store, session_id)
    snapshot = await visitor.snapshot(session_id)
    assert (snapshot["phase"], snapshot["error"], snapshot["next_retry_at"]) == ("queued", None, None)


async def test_a_pending_snapshot_shows_whether_it_is_stalled(site: OpenSite, visitor: Visitor):
    first, second = await visitor.started("echo", text="a"), await visitor.started("echo", text="b")
    waiting = await visitor.snapshot(first)
    assert waiting["stalled"] is True
    assert (await visitor.snapshot(second))["queue_position"] == 2
    await site.take(first)
    assert (await visitor.snapshot(first))["stalled"] is False


@pytest.mark.parametrize(("size", "inline"), [(INLINE_RESULT, True), (INLINE_RESULT + 1, False)])
async def test_a_result_is_inline_up_to_64_kib(site: OpenSite, visitor: Visitor, size: int, inline: bool):
    text = json.dumps("x" * (size - 2))
    session_id = await visitor.started("echo", text="a")
    await site.end(session_id, completed(text))
    snapshot = await visitor.snapshot(session_id)
    assert snapshot["result"] == (json.loads(text) if inline else None)
    alone = await visitor.get(snapshot["links"]["result"])
    assert alone.status_code == 200
    assert alone.text == text


async def test_text_of_any_language_arrives_as_it_was(site: OpenSite, visitor: Visitor):
    result = {"text": "Żółć 漢字 🙂 \u2028 </script>"}
    session_id = await visitor.started("echo", text="a")
    await site.end(session_id, completed(json.dumps(result, ensure_ascii=False)))
    assert (await visitor.snapshot(session_id))["result"] == result


async def test_head_says_the_same_without_the_body(visitor: Visitor):
    path = f"/api/analysis/progress/{await visitor.started()}"
    got, head = await visitor.get(path), await visitor.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers.keys() == got.headers.keys()


async def test_a_percentage_below_one_reported_before_does_not_show(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    session = await site.take(session_id)
    for reported, shown in ((40.0, 40.0), (20.0, 40.0), (99.9, 99.9)):
        await site.engine.store.report([update(session, reported)])
        assert (await visitor.snapshot(session_id))["progress_percentage"] == shown
    await site.engine.store.finish(Claim(session_id, session.claim), failed())
    assert (await visitor.snapshot(session_id))["progress_percentage"] == 99.9


async def test_the_pace_slows_deep_in_the_queue(tmp_path: Path):
    async with open_site(tmp_path, polling_interval=1000, max_active_per_owner=50, starts_per_minute=50) as site:
        visitor = await site.visitor()
        ids = [await visitor.started("echo", text=str(n)) for n in range(31)]
        first = await visitor.get(f"/api/analysis/progress/{ids[0]}")
        last = await visitor.get(f"/api/analysis/progress/{ids[-1]}")
        assert (first.json()["poll_after_ms"], first.headers["retry-after"]) == (1000, "1")
        assert last.json()["poll_after_ms"] > 2 * first.json()["poll_after_ms"]
        assert int(last.headers["retry-after"]) > 2
