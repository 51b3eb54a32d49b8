"""The dashboard: how everything stands, every session, and the two verbs."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, OpenSite, Visitor, open_site
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from outlast.core.statistics import HOURS, Hour
from outlast.domain.status import Status
from outlast.testing.acts import completed, crash, failed, postponed, register_worker
from outlast.web.dashboard import CHART_HEIGHT, INPUT_SHOWN, LISTED, chart_bars


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    roomy = {"max_active_per_owner": 1_000, "starts_per_minute": 1_000}
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY, **roomy) as site:
        yield site


@pytest.fixture
async def operator(site: OpenSite) -> Visitor:
    return await (await site.visitor()).log_in()


async def page(operator: Visitor, address: str = "/dashboard") -> HTMLParser:
    answer = await operator.get(address)
    assert answer.status_code == 200, answer.text
    return HTMLParser(answer.text)


def text(part: HTMLParser, selector: str) -> str:
    found = part.css_first(selector)
    assert found is not None, selector
    return " ".join(found.text(separator=" ").split())


def rows(part: HTMLParser, selector: str) -> list[list[str]]:
    """The cells of a table's body."""
    found = part.css(f"{selector} tbody tr")
    return [[" ".join(cell.text(separator=" ").split()) for cell in line.css("th, td")] for line in found]


async def press(operator: Visitor, session_id: str, verb: str) -> int:
    form = {"csrf_token": operator.operator_token}
    return (await operator.post(f"/dashboard/{session_id}/{verb}", data=form)).status_code


@pytest.mark.slow
async def test_an_installation_that_has_done_nothing_yet_says_so(operator: Visitor):
    shown = await page(operator)
    assert "Nothing is waiting." in text(shown, "#d-queues")
    assert "No worker is running." in text(shown, "#d-workers")
    assert "There are none." in text(shown, "#d-sessions")
    assert "Waiting 0 nobody has to wait" in text(shown, "#d-now")
    assert len(rows(shown, "#d-hours")) == HOURS


@pytest.mark.slow
async def test_it_counts_what_waits_works_and_ended(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    for end in (completed(), completed(), failed()):
        await site.end(await visitor.started("echo", text="a"), end)
    await site.take(await visitor.started("held", text="b"))
    await visitor.started("echo", text="waits")
    shown = await page(operator)
    figures = text(shown, ".d-figures")
    assert re.search(r"Waiting 1 longest .+ Working 1 of 8 places Workers alive 1 on 1 machine", figures)
    assert "Completed 2 in 24 hours Failed 1 in 24 hours" in figures
    assert rows(shown, "#d-queues")[0][:3] == ["analysis", "echo", "1"]
    assert rows(shown, "#d-workers")[0][2] == "1 of 8"
    ended = [[int(cell) for cell in line[1:]] for line in rows(shown, "#d-hours")]
    assert [sum(kind) for kind in zip(*ended, strict=True)] == [2, 1, 0]
    assert len(rows(shown, ".d-sessions")) == 5


@pytest.mark.slow
async def test_sessions_without_a_living_worker_are_shown_with_advice(site: OpenSite, operator: Visitor):
    await (await site.visitor()).started("echo", text="a")
    assert "no living worker takes such" in text(await page(operator), "#d-now")
    now = site.engine.clock.now()
    register_worker(site.engine.store, "worker-9", analyses=("echo",), started_at=now, beat_at=now)
    assert "no living worker" not in text(await page(operator), "#d-now")


@pytest.mark.slow
async def test_the_list_is_restricted_by_status_and_analysis(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    await site.end(await visitor.started("echo", text="a"), failed())
    await site.end(await visitor.started("held", text="b"), failed())
    await visitor.started("held", text="c")
    assert len(rows(await page(operator, "/dashboard?status=failed"), ".d-sessions")) == 2
    shown = await page(operator, "/dashboard?status=failed&analysis=held")
    assert [line[2] for line in rows(shown, ".d-sessions")] == ["held"]
    assert "failed" in text(shown, ".d-filter [aria-current]")
    wrong = await operator.get("/dashboard?status=lost")
    assert (wrong.status_code, "status is one of pending" in wrong.text) == (422, True)


@pytest.mark.slow
async def test_the_list_ends_somewhere_and_says_so(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    for n in range(LISTED + 1):
        await visitor.started("echo", text=f"number {n}")
    shown = await page(operator)
    assert len(rows(shown, ".d-sessions")) == LISTED
    assert f"The newest {LISTED}." in text(shown, "#d-sessions")


@pytest.mark.slow
async def test_a_session_is_shown_with_its_attempts_and_its_input(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="<b>bold</b>")
    await crash(site.engine.store, session_id)
    await site.end(session_id, postponed(60, "It did not answer."))
    shown = await page(operator, f"/dashboard/{session_id}")
    assert "retrying" in text(shown, "#d-session .lead")
    assert "It did not answer." in text(shown, "#d-session .notice")
    assert "1 of 3; 1 crash" in text(shown, ".d-facts")
    assert [line[2] for line in rows(shown, "#d-attempts")] == ["crashed", "postponed"]
    assert json.loads(text(shown, "pre"))["text"] == "<b>bold</b>"
    assert shown.css_first("pre b") is None


@pytest.mark.slow
async def test_a_long_input_is_cut(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="long " * 2_000)
    assert INPUT_SHOWN <= len((await page(operator, f"/dashboard/{session_id}")).css_first("pre").text()) < 5_000


@pytest.mark.slow
async def test_a_session_of_any_owner_is_cancelled_and_tried_again(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="a")
    assert await press(operator, session_id, "cancel") == 303
    assert (await site.engine.store.get(session_id, owner=None)).status is Status.CANCELLED
    assert await press(operator, session_id, "retry") == 303
    assert (await site.engine.store.get(session_id, owner=None)).status is Status.PENDING
    assert await press(operator, session_id, "retry") == 409
    await site.end(session_id, completed())
    assert await press(operator, session_id, "cancel") == 409
    assert await press(operator, session_id, "retry") == 409


@pytest.mark.slow
async def test_an_unknown_session_is_reported_as_missing(operator: Visitor):
    assert (await operator.get("/dashboard/" + "a" * 26)).status_code == 404
    for verb in ("cancel", "retry"):
        assert await press(operator, "a" * 26, verb) == 404


@pytest.mark.slow
async def test_only_what_can_be_done_is_offered(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="a")

    async def offered() -> list[str]:
        shown = await page(operator, f"/dashboard/{session_id}")
        return [button.text(strip=True) for button in shown.css("main button")]

    assert await offered() == ["Cancel it"]
    await site.end(session_id, failed())
    assert await offered() == ["Try again"]
    await press(operator, session_id, "retry")
    await site.end(session_id, completed())
    assert await offered() == []


def test_the_tallest_hour_fills_the_picture_and_parts_stand_on_each_other():
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [Hour(begins, 2, 1, 1), Hour(begins + timedelta(hours=1), 0, 0, 0), Hour(begins, 0, 1, 0)]
    full, empty, small = chart_bars(hours)
    assert full.parts == [
        ("completed", CHART_HEIGHT / 2, CHART_HEIGHT / 2),
        ("failed", CHART_HEIGHT / 4, CHART_HEIGHT / 4),
        ("cancelled", 0.0, CHART_HEIGHT / 4),
    ]
    assert empty.parts == []
    assert small.parts == [("failed", CHART_HEIGHT * 3 / 4, CHART_HEIGHT / 4)]
    assert full.message == "00:00 UTC: 2 completed, 1 failed, 1 cancelled"


def test_a_day_of_nothing_is_drawn_too():
    assert all(not bar.parts for bar in chart_bars([Hour(datetime(2026, 1, 1, tzinfo=UTC), 0, 0, 0)] * HOURS))
