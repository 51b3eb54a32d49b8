"""What decides when a session runs, as a program declares it: delays, priorities of owners, limits."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from edge_site import open_site

from outlast import Limit, Outlast
from outlast.app import runtime_of
from outlast.domain.pauses import Pause
from outlast.settings import load_settings
from outlast.web.snapshot import snapshot


def site_with(folder, **options):
    site = Outlast(load_settings(data_dir=folder, shutdown_grace=0), **options)

    @site.analysis("echo", priority=1, limit=Limit(1, per="text"))
    async def echo(text: str) -> str:
        return text

    return site, echo


async def test_a_delayed_session_is_queued_and_says_when_it_starts(tmp_path):
    site, echo = site_with(tmp_path)
    async with site.lifespan():
        for delayed in (echo.options(delay=60), echo.options(delay=timedelta(minutes=1))):
            view = await (await delayed.start(text="a")).view()
            assert (view.session.available_at - view.session.created_at).total_seconds() == 60
            assert (view.session.phase, view.starts_at) == ("queued", view.session.available_at)
        at = datetime.now(UTC) + timedelta(hours=3)
        later = await (await echo.options(at=at).start(text="a")).view()
        assert abs(later.starts_at - at) < timedelta(seconds=1)
        past = await (await echo.options(at=datetime(2020, 1, 1, tzinfo=UTC)).start(text="a")).view()
        assert (past.starts_at, past.queue_position) == (None, 1)


@pytest.mark.slow
async def test_a_short_delay_passes(tmp_path):
    site, echo = site_with(tmp_path)
    async with site.lifespan(workers=1):
        assert await echo.options(delay=0.05).run(text="a") == "a"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delay": -1}, "delay is -1; it is from 0 seconds to a year."),
        ({"delay": 10**9}, "it is from 0 seconds to a year."),
        ({"delay": "soon"}, "it is a number of seconds or a timedelta."),
        ({"at": "tomorrow"}, "it is a datetime with a time zone."),
        ({"at": datetime(2030, 1, 1)}, "which has no time zone"),  # noqa: DTZ001 - the mistake
        ({"delay": 1, "at": datetime(2030, 1, 1, tzinfo=UTC)}, "leave out delay or at"),
    ],
)
def test_a_mistake_in_a_delay_is_found_at_once(tmp_path, options, said):
    _, echo = site_with(tmp_path)
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        echo.options(**options)


async def test_a_time_beyond_a_year_is_refused(tmp_path):
    site, echo = site_with(tmp_path)
    async with site.lifespan():
        with pytest.raises(ValueError, match="more than a year from now"):
            await echo.options(at=datetime.now(UTC) + timedelta(days=400)).start(text="a")


async def test_the_class_of_an_owner_adds_to_the_priority_unless_a_start_names_one(tmp_path):
    asked = []

    async def premium(owner):
        asked.append(owner)
        return 10 if owner == "ada" else 0

    site, echo = site_with(tmp_path, priority=premium)
    async with site.lifespan():
        started = [
            await echo.options(owner="ada").start(text="a"),
            await echo.options(owner="bob").start(text="a"),
            await echo.options(owner="ada", priority=3).start(text="b"),
            await echo.start(text="c"),
        ]
        assert [handle.session.priority for handle in started] == [11, 1, 3, 1]
        sessions = (await runtime_of(site).engine()).sessions
        anonymous = await sessions.start("echo", {"text": "d"}, "visitor:abc")
        assert anonymous.session.priority == 1
    assert asked == ["ada", "bob"]


async def test_a_class_that_is_no_number_is_a_mistake_with_a_sentence(tmp_path):
    site, echo = site_with(tmp_path, priority=lambda owner: "high")
    async with site.lifespan():
        with pytest.raises(ValueError, match="What the function priority= of Outlast"):
            await echo.options(owner="ada").start(text="a")
    with pytest.raises(TypeError, match="it is a function of an owner"):
        Outlast(priority=10)


@pytest.mark.parametrize("option", ["priority", "delay", "at", "queue"])
async def test_a_visitor_decides_none_of_this_over_http(tmp_path, option):
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        body = {"analysis": "echo", "input": {"text": "a"}, option: 9}
        answer = await visitor.post("/api/analysis/start", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"pointer": f"/{option}", "detail": f"Unknown field {option!r}."}]


async def test_a_paused_or_delayed_session_is_shown_calmly(tmp_path):
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        session_id = await visitor.started("echo", text="a")
        await site.engine.store.pause(Pause("analysis", "echo"))
        site.engine.watch._pauses_read = float("-inf")
        paused = await visitor.snapshot(session_id)
        assert (paused["paused"], paused["stalled"], paused["tone"]) == (True, False, "quiet")
        assert paused["current_message"] == "Paused"
        assert paused["notice"] == "This is paused for now; your analysis waits and will start by itself."
        await site.engine.store.resume(Pause("analysis", "echo"))
        site.engine.watch._pauses_read = float("-inf")
        started = await site.engine.sessions.start_from_code("echo", {"text": "b"}, None, delay=3600)
        view = await site.engine.watch.view(started.session)
        shown = snapshot(view, root="", interval_ms=1, keep_hours=1, result=None, offered=True)
        assert (shown["phase"], shown["tone"], shown["queue_position"]) == ("queued", "quiet", None)
        assert shown["notice"].startswith(f"It starts by itself on {shown['starts_at'][:10]} at ")
        assert shown["current_message"] == "Waiting for its time"
