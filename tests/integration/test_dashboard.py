"""The dashboard: how everything stands, every session, and the two verbs."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, OpenSite, Visitor, open_site
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from outlast.domain.status import Phase, Status
from outlast.domain.worker_control import WorkerCommand, WorkerKind
from outlast.testing.acts import completed, crash, failed, postponed, register_worker
from outlast.web.charts import TimeAxis, bar_chart, line_chart, nice_limit
from outlast.web.dashboard_sessions import INPUT_SHOWN, LISTED


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
    assert "Waiting 0 queue empty" in text(shown, "#d-now")
    assert "Nothing ended." in text(shown, "#d-pictures-table")
    assert "No step has ended yet." in text(shown, "#d-steps")
    assert len(shown.css("svg.d-chart")) == 3
    for path, said in (
        ("sessions", "There are none."),
        ("failures", "Nothing has failed."),
        ("workers", "No worker is running."),
    ):
        assert said in text(await page(operator, f"/dashboard/{path}"), "main")


@pytest.mark.slow
async def test_it_counts_what_waits_works_and_ended(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    async with site.working():
        for analysis in ("echo", "echo", "failing"):
            await visitor.finished(await visitor.started(analysis, text=secrets.token_hex(4)))
        await visitor.started("held", text="b")
        await site.hold.entered.passed()
        await site.engine.metric_counts.flush(site.engine.store)
        shown = await page(operator, "/dashboard?range=1h")
        figures = text(shown, ".d-figures")
        assert "Completed 2 in the last hour Failed 1 in the last hour" in figures
        assert "Working 1 of" in figures
        assert "Workers alive 1 on 1 machine" in figures
        assert len(shown.css("#d-pictures rect.d-completed")) == 1
        assert len(shown.css("#d-pictures polyline")) == 6
        assert [line[1:3] for line in rows(shown, "#d-pictures")] == [["2", "1"]]
        assert {(line[0], line[1]) for line in rows(shown, "#d-steps")} >= {
            ("echo", "judge"),
            ("echo", "read_text"),
        }


@pytest.mark.slow
@pytest.mark.parametrize("query", ["range=1y", "range=%00"])
async def test_another_range_is_refused(operator: Visitor, query: str):
    assert (await operator.get(f"/dashboard?{query}")).status_code == 422


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
    assert len(rows(await page(operator, "/dashboard/sessions?status=failed"), ".d-sessions")) == 2
    shown = await page(operator, "/dashboard/sessions?status=failed&analysis=held")
    assert [line[2] for line in rows(shown, ".d-sessions")] == ["held"]
    assert "failed" in text(shown, ".d-filter [aria-current]")
    wrong = await operator.get("/dashboard/sessions?status=lost")
    assert (wrong.status_code, "status is one of pending" in wrong.text) == (422, True)


@pytest.mark.slow
async def test_pages_of_the_list_follow_each_other(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    for n in range(LISTED + 3):
        await visitor.started("echo", text=f"number {n}")
    for query in ("", "?analysis=echo&"):
        first = await page(operator, f"/dashboard/sessions{query}")
        assert len(rows(first, ".d-sessions")) == LISTED
        older = first.css_first("a[rel=next]").attributes["href"]
        assert ("analysis=echo" in older) == bool(query)
        second = await page(operator, f"/dashboard/sessions{older}")
        assert len(rows(second, ".d-sessions")) == 3
        assert second.css_first("a[rel=next]") is None


@pytest.mark.slow
async def test_a_session_is_found_by_id_reference_subject_and_error(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    session_id = await visitor.started("product", source="https://shop.example/Lamp")
    await site.end(session_id, failed("The shop was closed.", reference="5a5a1234"))
    await visitor.started("product", source="https://shop.example/chair")
    for wanted in (session_id, session_id[:9].upper(), "5a5a1234", "example/lamp", "SHOP WAS"):
        shown = await page(operator, f"/dashboard/sessions?q={wanted}")
        assert [line[3] for line in rows(shown, ".d-sessions")] == ["https://shop.example/Lamp"], wanted
    assert "There are none." in text(await page(operator, "/dashboard/sessions?q=%25"), "#d-sessions")


@pytest.mark.slow
async def test_failures_are_grouped_and_a_group_is_retried(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    for n in range(3):
        await site.end(await visitor.started("echo", text=f"number {n}"), failed())
    other = await visitor.started("held", text="other")
    await site.end(other, failed())
    shown = await page(operator, "/dashboard/failures")
    assert [line[:3] for line in rows(shown, "#d-reasons")] == [["3", "echo", "gone"], ["1", "held", "gone"]]
    form = {
        field.attributes["name"]: field.attributes["value"]
        for field in shown.css("#d-reasons form")[0].css("input")
    }
    answer = await operator.post("/dashboard/failures/retry", data=form)
    assert answer.headers["location"] == "/dashboard/failures?retried=3&refused=0"
    statuses = {s.id: s.status for s in await site.sessions()}
    assert statuses.pop(other) is Status.FAILED
    assert set(statuses.values()) == {Status.PENDING}
    assert "3 sessions were retried" in text(await page(operator, answer.headers["location"]), ".notice[role]")
    assert len(rows(await page(operator, "/dashboard/failures?since=1h"), "#d-reasons")) == 1


@pytest.mark.slow
async def test_a_queue_and_an_analysis_are_paused_and_resumed(site: OpenSite, operator: Visitor):
    await (await site.visitor()).started("echo", text="a")
    for kind, name, part in (("queue", "analysis", "#d-queues"), ("analysis", "held", "#d-analyses")):
        form = {"csrf_token": operator.operator_token, "kind": kind, "name": name}
        assert (await operator.post("/dashboard/queues/pause", data=form)).status_code == 303
        assert [(p.kind, p.name) for p in await site.engine.store.pauses()] == [(kind, name)]
        states = {line[0]: line[1] for line in rows(await page(operator, "/dashboard/queues"), part)}
        assert states[name] == "paused"
        assert (await operator.post("/dashboard/queues/resume", data=form)).status_code == 303
        assert list(await site.engine.store.pauses()) == []
    wrong = {"csrf_token": operator.operator_token, "kind": "table", "name": "x"}
    assert (await operator.post("/dashboard/queues/pause", data=wrong)).status_code == 422


@pytest.mark.slow
async def test_a_worker_is_asked_for_what_it_can_follow(site: OpenSite, operator: Visitor):
    now = site.engine.clock.now()
    facts = {"beat_at": now, "program": "site"}
    kinds = {"w-new": WorkerKind.SUPERVISED, "w-fixed": WorkerKind.EMBEDDED}
    for worker_id, kind in kinds.items():
        version, started_at = ("2", now) if worker_id == "w-new" else ("1", now - timedelta(hours=1))
        register_worker(site.engine.store, worker_id, kind=kind, version=version, started_at=started_at, **facts)
    shown = await page(operator, "/dashboard/workers")
    lines = {line[0]: line for line in rows(shown, "#d-workers")}
    assert "Restart" in lines["w-new"][2]
    assert "Restart" not in lines["w-fixed"][2]
    assert "Drain" in lines["w-fixed"][2]
    assert "old code" in " ".join(lines["w-fixed"])
    assert "old code" not in " ".join(lines["w-new"])

    async def ask(worker: str, command: str) -> int:
        form = {"csrf_token": operator.operator_token, "worker": worker, "command": command}
        return (await operator.post("/dashboard/workers/ask", data=form)).status_code

    assert await ask("w-new", "drain") == 303
    assert await ask("w-fixed", "restart") == 409
    assert await ask("w-gone", "drain") == 409
    assert await ask("w-new", "dance") == 422
    asked = {w.id: w.requested for w in await site.engine.store.workers()}
    assert asked == {"w-new": WorkerCommand.DRAIN, "w-fixed": None}
    assert "asked to drain" in text(await page(operator, "/dashboard/workers"), "#d-workers")


@pytest.mark.slow
async def test_every_action_is_in_the_audit_log(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="a")
    await press(operator, session_id, "cancel")
    await press(operator, session_id, "retry")
    assert await press(operator, session_id, "retry") == 409
    form = {"csrf_token": operator.operator_token, "kind": "queue", "name": "slow"}
    await operator.post("/dashboard/queues/pause", data=form)
    reason = {"csrf_token": operator.operator_token, "analysis": "echo", "code": "error", "exception": ""}
    await operator.post("/dashboard/failures/retry", data=reason)
    lines = rows(await page(operator, "/dashboard/audit"), "#d-audit")
    assert [line[2:4] for line in lines] == [
        ["queue retry", "analysis=echo, code=error"],
        ["queue pause", "queue slow"],
        ["sessions retry", session_id],
        ["sessions cancel", session_id],
        ["dashboard enter", ""],
    ]
    assert all("Ada (operator " in line[1] for line in lines)
    assert len(rows(await page(operator, "/dashboard/audit?action=queue&actor=ada"), "#d-audit")) == 2
    assert "No line matches." in text(await page(operator, "/dashboard/audit?actor=bob"), "#d-audit")


@pytest.mark.slow
async def test_a_session_is_shown_with_its_attempts_and_its_input(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="<b>bold</b>")
    await crash(site.engine.store, session_id)
    await site.end(session_id, postponed(60, "It did not answer."))
    shown = await page(operator, f"/dashboard/{session_id}")
    assert "retrying" in text(shown, "#d-session .lead")
    assert "It did not answer." in text(shown, "#d-session .notice")
    assert "1 of 3; 1 crash" in text(shown, ".d-facts")
    assert [part.text() for part in shown.css("#d-attempts .d-phase")] == ["postponed", "crashed"]
    assert [row.attributes["class"] for row in shown.css(".d-timeline rect")][-2:] == [
        "d-t-postponed",
        "d-t-waiting",
    ]
    assert json.loads(text(shown, "#d-input"))["text"] == "<b>bold</b>"
    assert shown.css_first("pre b") is None


@pytest.mark.slow
async def test_a_long_input_is_cut(site: OpenSite, operator: Visitor):
    session_id = await (await site.visitor()).started("echo", text="long " * 2_000)
    assert (
        INPUT_SHOWN <= len((await page(operator, f"/dashboard/{session_id}")).css_first("#d-input").text()) < 5_000
    )


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
async def test_a_filter_that_takes_long_says_how_far_it_looked(site: OpenSite, operator: Visitor, monkeypatch):
    await (await site.visitor()).started("echo", text="a")
    assert "looked at" not in text(await page(operator, "/dashboard/sessions?analysis=held"), "#d-sessions")
    monkeypatch.setattr("outlast.web.dashboard_sessions.QUICK", -1.0)
    shown = await page(operator, "/dashboard/sessions?analysis=held")
    assert "Sessions started since" in text(shown, "#d-sessions")
    (link,) = [a.attributes["href"] for a in shown.css("#d-sessions .hint a")]
    assert "looked at" not in text(await page(operator, f"/dashboard/sessions{link}"), "#d-sessions")
    assert len(rows(await page(operator, "/dashboard/sessions?analysis=echo"), ".d-sessions")) == 1


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
        return [button.text(strip=True) for button in shown.css("#d-session button")]

    assert await offered() == ["Cancel"]
    await site.end(session_id, failed())
    assert await offered() == ["Try again"]
    await press(operator, session_id, "retry")
    await site.end(session_id, completed())
    assert await offered() == []


@pytest.mark.slow
async def test_a_failure_is_explained_from_its_page_alone(site: OpenSite, operator: Visitor):
    visitor = await site.visitor()
    async with site.working():
        session_id = await visitor.started("breaking", text="Ada")
        async for view in site.engine.sessions.watch(session_id, owner=None):
            if view.session.phase is Phase.RETRYING:
                break
    shown = await page(operator, f"/dashboard/{session_id}")
    told = text(shown, "#d-attempts")
    (line, *_) = await site.engine.store.history(session_id)
    for part in (
        "ValueError",
        "the secret of Ada",
        "Traceback (most recent call last)",
        line.worker_id,
        line.reference,
    ):
        assert part is not None
        assert part in told
    assert "the secret" not in (await visitor.get(f"/analysis/{session_id}")).text


def test_the_tallest_bar_reaches_its_limit_and_parts_stand_on_each_other():
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    axis = TimeAxis(begins, begins + 2 * hour)
    spans = [(begins, begins + hour, {"a": 2, "b": 2}), (begins + hour, begins + 2 * hour, {"a": 0})]
    chart = bar_chart(axis, spans, ("a", "b"))
    full, empty = chart.bars
    whole = chart.bottom - chart.top
    assert full.parts == [("a", chart.top + whole / 2, whole / 2), ("b", chart.top, whole / 2)]
    assert empty.parts == []
    assert full.title == "01 Jan 00:00 UTC: 2 a, 2 b"
    assert [tick.text for tick in chart.y_ticks] == ["0", "1", "2", "3", "4"]
    assert (chart.x_ticks[0].at, chart.x_ticks[-1].at) == (chart.left, chart.right)


def test_a_line_is_interrupted_where_nothing_is_known():
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begins + timedelta(minutes=n) for n in range(5)]
    values = list(zip(times, (1.0, 2.0, None, 4.0, None), strict=True))
    (line,) = line_chart(TimeAxis(begins, times[-1]), {"median": values}, str).lines
    assert [len(part.split()) for part in line.parts] == [2, 2]


@pytest.mark.parametrize(("most", "limit"), [(0, 1), (0.3, 0.4), (1, 1.2), (11, 12), (37, 40), (1e6, 1.2e6)])
def test_the_limit_of_an_axis_is_round(most: float, limit: float):
    assert nice_limit(most) == pytest.approx(limit)
